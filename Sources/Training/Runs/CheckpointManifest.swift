import Digests

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The last file written into a checkpoint: names, sizes and digests of the others, and a digest of its own.
struct CheckpointManifest: Codable, Equatable {
    struct File: Codable, Equatable {
        let name: String
        let byteCount: Int
        let sha256: String
    }

    static let fileName = "manifest.json"
    static let currentFormat = 1

    let format: Int
    let step: Int
    let files: [File]
    /// SHA-256 over the values above: a flipped bit in the manifest itself is noticed, too.
    let sha256: String

    init(step: Int, files: [File]) {
        format = Self.currentFormat
        self.step = step
        self.files = files
        sha256 = Self.digest(format: format, step: step, files: files)
    }

    private static func digest(format: Int, step: Int, files: [File]) -> String {
        Digest.sha256("\(format) \(step)\n" + files.map { "\($0.name) \($0.byteCount) \($0.sha256)\n" }.joined()).hex
    }

    /// Describes files that lie in `folder`.
    static func describing(_ names: [String], in folder: String, step: Int) throws -> CheckpointManifest {
        CheckpointManifest(
            step: step,
            files: try names.map { name in
                let path = "\(folder)/\(name)"
                return File(name: name, byteCount: try size(path), sha256: try Digest.sha256(fileAt: path).hex)
            })
    }

    /// Reads and verifies a whole checkpoint folder.
    ///
    /// - Throws: `TrainingError` that says what is wrong with it.
    static func verified(in folder: String) throws -> CheckpointManifest {
        let bytes = try PosixFile.read("\(folder)/\(fileName)")
        guard let manifest = try? JSONDecoder().decode(CheckpointManifest.self, from: Data(bytes)) else {
            throw TrainingError("its \(fileName) is damaged")
        }
        guard manifest.format == currentFormat else {
            throw TrainingError("its format is \(manifest.format), but this version reads \(currentFormat)")
        }
        guard manifest.sha256 == digest(format: manifest.format, step: manifest.step, files: manifest.files) else {
            throw TrainingError("its \(fileName) is damaged: the checksum differs")
        }
        for file in manifest.files {
            let path = "\(folder)/\(file.name)"
            guard FileManager.default.fileExists(atPath: path) else { throw TrainingError("\(file.name) is missing") }
            let found = try size(path)
            guard found == file.byteCount else {
                throw TrainingError("\(file.name) has \(found) bytes, but its manifest says \(file.byteCount)")
            }
            guard try Digest.sha256(fileAt: path).hex == file.sha256 else {
                throw TrainingError("\(file.name) is damaged: the checksum differs")
            }
        }
        return manifest
    }

    static func size(_ path: String) throws -> Int {
        guard let size = PosixFile.size(path) else { throw TrainingError("cannot read \(path): \(PosixFile.reason())") }
        return size
    }
}
