import Settings
import Yams

/// What all decoders of one document share: the file's name and the changed values, for messages.
final class YAMLDecodingState {
    let file: String
    let overrides: [YAMLOverride]

    init(file: String, overrides: [YAMLOverride]) {
        self.file = file
        self.overrides = overrides
    }

    /// An error at a node: where a `--set` brought it in, the setting is named, otherwise file, line and key path.
    ///
    /// - Parameter key: the key in `path`'s map that the problem is about, where it is about one.
    func error(_ node: Node?, _ path: [String], key: String? = nil, _ problem: String) -> ConfigError {
        let blamed = path + [key].compactMap { $0 }
        if let setting = overrides.last(where: { $0.holds(blamed) || (key != nil && $0.passes(through: blamed)) }) {
            let inside = path.count > setting.path.count ? "\(YAMLPath.text(path)): " : ""
            return ConfigError(place: setting.place, problem: inside + problem)
        }
        var place = file
        if let mark = node?.mark { place += ", line \(mark.line)" }
        if !path.isEmpty { place += ", \(YAMLPath.text(path))" }
        return ConfigError(place: place, problem: problem)
    }
}

/// A strict `Decoder` over a YAML node.
struct YAMLNodeDecoder: Decoder {
    let node: Node
    let path: [String]
    let state: YAMLDecodingState
    /// The names that an enum being decoded here accepts, if it lists them.
    var choices: [String] = []
    /// The keys that the type being decoded here (or the enum's named case) reads, for "did you mean"; asked only when an
    /// error is certain.
    var knownKeys: (_ caseName: String?) -> [String] = { _ in [] }

    var codingPath: [any CodingKey] { path.map(YAMLKey.init) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        var decoder = self
        decoder.choices = Self.choices(of: type)
        decoder.knownKeys = { YAMLKeyRecorder.keys(of: type, caseName: $0) }
        if let scalar = try decoder.scalar(type) { return scalar }
        if !decoder.choices.isEmpty, let name = node.scalar?.string, !decoder.choices.contains(name) {
            throw state.error(node, path, decoder.unknownChoice(name))
        }
        return try Value(from: decoder)
    }

    /// The words that may stand for a value of `type`: as it lists them, or its raw values if it is an enum of words.
    private static func choices(of type: Any.Type) -> [String] {
        func words<Choices: CaseIterable>(_ type: Choices.Type) -> [String] {
            Choices.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
        }
        if let listed = type as? any ConfigChoices.Type { return listed.choiceNames }
        return (type as? any CaseIterable.Type).map { words($0) } ?? []
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        if let name = node.scalar?.string, !node.isNull {
            // `constant` stands for `constant: {}`: a case without values.
            guard Key(stringValue: name) != nil, mayBeCase(name) else {
                throw state.error(
                    node, path, choices.isEmpty ? mismatch("a map of keys and values") : unknownChoice(name))
            }
            let key = Node.scalar(.init(name, .implicit, .plain, node.mark))
            return KeyedDecodingContainer(
                try YAMLKeyedDecoding<Key>(decoder: self, pairs: [(key, Node([(Node, Node)]()))]))
        }
        guard let mapping = node.mapping else { throw state.error(node, path, mismatch("a map of keys and values")) }
        return KeyedDecodingContainer(
            try YAMLKeyedDecoding<Key>(decoder: self, pairs: mapping.map { ($0.key, $0.value) }))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let sequence = node.sequence else { throw state.error(node, path, mismatch("a list")) }
        return YAMLUnkeyedDecoding(decoder: self, nodes: Array(sequence))
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { YAMLSingleDecoding(decoder: self) }

    func child(_ node: Node, _ component: String) -> YAMLNodeDecoder {
        YAMLNodeDecoder(node: node, path: path + [component], state: state)
    }

    /// A plain word is a case only where an enum is decoded: a struct would otherwise accept its own key as its value.
    private func mayBeCase(_ name: String) -> Bool { choices.isEmpty || choices.contains(name) }

    private func unknownChoice(_ name: String) -> String {
        var text = "'\(name)' is not one of \(choices.joined(separator: ", "))"
        if let near = NearestName.find(name, among: choices) { text += "; did you mean '\(near)'?" }
        return text
    }

    func mismatch(_ expected: String) -> String { "expected \(expected), found \(node.summary)" }
}

// MARK: - Scalars

extension YAMLNodeDecoder {
    /// Decodes the types YAML writes as one word; nil means that `type` is not one of them.
    func scalar<Value>(_ type: Value.Type) throws -> Value? {
        switch type {
        case is String.Type: return try text() as? Value
        case is Bool.Type: return try boolean() as? Value
        case is Double.Type: return try number() as? Value
        case is Float.Type: return Float(try number()) as? Value
        case let integer as any FixedWidthInteger.Type: return try whole(integer) as? Value
        default: return nil
        }
    }

    private func text() throws -> String {
        guard let scalar = node.scalar, !node.isNull else { throw state.error(node, path, mismatch("text")) }
        return scalar.string
    }

    private func boolean() throws -> Bool {
        switch node.scalar?.string {
        case "true" where !node.isQuoted: return true
        case "false" where !node.isQuoted: return false
        default: throw state.error(node, path, mismatch("true or false"))
        }
    }

    private func number() throws -> Double {
        guard let scalar = node.scalar, !node.isQuoted,
            let value = Double(scalar.string.replacing("_", with: "")), value.isFinite
        else { throw state.error(node, path, mismatch("a number")) }
        return value
    }

    private func whole<Integer: FixedWidthInteger>(_ type: Integer.Type) throws -> Integer {
        guard let scalar = node.scalar, !node.isQuoted else {
            throw state.error(node, path, mismatch("a whole number"))
        }
        let digits = scalar.string.replacing("_", with: "")
        if let value = Integer(digits) { return value }
        // 2e5 and 200000.0 are whole numbers, too.
        if let value = Double(digits), let exact = Integer(exactly: value) { return exact }
        let isWhole = !digits.isEmpty && digits.drop(while: { $0 == "-" || $0 == "+" }).allSatisfy(\.isNumber)
        let expected = isWhole ? "a whole number from \(Integer.min) to \(Integer.max)" : "a whole number"
        throw state.error(node, path, mismatch(expected))
    }
}

extension Node {
    var isQuoted: Bool { scalar.map { $0.style != .any && $0.style != .plain } ?? false }

    var isNull: Bool {
        guard let scalar, !isQuoted else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    /// The node in two words, for "expected ..., found ...".
    var summary: String {
        switch self {
        case .scalar(let scalar):
            if isNull { return "null" }
            if !isQuoted, Double(scalar.string) != nil { return "the number \(scalar.string)" }
            return "the text '\(scalar.string.prefix(40))'"
        case .mapping(let mapping): return mapping.isEmpty ? "an empty map" : "a map (\(keyList(mapping)))"
        case .sequence(let sequence): return "a list of \(sequence.count)"
        case .alias: return "an alias"
        }
    }

    private func keyList(_ mapping: Node.Mapping) -> String {
        let keys = mapping.keys.compactMap { $0.scalar?.string }
        return keys.prefix(3).joined(separator: ", ") + (keys.count > 3 ? ", ..." : "")
    }
}

struct YAMLKey: CodingKey {
    let stringValue: String
    var intValue: Int? { Int(stringValue) }

    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { stringValue = String(intValue) }
}
