import Settings
internal import Synchronization
import Training

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The recipes, studies and the demo of one family.
public struct FamilyRecipes: Sendable {
    /// A named recipe.
    public typealias Entry = (name: String, make: @Sendable () -> Recipe)

    /// Name and function, in the order of listing.
    public var recipes: [Entry]
    /// What `syrinx study` runs.
    public var studies: [any Study.Type]

    public init(_ recipes: [Entry], studies: [any Study.Type] = []) {
        self.recipes = recipes
        self.studies = studies
    }
}

/// The recipes that have names. A new one is a function and a line in its family's folder.
public enum RecipeRegistry {
    /// The families' recipes, in the order of listing.
    private static let library = [MM1Recipes.all, MPLUGOwlRecipes.all]
    /// What `make demo` trains.
    public static let demo = MM1Recipes.demo
    private static let registered = Mutex<[FamilyRecipes]>([])

    private static var families: [FamilyRecipes] { library + registered.withLock { $0 } }

    /// Name and function, in the order of listing.
    public static var recipes: [FamilyRecipes.Entry] { families.flatMap(\.recipes) }

    /// What `syrinx study` runs.
    public static var studies: [any Study.Type] { families.flatMap(\.studies) }

    /// Adds the recipes of another package's family.
    ///
    /// - Throws: `ConfigError` where a recipe of that name is there already.
    public static func register(_ added: FamilyRecipes) throws {
        let twin = registered.withLock { registered -> String? in
            let known = Set((library + registered).flatMap(\.recipes).map(\.name))
            let twin = added.recipes.map(\.name).first { known.contains($0) }
            if twin == nil { registered.append(added) }
            return twin
        }
        if let twin {
            throw ConfigError(place: twin, problem: "a recipe of this name is already registered; choose another name")
        }
    }

    /// The recipe of a name or a YAML file, changed by `key.path=value` settings.
    ///
    /// - Throws: `ConfigError` if there is neither, with the nearest name, or if the file or a setting is wrong.
    public static func recipe(_ nameOrFile: String, overrides: [String] = []) throws -> Recipe {
        if let known = recipes.first(where: { $0.name == nameOrFile }) {
            return try StrictYAML.applying(overrides, to: known.make(), named: nameOrFile)
        }
        guard let bytes = FileManager.default.contents(atPath: nameOrFile) else {
            let names = recipes.map(\.name)
            let near = NearestName.find(nameOrFile, among: names)
            throw ConfigError(
                place: nameOrFile,
                problem: "neither a recipe nor a readable file; the recipes are \(names.joined(separator: ", "))"
                    + (near.map { "; did you mean '\($0)'?" } ?? ""))
        }
        guard let text = String(validatingUTF8Bytes: Array(bytes)) else {
            throw ConfigError(place: nameOrFile, problem: "not a text file (its bytes are not UTF-8); a recipe is YAML")
        }
        return try StrictYAML.decode(Recipe.self, from: text, file: nameOrFile, overrides: overrides)
    }
}

extension String {
    fileprivate init?(validatingUTF8Bytes bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self = text
    }
}
