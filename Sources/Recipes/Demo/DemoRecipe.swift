/// Which recipes the demo trains, and what its report says of them; a family's recipes bring it.
public struct DemoRecipe: Sendable {
    /// The recipe of the whole demo, and the one of `--short`.
    public var name: String
    public var shortName: String
    /// The title of the report.
    public var title: String
    /// What the report says of the mixture.
    public var mixtureNote: String

    public init(name: String, shortName: String, title: String, mixtureNote: String) {
        self.name = name
        self.shortName = shortName
        self.title = title
        self.mixtureNote = mixtureNote
    }
}
