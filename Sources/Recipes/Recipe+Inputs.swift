#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Recipe {
    /// The files and folders that a run would read and that are not there, each with the key that names it.
    public var missingInputs: [String] {
        let named: [(key: String, path: String?)] = [
            ("initialize.vision", initialize.vision), ("initialize.language", initialize.language),
            ("initialize.checkpoint", initialize.checkpoint), ("data.corpus", data.corpus),
            ("data.instructions.pictures", data.instructions?.images), ("data.tokenizer.path", data.tokenizer.path),
        ]
        let files = (data.instructions?.files ?? []).map { (key: "data.instructions.files", path: Optional($0)) }
        return (named + files).compactMap { key, path in
            path.flatMap { FileManager.default.fileExists(atPath: $0) ? nil : "\(key): \($0)" }
        }
    }
}
