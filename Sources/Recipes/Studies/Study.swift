public import Training

/// A comparison over several runs and seeds, which `syrinx study NAME` runs. A family's studies stand beside its recipes.
public protocol Study: SendableMetatype {
    /// The name it is called by.
    static var name: String { get }
    /// What is compared, in one line.
    static var abstract: String { get }
    /// What is run and what comes of it.
    static var discussion: String { get }
    /// The recipe of its runs, and the one of what they start from.
    static var recipe: String { get }
    static var startRecipe: String { get }

    /// - Parameters:
    ///   - folder: where runs go; finished ones are kept, interrupted ones go on.
    ///   - startOverrides: `key.path=value` changes of ``startRecipe``, the same for all.
    ///   - overrides: changes of ``recipe``, the same for all.
    init(folder: String, seeds: [UInt64], startOverrides: [String], overrides: [String])

    /// Runs it and compares the runs.
    ///
    /// - Throws: `ConfigError` for values that cannot work, and what ``RecipeRunner/run(_:_:)`` throws; the same call goes on
    ///   afterwards.
    func report(
        observers: @escaping (String) -> [any TrainingObserver], say: @escaping (String) -> Void
    ) throws -> StudyReport
}

/// What a study came to.
public struct StudyReport {
    /// The table for a reader.
    public let table: String
    /// The same with every run, to be written as JSON.
    public let values: any Encodable

    public init(table: String, values: any Encodable) {
        self.table = table
        self.values = values
    }
}
