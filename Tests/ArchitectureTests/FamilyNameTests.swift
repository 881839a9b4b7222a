import TestSupport
import Testing

/// A family is one folder of Models, one of Recipes, and a word in each registry. Nothing else may know that it exists: not
/// by a type, not by a name in a text, not in a comment. A comment that cites a paper gives its number.
@Suite("No family of models is named outside its folders")
struct FamilyNameTests {
    /// The folders of the families.
    static let folders = ["Models/MM1", "Models/MPLUGOwl", "Recipes/MM1", "Recipes/MPLUGOwl"].map { "Sources/\($0)/" }

    /// The registries' lines, by the file and what stands in them.
    static let registries: [String: [String]] = [
        "Sources/Models/ModelRegistry.swift": ["let library =", "let conversationTemplate ="],
        "Sources/Recipes/RecipeRegistry.swift": ["let library =", "let demo ="],
    ]

    /// The families' names as they would appear in code and texts. LLaVA is a form of data and LLaMA a component here.
    static var families: Regex<Substring> { /(?i:mm1|mplug|one_?llm|owl2|owl-)|\bowls?\b|\b[oO]wl[A-Z]|Owl/ }

    private static func names(_ line: String) -> Bool { line.firstMatch(of: families) != nil }

    private static func isRegistryLine(_ line: String, of path: String) -> Bool {
        registries[path]?.contains(where: line.contains) ?? false
    }

    @Test("in any room, code, texts and comments", arguments: rooms.map(\.folder))
    func noFamilyNames(folder: String) throws {
        let extensions: Set<String> = ["swift", "c", "cpp", "h", "hpp", "cc", "mm"]
        for file in try nonempty(SourceTree.files(under: "Sources/\(folder)", extensions: extensions))
        where !Self.folders.contains(where: file.path.hasPrefix) {
            #expect(!Self.names(file.path), "\(file.path): the file's name names a family")
            for (index, line) in file.lines.enumerated() where !Self.isRegistryLine(line, of: file.path) {
                #expect(!Self.names(line), "\(file.path):\(index + 1) names a family: \(line)")
            }
        }
    }

    @Test("every folder and every line of the lists exists, and names one")
    func listsAreCurrent() throws {
        for folder in Self.folders { #expect(try !SourceTree.files(under: folder, extensions: ["swift"]).isEmpty) }
        for (path, marks) in Self.registries {
            let lines = try SourceTree.file(path).lines
            for mark in marks {
                #expect(lines.count { $0.contains(mark) && Self.names($0) } == 1, "\(path): \(mark)")
            }
        }
    }

    @Test("every folder beside the shared ones is a family's and guarded, so that a new family is not forgotten here")
    func everyFamilyIsGuarded() throws {
        let shared: Set<String> = ["Components", "Families", "Demo", "Objectives", "Studies"]
        var folders: Set<String> = []
        for room in ["Models", "Recipes"] {
            for file in try nonempty(SourceTree.files(under: "Sources/\(room)/", extensions: ["swift"])) {
                let parts = file.path.split(separator: "/")
                if parts.count > 3 { folders.insert("Sources/\(room)/\(parts[2])/") }
            }
        }
        let guarded = Set(Self.folders)
        let unguarded = folders.filter { folder in
            !guarded.contains(folder) && !shared.contains(folder.split(separator: "/").last.map(String.init) ?? "")
        }
        #expect(unguarded.isEmpty, "add these folders and their families' names: \(unguarded.sorted())")
    }

    @Test("the names are found in their forms, and other words are not")
    func forms() {
        let named = [
            "MM1.Config", "mm1-demo", "mplug-owl2", "MPLUGOwl", "tinyOwl(", "owl2FromOwl", "mPLUG-Owl", "the owl",
        ]
        for text in named { #expect(Self.names(text), "\(text)") }
        let others = ["knowledge", "slowly", "allowed", "LLaVA's records", "\"llava\"", "LLaMADecoder", "acknowledges"]
        for text in others { #expect(!Self.names(text), "\(text)") }
    }
}
