import Settings
import Synchronization
import Training

/// The objectives that recipes can name.
public enum ObjectiveRegistry {
    /// Those of this library, one line each.
    private static let own: [RecipeObjective] = [
        .bagOfWords,
        .contrastive,
        .nextToken,
    ]

    private static let added = Mutex<[RecipeObjective]>([])

    /// All of them: the library's, then what was registered, in order.
    public static var objectives: [RecipeObjective] { own + added.withLock { $0 } }

    /// Adds an objective from outside the library; recipes that are read later can name it. Any thread may call it.
    ///
    /// - Throws: `ConfigError` if its name is taken.
    public static func register(_ objective: RecipeObjective) throws {
        let isNew = added.withLock { added in
            guard !(own + added).contains(where: { $0.name == objective.name }) else { return false }
            added.append(objective)
            return true
        }
        guard isNew else {
            throw ConfigError(
                place: "objective '\(objective.name)'",
                problem: "the name is already registered; register it once, or choose another")
        }
    }

    /// The objective that a stage names.
    ///
    /// - Parameter place: where it is named, for the error.
    /// - Throws: `ConfigError` with the nearest name if there is none.
    static func objective(_ choice: Recipe.Objective, at place: String) throws -> RecipeObjective {
        let objectives = objectives
        guard let objective = objectives.first(where: { $0.name == choice.rawValue }) else {
            throw ConfigError(
                place: place, problem: NearestName.unknownChoice(choice.rawValue, among: objectives.map(\.name)))
        }
        return objective
    }
}
