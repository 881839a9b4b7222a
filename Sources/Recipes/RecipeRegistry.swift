import Settings
import Training

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The recipes that have names. A new one is a function and a line here.
public enum RecipeRegistry {
    /// Name and function, in the order of listing.
    public static let recipes: [(name: String, make: @Sendable () -> Recipe)] = [
        ("mm1-demo", { .mm1Demo() }),
        ("mm1-demo-short", { .mm1DemoShort() }),
        ("mm1-faithful", { .mm1Faithful() }),
        ("mplug-owl-stage1", { .mplugOwlStage1() }),
        ("mplug-owl-stage1-tiny", { .mplugOwlStage1Tiny() }),
        ("mplug-owl-stage2", { .mplugOwlStage2() }),
        ("mplug-owl-stage2-tiny", { .mplugOwlStage2Tiny() }),
        ("mplug-owl-stage2-full", { .mplugOwlStage2Full() }),
        ("mplug-owl-stage2-full-tiny", { .mplugOwlStage2FullTiny() }),
        ("mplug-owl2-stage1", { .mplugOwl2Stage1() }),
        ("mplug-owl2-stage1-tiny", { .mplugOwl2Stage1Tiny() }),
        ("mplug-owl2-stage2", { .mplugOwl2Stage2() }),
        ("mplug-owl2-stage2-tiny", { .mplugOwl2Stage2Tiny() }),
        ("mplug-owl2-lora", { .mplugOwl2LoRA() }),
        ("mplug-owl2-lora-tiny", { .mplugOwl2LoRATiny() }),
        ("owl2-from-owl-start", { .owl2FromOwlStart() }),
        ("owl2-from-owl", { .owl2FromOwl() }),
    ]

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
