import Training

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The weights that no stage of a run changes, as a checkpoint knows them: not their values, which the seed and the folders
/// of `initialize` give again, but a digest of each, so that a run never resumes with others.
struct FrozenWeights: Codable {
    static let fileName = "frozen-weights.json"

    /// What they were computed with: the digests are of values in this dtype.
    var computeDType: String
    /// SHA-256 by the parameter's name.
    var sha256: [String: String]

    init(_ weights: MasterWeights) {
        computeDType = "\(weights.computeDType)"
        sha256 = weights.frozenDigests
    }

    /// The file's content.
    func bytes() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        return Array(try encoder.encode(self))
    }

    /// Compares them with those of a checkpoint.
    ///
    /// - Throws: `TrainingError` that says which differ and where they come from.
    func check(_ saved: CheckpointStore.Saved, initialize: Recipe.Initialization) throws {
        let theirs = try JSONDecoder().decode(Self.self, from: Data(try saved.file(Self.fileName)))
        guard theirs.computeDType == computeDType else {
            throw TrainingError(
                "\(saved.path) is from a run in \(theirs.computeDType), but this one would run in \(computeDType); "
                    + "resume on a machine like the first")
        }
        let names = Set(sha256.keys).union(theirs.sha256.keys)
        let different = names.filter { sha256[$0] != theirs.sha256[$0] }.sorted()
        guard let first = different.first else { return }
        let sources = [initialize.checkpoint, initialize.vision, initialize.language].compactMap { $0 }
        throw TrainingError(
            "the frozen weights differ from those that the run of \(saved.path) began with (\(different.count) differ, among "
                + "them \(first)); checkpoints do not contain them, so "
                + (sources.isEmpty
                    ? "resume with the version of Syrinx that began the run"
                    : "restore what was in \(sources.joined(separator: ", "))"))
    }
}
