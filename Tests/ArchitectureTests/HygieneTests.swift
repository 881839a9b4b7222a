import TestSupport
import Testing

@Suite("The tree stays readable")
struct HygieneTests {
    /// Lines from which a file is to be reviewed, and from which it is refused.
    static let reviewedFrom = 400
    static let refusedFrom = 600

    /// Files of any length: generated code and tables, each with its reason.
    static let exempt: [String: String] = [:]

    /// Hand-written files past the review limit, looked at and kept; a file that has shrunk again must leave the list.
    static let reviewed: Set<String> = []

    /// Rooms whose strings a model reads or writes.
    static let scalarRooms = ["Processors", "Tokenizers", "Generation", "Evaluation"]

    /// Searches that compare what a person sees as one character, and miss a mark before an accent.
    static let characterSearches = [
        ".hasPrefix(", ".hasSuffix(", "ange(of: ", ".components(separatedBy", ".replacingOccurrences",
        ".trimmingCharacters",
        ".isNewline", ".isWhitespace",
    ]

    static func searchesCharacters(_ code: String) -> Bool {
        let code = code.replacing("properties.isWhitespace", with: "")
        return !code.contains("unicodeScalars") && characterSearches.contains { code.contains($0) }
    }

    static let sources: Set<String> = ["swift", "c", "cpp", "h", "hpp", "cc", "mm"]

    @Test("no file of Sources or Tests is longer than a reader's patience")
    func fileLengths() throws {
        for folder in ["Sources", "Tests"] {
            for file in try nonempty(SourceTree.files(under: folder, extensions: Self.sources))
            where Self.exempt[file.path] == nil {
                #expect(file.lines.count < Self.refusedFrom, "\(file.path) has \(file.lines.count) lines: split it")
                if Self.reviewed.contains(file.path) {
                    #expect(file.lines.count >= Self.reviewedFrom, "\(file.path) is short again: take it off the list")
                } else {
                    #expect(
                        file.lines.count < Self.reviewedFrom,
                        "\(file.path) has \(file.lines.count) lines: split it, or put it on the reviewed list")
                }
            }
        }
    }

    @Test("the lists of long files name files that exist")
    func listsAreCurrent() throws {
        for path in Set(Self.exempt.keys).union(Self.reviewed) {
            #expect(throws: Never.self, "\(path) is on a list but gone") { try SourceTree.file(path) }
        }
    }

    @Test("text that a model reads or writes is searched scalar by scalar (ScalarText.swift)", arguments: scalarRooms)
    func scalarSearches(room: String) throws {
        let files = try SourceTree.files(under: "Sources/\(room)", extensions: ["swift"])
        #expect(!files.isEmpty)
        for file in files {
            for (text, line) in file.code {
                #expect(!Self.searchesCharacters(text), "\(file.path):\(line) searches characters: \(text)")
            }
        }
        #expect(
            Self.searchesCharacters("text.hasPrefix(mark)") && !Self.searchesCharacters("a.properties.isWhitespace"))
    }

    @Test("no path of somebody's machine is written into a file")
    func noMachinePaths() throws {
        // Put together here, so that this file does not contain what it forbids.
        let places = ["/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "/wo" + "rk/"]
        for folder in ["Sources", "Tests", "Documentation"] {
            let extensions = Self.sources.union(["md", "yaml", "json"])
            for file in try nonempty(SourceTree.files(under: folder, extensions: extensions)) {
                for (index, line) in file.lines.enumerated() {
                    for place in places where line.contains(place) {
                        Issue.record("\(file.path):\(index + 1) contains \(place)")
                    }
                }
            }
        }
    }

    @Test("a test that waits for a process, a lock or another thread keeps no thread from the others")
    func blockingTests() throws {
        // Put together here, as below, so that this file does not contain what it looks for.
        let calls = [
            "wait" + "UntilExit(", "Thread.sl" + "eep(", "usl" + "eep(", ".wa" + "it(timeout:",
            "Syrinx" + "Process.run(",
        ]
        for file in try nonempty(SourceTree.files(under: "Tests", extensions: ["swift"]))
        where calls.contains(where: file.text.contains) && !file.path.hasSuffix("SyrinxProcess.swift") {
            #expect(
                file.text.contains(".blocks") || file.text.contains("onOwnThread"),
                "\(file.path) blocks: give the suite or the test the trait .blocks, or use onOwnThread (TestSupport)")
        }
    }

    @Test("no test has a time limit: waiting for its turn counts, too, and on a slow machine takes minutes")
    func noTimeLimits() throws {
        for file in try nonempty(SourceTree.files(under: "Tests", extensions: ["swift"])) {
            #expect(!file.text.contains(".time" + "Limit("), "\(file.path)")
        }
    }

    @Test("every system library of Package.swift is one that the set-up script installs")
    func setupKnowsEveryLibrary() throws {
        let package = try SourceTree.file("Package.swift")
        let script = try SourceTree.file("scripts/setup")
        let form = /system\("(\w+)", pkgConfig: "([^"]+)"/
        var count = 0
        for line in package.lines {
            guard let match = line.firstMatch(of: form) else { continue }
            count += 1
            #expect(
                script.lines.contains { $0.hasPrefix(match.2 + " ") },
                "scripts/setup does not install \(match.2), which \(match.1) needs")
        }
        #expect(count >= 8)
    }
}
