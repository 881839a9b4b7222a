/// An enum of choices that can list the names a configuration may use, so that a misspelt one is answered with the nearest.
public protocol ConfigChoices {
    /// Every name that may stand for this value in a configuration, in the order of declaration.
    static var choiceNames: [String] { get }
}

/// A choice written as one word. A word that is none of them is answered with all of them and the nearest.
public protocol NamedChoice: ConfigChoices, RawRepresentable, CaseIterable, Codable where RawValue == String {}

extension ConfigChoices where Self: CaseIterable & RawRepresentable, Self.RawValue == String {
    public static var choiceNames: [String] { allCases.map(\.rawValue) }
}

extension NamedChoice {
    /// - Throws: `DecodingError.dataCorrupted` whose description lists the known words.
    public init(from decoder: any Decoder) throws {
        let name = try decoder.word(among: Self.choiceNames)
        guard let choice = Self(rawValue: name) else {
            preconditionFailure("\(Self.self) lists '\(name)', which it is not")
        }
        self = choice
    }
}

/// Marks a decoding error whose description is already made for the user.
struct UnknownChoice: Error {}

extension NearestName {
    /// "'gelo' is not one of gelu, silu; did you mean 'gelu'?"
    package static func unknownChoice(_ name: String, among choices: [String]) -> String {
        let shown = name.count > 40 ? name.prefix(40) + "..." : name[...]
        let near = find(String(shown), among: choices).map { "; did you mean '\($0)'?" } ?? ""
        return "'\(shown)' is not one of \(choices.joined(separator: ", "))\(near)"
    }
}
