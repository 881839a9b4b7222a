extension Decoder {
    /// The first key, in alphabetical order, that `Keys` does not have; nil when all are known.
    package func unknownKey<Keys: CodingKey & CaseIterable>(besides known: Keys.Type) throws -> String? {
        let names = Set(Keys.allCases.map(\.stringValue))
        return try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).filter { !names.contains($0) }.min()
    }
}

/// Any key of a JSON object.
private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
