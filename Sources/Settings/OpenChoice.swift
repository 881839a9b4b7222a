/// A choice written as one word from a list that other packages may lengthen.
///
/// A value can be made of any word; only a known one can be read from a configuration.
public protocol OpenChoice: ConfigChoices, RawRepresentable, Codable where RawValue == String {
    init(rawValue: String)
}

extension OpenChoice {
    /// - Throws: `DecodingError.dataCorrupted` whose description lists the known words.
    public init(from decoder: any Decoder) throws {
        self.init(rawValue: try decoder.word(among: Self.choiceNames))
    }
}

extension Decoder {
    /// The word that is decoded, one of `choices`.
    ///
    /// - Throws: `DecodingError.dataCorrupted` whose description lists the known words.
    func word(among choices: [String]) throws -> String {
        let name = try singleValueContainer().decode(String.self)
        guard choices.contains(name) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath, debugDescription: NearestName.unknownChoice(name, among: choices),
                    underlyingError: UnknownChoice()))
        }
        return name
    }
}
