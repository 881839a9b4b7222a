import Settings
public import SyrinxModels

/// The model of a recipe: a family, and the shape of its parts. In YAML `family` stands beside the parts; without it the
/// family is the registry's first.
public struct ModelConfiguration: Hashable, Sendable {
    /// The shape, of whichever family.
    public var shape: any FamilyConfiguration

    public init(_ shape: any FamilyConfiguration) { self.shape = shape }

    /// The family it belongs to.
    public var family: ModelFamily { type(of: shape).family }

    /// Its parts and their sizes.
    public var outline: ModelOutline { shape.outline }

    public static func == (one: ModelConfiguration, other: ModelConfiguration) -> Bool {
        AnyHashable(one.shape) == AnyHashable(other.shape)
    }

    public func hash(into hasher: inout Hasher) { shape.hash(into: &hasher) }
}

extension ModelConfiguration: Codable {
    private struct FamilyName: Decodable, ConfigChoices {
        static var choiceNames: [String] { ModelRegistry.families.map(\.name) }

        let family: ModelFamily

        init(from decoder: any Decoder) throws {
            let name = try decoder.singleValueContainer().decode(String.self)
            guard let family = ModelRegistry.family(named: name) else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: NearestName.unknownChoice(name, among: Self.choiceNames)))
            }
            self.family = family
        }
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: OpenKey.self)
        let named = try keys.decodeIfPresent(FamilyName.self, forKey: .family)
        let family = named?.family ?? ModelRegistry.families[0]
        let own = family.configurationType.keys
        let others = Set(ModelRegistry.families.flatMap { $0.configurationType.keys })
        if let stranger = keys.allKeys.first(where: {
            others.contains($0.stringValue) && !own.contains($0.stringValue)
        }) {
            throw DecodingError.dataCorruptedError(
                forKey: stranger, in: keys,
                debugDescription:
                    "a model of the family \(family.name) has no key \(stranger.stringValue); its keys are "
                    + ([OpenKey.family.stringValue] + own).joined(separator: ", "))
        }
        shape = try Self.decoded(family.configurationType, from: decoder)
    }

    private static func decoded<Shape: FamilyConfiguration>(
        _ type: Shape.Type, from decoder: any Decoder
    ) throws -> any FamilyConfiguration {
        try decoder.singleValueContainer().decode(FamilyBlock<Shape>.self).shape
    }

    public func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: OpenKey.self)
        try keys.encode(family.name, forKey: .family)
        try shape.encode(to: encoder)
    }
}

/// A shape beside the key `family`, as a recipe's `model:` block holds it.
private struct FamilyBlock<Shape: FamilyConfiguration>: Decodable {
    let shape: Shape

    init(from decoder: any Decoder) throws { shape = try Shape(from: WithoutFamily(decoder)) }
}

/// A key of any name.
private struct OpenKey: CodingKey {
    static let family = OpenKey("family")

    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

/// A key of a shape, or `family`, so that a decoder that refuses unknown keys takes both.
private enum BlockKey<Key: CodingKey>: CodingKey {
    case family
    case shape(Key)

    var stringValue: String {
        switch self {
        case .family: OpenKey.family.stringValue
        case .shape(let key): key.stringValue
        }
    }

    var intValue: Int? { nil }

    init?(stringValue: String) {
        if let key = Key(stringValue: stringValue) {
            self = .shape(key)
        } else if stringValue == OpenKey.family.stringValue {
            self = .family
        } else {
            return nil
        }
    }

    init?(intValue: Int) { nil }
}

/// A decoder of a block whose key `family` has been read.
private struct WithoutFamily: Decoder {
    let block: any Decoder

    init(_ block: any Decoder) { self.block = block }

    var codingPath: [any CodingKey] { block.codingPath }
    var userInfo: [CodingUserInfoKey: Any] { block.userInfo }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let keys = try block.container(keyedBy: BlockKey<Key>.self)
        _ = keys.contains(.family)
        return KeyedDecodingContainer(Keys(block: keys))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try block.unkeyedContainer() }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { try block.singleValueContainer() }

    private struct Keys<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let block: KeyedDecodingContainer<BlockKey<Key>>

        var codingPath: [any CodingKey] { block.codingPath }
        var allKeys: [Key] { block.allKeys.compactMap { if case .shape(let key) = $0 { key } else { nil } } }

        func contains(_ key: Key) -> Bool { block.contains(.shape(key)) }
        func decodeNil(forKey key: Key) throws -> Bool { try block.decodeNil(forKey: .shape(key)) }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            try block.decode(type, forKey: .shape(key))
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            try block.nestedContainer(keyedBy: type, forKey: .shape(key))
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try block.nestedUnkeyedContainer(forKey: .shape(key))
        }

        func superDecoder() throws -> any Decoder { try block.superDecoder() }
        func superDecoder(forKey key: Key) throws -> any Decoder { try block.superDecoder(forKey: .shape(key)) }
    }
}
