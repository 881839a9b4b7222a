import ArgumentParser
import Foundation
import Recipes
import Terminal
import Training

/// `syrinx recipe`: the named runs and their editable form.
struct RecipeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipe", abstract: "List the recipes, or print one as editable YAML.",
        subcommands: [List.self, Show.self])

    /// `syrinx recipe list`.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the recipes.")

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let recipes = RecipeRegistry.recipes.map { $0.make() }
            if json {
                let entries = recipes.map { ["name": $0.name, "description": $0.description] }
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
                print(String(decoding: try encoder.encode(entries), as: UTF8.self))
                return
            }
            print(TerminalStyle.standardOutput.list(recipes.map { ($0.name, $0.description) }))
        }
    }

    /// `syrinx recipe show NAME`.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a recipe as YAML with every key; edit it and pass the file to `syrinx train`.")

        @Argument(help: "A recipe's name, or a YAML file.")
        var recipe: String

        @Option(name: .customLong("set"), help: "Change a value: key.path=value. Repeatable.")
        var settings: [String] = []

        @Flag(help: "Print JSON.")
        var json = false

        func run() throws {
            let recipe = try RecipeRegistry.recipe(recipe, overrides: settings)
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
                print(String(decoding: try encoder.encode(recipe), as: UTF8.self))
            } else {
                print(try StrictYAML.encode(recipe), terminator: "")
            }
        }
    }
}
