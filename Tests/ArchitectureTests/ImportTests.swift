import TestSupport
import Testing

@Suite("Imports go down, and only where the table says so")
struct ImportTests {
    @Test("every folder of Sources is a room of the table, and every room exists")
    func roomsAndFolders() throws {
        let folders = try Set(SourceTree.folders(in: "Sources")).subtracting(["System"])
        #expect(folders == Set(rooms.map(\.folder)))
    }

    @Test("the table itself only points downwards")
    func tablePointsDown() throws {
        let package = try SourceTree.file("Package.swift").text
        let levels = Dictionary(uniqueKeysWithValues: rooms.map { ($0.module, $0.level) })
        for room in rooms {
            for imported in room.imports {
                guard let level = levels[imported] else {
                    #expect(package.contains("\"\(imported)\""), "\(imported) is neither a room nor a package")
                    continue
                }
                #expect(level < room.level, "\(room.module) (level \(room.level)) imports \(imported) (level \(level))")
            }
        }
    }

    @Test("every import in Sources is in its room's row", arguments: rooms.map(\.module))
    func importsFollowTheTable(module: String) throws {
        let room = try #require(rooms.first { $0.module == module })
        let files = try SourceTree.files(under: "Sources/\(room.folder)", extensions: ["swift"])
        // Level 0 is C and C++.
        #expect(files.isEmpty == (room.level == 0))
        for file in files {
            for (imported, line) in file.imports where !platformModules.contains(imported) {
                #expect(room.imports.contains(imported), "\(file.path):\(line): \(module) may not import \(imported)")
            }
        }
    }

    @Test("below level 3, Foundation is only the fall-back where FoundationEssentials is missing")
    func coreAvoidsFoundation() throws {
        for room in rooms where room.level < 3 {
            for file in try SourceTree.files(under: "Sources/\(room.folder)", extensions: ["swift"]) {
                let modules = Set(file.imports.map(\.module))
                if modules.contains("Foundation") {
                    #expect(modules.contains("FoundationEssentials"), "\(file.path) imports all of Foundation")
                }
            }
        }
    }

    @Test("no test looks behind a module's access levels")
    func noTestableImports() throws {
        for file in try nonempty(SourceTree.files(under: "Tests", extensions: ["swift"])) {
            for (text, line) in file.code {
                #expect(!text.contains("@testable" + " import"), "\(file.path):\(line)")
            }
        }
    }

    @Test("C and C++ outside CTorch know nothing of torch")
    func onlyOneRoomKnowsLibtorch() throws {
        let form = /^\s*#\s*(?:include|import)\s*[<"](?:torch|ATen|c10|caffe2)\//
        for file in try nonempty(SourceTree.files(under: "Sources", extensions: ["c", "cpp", "h", "hpp", "cc", "mm"]))
        where !file.path.hasPrefix("Sources/CTorch/") {
            for (index, line) in file.lines.enumerated() {
                #expect(line.firstMatch(of: form) == nil, "\(file.path):\(index + 1) includes a header of libtorch")
            }
        }
    }

    @Test("an import is recognised in each of its forms")
    func importForms() {
        let file = SourceTree.File(
            path: "x.swift",
            lines: [
                "import A", "public import B", "@preconcurrency import C", "    import struct D.E",
                "package import F.G", "// import H", "let text = \"import I\"",
            ])
        #expect(file.imports.map(\.module) == ["A", "B", "C", "D", "F"])
        #expect(file.imports.map(\.line) == [1, 2, 3, 4, 5])
    }
}
