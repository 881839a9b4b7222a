#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The repository's files as the architecture tests read them, found from where this file was compiled.
struct SourceTree {
    /// One text file.
    struct File: Sendable {
        /// The path from the repository's root, with `/` between its parts.
        var path: String
        var lines: [String]

        var text: String { lines.joined(separator: "\n") }
    }

    /// The repository's root.
    static let root: URL = {
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url
    }()

    /// The text files below a folder that have one of the given extensions, in the order of their paths.
    static func files(under folder: String, extensions: Set<String>) throws -> [File] {
        var found: [File] = []
        var folders = [folder]
        while let folder = folders.popLast() {
            for name in try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path) {
                let path = "\(folder)/\(name)"
                let url = root.appending(path: path)
                var isFolder = false
                if let type = try FileManager.default.attributesOfItem(atPath: url.path)[.type] as? FileAttributeType {
                    isFolder = type == .typeDirectory
                }
                if isFolder {
                    folders.append(path)
                } else if extensions.contains(url.pathExtension) {
                    found.append(try file(path))
                }
            }
        }
        return found.sorted { $0.path < $1.path }
    }

    /// One file by its path from the root.
    static func file(_ path: String) throws -> File {
        let data = try Data(contentsOf: root.appending(path: path))
        var lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return File(path: path, lines: lines.map(String.init))
    }

    /// The names of the folders directly inside a folder.
    static func folders(in folder: String) throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)
        return try names.filter { name in
            let path = root.appending(path: "\(folder)/\(name)").path
            return try FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType == .typeDirectory
        }.sorted()
    }
}

extension SourceTree.File {
    /// The modules that the file imports, each with its line number, counted from 1.
    var imports: [(module: String, line: Int)] {
        let form =
            /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(\w+)/
        return lines.enumerated().compactMap { index, line in
            guard let match = line.firstMatch(of: form) else { return nil }
            return (String(match.1), index + 1)
        }
    }

    /// The lines without what follows `//`: what the compiler sees, strings included.
    var code: [(text: String, line: Int)] {
        lines.enumerated().map { index, line in
            guard let comment = line.firstRange(of: "//") else { return (line, index + 1) }
            return (String(line[..<comment.lowerBound]), index + 1)
        }
    }
}
