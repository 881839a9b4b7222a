#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension StrictJSON {
    /// How a JSON file spells its keys.
    package enum KeyStyle: Sendable {
        /// As the Swift properties are called.
        case asDeclared
        /// In snake case, as the field's `config.json` has them.
        case snakeCase
    }

    /// Decodes a value from JSON text that is first checked in full: a damaged file is never half understood.
    ///
    /// - Parameter isChecked: false leaves the check out, and with it the refusal of duplicate keys: for the many records
    ///   and the long index of a corpus, which Syrinx itself wrote.
    /// - Throws: ``Malformed`` with the place in the text, or the key and what it should hold; or the error that a type's
    ///   own decoding throws.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], keys: KeyStyle = .asDeclared, depthLimit: Int = 64,
        isChecked: Bool = true
    ) throws -> Value {
        if isChecked { _ = try StrictJSON(bytes, depthLimit: depthLimit) }
        let decoder = JSONDecoder()
        if keys == .snakeCase { decoder.keyDecodingStrategy = .convertFromSnakeCase }
        do {
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            return try decoder.decode(type, from: Data(bytes.starts(with: mark) ? bytes.dropFirst(3) : bytes[...]))
        } catch let error as DecodingError {
            // Where the syntax is wrong, this throws with the place.
            if !isChecked { _ = try StrictJSON(bytes, depthLimit: depthLimit) }
            throw Malformed(reason: error.sentence(keys))
        }
    }
}

extension DecodingError {
    /// Which key does not hold what it should, without any of Swift's own names.
    fileprivate func sentence(_ keys: StrictJSON.KeyStyle) -> String {
        func place(_ path: [any CodingKey]) -> String {
            let names = path.map { key in
                key.intValue.map(String.init) ?? (keys == .snakeCase ? snakeCase(key.stringValue) : key.stringValue)
            }
            return names.isEmpty ? "the JSON value" : names.joined(separator: ".")
        }
        switch self {
        case .keyNotFound(let key, let context):
            return "the key \(place(context.codingPath + [key])) is missing"
        case .typeMismatch(let type, let context):
            return "\(place(context.codingPath)) should be \(expectation(type, keys))"
        case .valueNotFound(let type, let context):
            return "\(place(context.codingPath)) should be \(expectation(type, keys)), not null"
        case .dataCorrupted(let context):
            if context.underlyingError is UnknownChoice {
                return "\(place(context.codingPath)): \(context.debugDescription)"
            }
            // The syntax has been checked, so it is a number; Foundation says neither which nor where.
            return "a number in it is too large, or a fraction where a whole number is expected"
        @unknown default:
            return "\(self)"
        }
    }

    /// What a file should have held where a value of `type` was expected.
    private func expectation(_ type: any Any.Type, _ keys: StrictJSON.KeyStyle) -> String {
        switch type {
        case is String.Type: return "text"
        case is Bool.Type: return "true or false"
        case is any FixedWidthInteger.Type: return "a whole number"
        case is any BinaryFloatingPoint.Type: return "a number"
        case let choices as any ConfigChoices.Type:
            let names = choices.choiceNames.map { keys == .snakeCase ? snakeCase($0) : $0 }
            return "an object with one of the keys \(names.joined(separator: ", "))"
        default: return "\(type)".hasPrefix("Array<") ? "a list" : "an object"
        }
    }
}

/// `hiddenSize` as `hidden_size`.
private func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { text, character in
        if character.isUppercase { text += "_" }
        text += character.lowercased()
    }
}
