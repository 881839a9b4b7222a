/// A JSON value with its object keys in order.
package enum StrictJSON {
    case object([(key: String, value: StrictJSON)])
    case array([StrictJSON])
    case string(String)
    /// The digits as written: large integers keep every digit.
    case number(String)
    case bool(Bool)
    case null

    /// Where and why text is not JSON.
    package struct Malformed: Error {
        /// What is wrong and at which byte, for the end of a sentence.
        package let reason: String
    }

    /// The most values one document may hold: a file of a hundred megabytes must not become gigabytes in memory.
    package static let maximumValueCount = 5_000_000

    /// Parses RFC 8259 text, refusing what lenient parsers let pass: duplicate keys, bytes after the value, invalid
    /// UTF-8, deep nesting.
    package init(_ bytes: UnsafeRawBufferPointer, depthLimit: Int = 8) throws(Malformed) {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw Malformed(reason: "its text is not UTF-8") }
        var parser = Parser(bytes: bytes, depthLimit: depthLimit)
        self = try parser.document()
    }

    package init(_ bytes: [UInt8], depthLimit: Int = 8) throws(Malformed) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(Malformed) in try StrictJSON(bytes, depthLimit: depthLimit) }
        }
        self = try result.get()
    }

    /// What kind of value this is, for messages.
    package var kind: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "a boolean"
        case .null: "null"
        }
    }
}

private struct Parser {
    let bytes: UnsafeRawBufferPointer
    let depthLimit: Int
    var index = 0
    var valueCount = 0

    mutating func document() throws(StrictJSON.Malformed) -> StrictJSON {
        // A byte order mark, which some editors put before UTF-8: RFC 8259 lets readers ignore it.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        if index != bytes.count { throw malformed("unexpected text after the JSON value") }
        return value
    }

    private mutating func value(depth: Int) throws(StrictJSON.Malformed) -> StrictJSON {
        if depth > depthLimit { throw malformed("nesting deeper than \(depthLimit)") }
        valueCount += 1
        if valueCount > StrictJSON.maximumValueCount {
            throw malformed("more than \(StrictJSON.maximumValueCount) values")
        }
        switch peek {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some: return try number()
        case nil: throw malformed("unexpected end of the JSON text")
        }
    }

    private mutating func object(depth: Int) throws(StrictJSON.Malformed) -> StrictJSON {
        index += 1
        var members: [(key: String, value: StrictJSON)] = []
        var keys: Set<String> = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw malformed("expected a key in quotes") }
            let key = try string()
            // Swift compares strings by canonical equivalence; two keys that look alike may not both be stored anyway.
            if !keys.insert(key).inserted { throw malformed("duplicate key \(key.debugDescription)") }
            skipSpace()
            if !take(":") { throw malformed("expected ':' after the key \(key.debugDescription)") }
            skipSpace()
            members.append((key, try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .object(members) }
            if !take(",") { throw malformed("expected ',' or '}'") }
        }
    }

    private mutating func array(depth: Int) throws(StrictJSON.Malformed) -> StrictJSON {
        index += 1
        var elements: [StrictJSON] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            skipSpace()
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(elements) }
            if !take(",") { throw malformed("expected ',' or ']'") }
        }
    }

    private mutating func string() throws(StrictJSON.Malformed) -> String {
        index += 1
        var text: [UInt8] = []
        while let byte = next() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += Array(String(try escape()).utf8)
            case 0..<0x20: throw malformed("a control character inside a string")
            default: text.append(byte)
            }
        }
        throw malformed("a string without its closing quote")
    }

    private mutating func escape() throws(StrictJSON.Malformed) -> Unicode.Scalar {
        switch next() {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try fourDigits()
            if let scalar = Unicode.Scalar(unit) { return scalar }
            guard (0xD800..<0xDC00).contains(unit), next() == UInt8(ascii: "\\"), next() == UInt8(ascii: "u") else {
                throw malformed("half of a surrogate pair")
            }
            let low = try fourDigits()
            guard (0xDC00..<0xE000).contains(low) else { throw malformed("half of a surrogate pair") }
            let code = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            guard let scalar = Unicode.Scalar(code) else { throw malformed("half of a surrogate pair") }
            return scalar
        default: throw malformed("an unknown escape in a string")
        }
    }

    private mutating func fourDigits() throws(StrictJSON.Malformed) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw malformed("a \\u escape without four hexadecimal digits")
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    private mutating func number() throws(StrictJSON.Malformed) -> StrictJSON {
        let start = index
        _ = take("-")
        if !take("0") {
            if digits() == 0 { throw malformed(unexpected) }
        }
        if take(".") && digits() == 0 { throw malformed("a number without digits after its point") }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            if digits() == 0 { throw malformed("a number without digits in its exponent") }
        }
        return .number(String(decoding: bytes[start..<index], as: UTF8.self))
    }

    /// What stands where a value should: forms that other readers let pass are named.
    private var unexpected: String {
        let rest = bytes[index...]
        if rest.starts(with: "NaN".utf8) || rest.starts(with: "Infinity".utf8) {
            return "NaN or Infinity, which JSON does not have,"
        }
        if rest.starts(with: "//".utf8) || rest.starts(with: "/*".utf8) || rest.starts(with: "#".utf8) {
            return "a comment, which JSON does not have,"
        }
        return "unexpected character"
    }

    private mutating func digits() -> Int {
        let start = index
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        return index - start
    }

    private mutating func word(_ word: StaticString, _ value: StrictJSON) throws(StrictJSON.Malformed) -> StrictJSON {
        for expected in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        where next() != expected {
            throw malformed("expected the word \(word)")
        }
        return value
    }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func next() -> UInt8? {
        guard index < bytes.count else { return nil }
        defer { index += 1 }
        return bytes[index]
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: scalar) else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private func malformed(_ reason: String) -> StrictJSON.Malformed {
        let line = 1 + bytes[..<min(index, bytes.count)].count { $0 == UInt8(ascii: "\n") }
        let place = line > 1 ? "line \(line), byte \(index)" : "byte \(index)"
        return StrictJSON.Malformed(reason: "\(reason) at \(place) of the JSON text")
    }
}
