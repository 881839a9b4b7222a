import Settings

/// Learns which keys a type reads, by letting it decode placeholders: the list of candidates for "did you mean".
///
/// Runs only when an error is about to be reported; a type whose `init(from:)` refuses the placeholders yields the keys
/// it asked for until then.
final class YAMLKeyRecorder {
    private(set) var keys: [String] = []

    /// The keys of `type`, or, for an enum with values, those of its case `caseName`.
    static func keys<Value: Decodable>(of type: Value.Type, caseName: String? = nil) -> [String] {
        let recorder = YAMLKeyRecorder()
        _ = try? Value(from: PlaceholderDecoder(recorder: recorder, caseName: caseName))
        return recorder.keys
    }

    func record(_ key: some CodingKey) {
        if !keys.contains(key.stringValue) { keys.append(key.stringValue) }
    }
}

/// Answers every request with a placeholder; `recorder` hears only of the outermost type's keys.
private struct PlaceholderDecoder: Decoder {
    var recorder: YAMLKeyRecorder?
    var caseName: String?
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func placeholder<Value: Decodable>(_ type: Value.Type) throws -> Value {
        switch type {
        case is String.Type: return "" as! Value
        case is Bool.Type: return false as! Value
        case is Double.Type: return 1.0 as! Value
        case is Float.Type: return Float(1) as! Value
        case let integer as any FixedWidthInteger.Type: return one(integer) as! Value
        case let choices as any CaseIterable.Type:
            if let first = firstCase(choices) as? Value { return first }
        case let choices as any OpenChoice.Type:
            if let first = choices.choiceNames.first, let value = word(first, choices) as? Value { return value }
        default: break
        }
        // An enum whose cases have values is decoded from a map with one of its names as the key.
        let caseName = (type as? any ConfigChoices.Type)?.choiceNames.first
        return try Value(from: PlaceholderDecoder(caseName: caseName))
    }

    private static func one<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer { 1 }
    private static func word<Choice: OpenChoice>(_ name: String, _ type: Choice.Type) -> Any { Choice(rawValue: name) }
    private static func firstCase<Choices: CaseIterable>(_ type: Choices.Type) -> Any? { Choices.allCases.first }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Keyed(recorder: recorder, caseName: caseName))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { Unkeyed() }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(word: caseName) }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let recorder: YAMLKeyRecorder?
        let caseName: String?
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { caseName.flatMap(Key.init(stringValue:)).map { [$0] } ?? [] }

        func contains(_ key: Key) -> Bool {
            recorder?.record(key)
            return false
        }

        func decodeNil(forKey key: Key) throws -> Bool { true }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            recorder?.record(key)
            return try placeholder(type)
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws
            -> KeyedDecodingContainer<Nested>
        {
            if caseName != nil { return try PlaceholderDecoder(recorder: recorder).container(keyedBy: type) }
            recorder?.record(key)
            return try PlaceholderDecoder().container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            recorder?.record(key)
            return Unkeyed()
        }

        func superDecoder() throws -> any Decoder { PlaceholderDecoder() }
        func superDecoder(forKey key: Key) throws -> any Decoder { PlaceholderDecoder() }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        var codingPath: [any CodingKey] { [] }
        var count: Int? { 0 }
        var isAtEnd: Bool { true }
        var currentIndex: Int { 0 }

        mutating func decodeNil() throws -> Bool { true }
        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try placeholder(type) }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> {
            try PlaceholderDecoder().container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { self }
        mutating func superDecoder() throws -> any Decoder { PlaceholderDecoder() }
    }

    private struct Single: SingleValueDecodingContainer {
        /// A word that a type written as one word accepts.
        let word: String?
        var codingPath: [any CodingKey] { [] }
        func decodeNil() -> Bool { true }
        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            if let word = word as? Value { return word }
            return try placeholder(type)
        }
    }
}
