import Settings
import Yams

/// A map being read. Its keys are checked when it is opened, so that a misspelt key is named before a missing one.
struct YAMLKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: YAMLNodeDecoder
    let values: [String: Node]
    let names: [String]

    init(decoder: YAMLNodeDecoder, pairs: [(Node, Node)]) throws {
        self.decoder = decoder
        var values: [String: Node] = [:]
        var names: [String] = []
        for (key, value) in pairs {
            guard let name = key.scalar?.string else {
                throw decoder.state.error(key, decoder.path, "a key must be one word, found \(key.summary)")
            }
            guard Key(stringValue: name) != nil else {
                throw decoder.state.error(key, decoder.path, key: name, Self.unknown(name, decoder))
            }
            values[name] = value
            names.append(name)
        }
        self.values = values
        self.names = names
    }

    /// The message for a key that the type does not have.
    private static func unknown(_ name: String, _ decoder: YAMLNodeDecoder) -> String {
        let known = decoder.choices.isEmpty ? decoder.knownKeys(nil) : decoder.choices
        if let near = NearestName.find(name, among: known) { return "unknown key '\(name)'; did you mean '\(near)'?" }
        return known.isEmpty
            ? "unknown key '\(name)'" : "unknown key '\(name)'; the known keys are \(known.joined(separator: ", "))"
    }

    var codingPath: [any CodingKey] { decoder.codingPath }
    var allKeys: [Key] { names.compactMap(Key.init(stringValue:)) }

    func contains(_ key: Key) -> Bool { values[key.stringValue] != nil }
    func decodeNil(forKey key: Key) throws -> Bool { values[key.stringValue]?.isNull ?? true }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try child(key).decode(type) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws
        -> KeyedDecodingContainer<Nested>
    {
        var child = try child(key)
        let ask = decoder.knownKeys
        child.knownKeys = { _ in ask(key.stringValue) }
        return try child.container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try child(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { try child(key) }

    private func child(_ key: Key) throws -> YAMLNodeDecoder {
        guard let node = values[key.stringValue] else {
            throw decoder.state.error(
                decoder.node, decoder.path,
                "the key '\(key.stringValue)' is missing; add it (`syrinx recipe show` prints them all)")
        }
        return decoder.child(node, key.stringValue)
    }
}

/// A list being read.
struct YAMLUnkeyedDecoding: UnkeyedDecodingContainer {
    let decoder: YAMLNodeDecoder
    let nodes: [Node]
    var currentIndex = 0

    init(decoder: YAMLNodeDecoder, nodes: [Node]) {
        self.decoder = decoder
        self.nodes = nodes
    }

    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { nodes.count }
    var isAtEnd: Bool { currentIndex >= nodes.count }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, nodes[currentIndex].isNull else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next().decode(type) }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested>
    {
        try next().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try next() }

    private mutating func next() throws -> YAMLNodeDecoder {
        guard !isAtEnd else {
            throw decoder.state.error(
                decoder.node, decoder.path,
                "the list has \(nodes.count) entries, \(currentIndex + 1) or more were expected")
        }
        defer { currentIndex += 1 }
        return decoder.child(nodes[currentIndex], String(currentIndex))
    }
}

/// One value being read.
struct YAMLSingleDecoding: SingleValueDecodingContainer {
    let decoder: YAMLNodeDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { decoder.node.isNull }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.decode(type) }
}
