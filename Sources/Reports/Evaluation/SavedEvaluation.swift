public import Evaluation
import Foundation

/// An evaluation read back from its folder.
public struct SavedEvaluation: Sendable {
    /// The folder.
    public let path: String
    /// What it is an evaluation of.
    public let identity: EvaluationIdentity
    /// Every answer.
    public let predictions: [Prediction]

    /// Opens a finished evaluation.
    /// - Throws: `EvaluationError` when there is no such folder, no evaluation in it, or one that was interrupted.
    public init(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else {
            throw EvaluationError(
                "there is no evaluation at \(path); make one with `syrinx evaluate --model ... --output \(path)`")
        }
        guard let identity = try Self.identity(path) else {
            throw EvaluationError(
                "\(path) has no evaluation (no \(EvaluationRun.FileName.identity)); give the --output folder of a finished "
                    + "`syrinx evaluate`")
        }
        guard FileManager.default.fileExists(atPath: "\(path)/\(EvaluationRun.FileName.scores)") else {
            throw EvaluationError("the evaluation in \(path) was interrupted; run its command again to finish it")
        }
        self.path = path
        self.identity = identity
        guard identity.formatVersion == EvaluationIdentity.currentFormatVersion else {
            throw EvaluationError(
                "\(path) has the format version \(identity.formatVersion), but this program reads "
                    + "\(EvaluationIdentity.currentFormatVersion); evaluate again into another --output")
        }
        predictions = try PredictionLog.predictions("\(path)/\(EvaluationRun.FileName.predictions)")
        guard !predictions.isEmpty else {
            throw EvaluationError("\(path) has no answers; remove the folder and evaluate again")
        }
    }

    /// The identity of the evaluation in a folder; `nil` where there is none.
    /// - Throws: `EvaluationError` when its file is damaged.
    static func identity(_ folder: String) throws -> EvaluationIdentity? {
        let path = "\(folder)/\(EvaluationRun.FileName.identity)"
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        do {
            return try JSONDecoder().decode(EvaluationIdentity.self, from: data)
        } catch {
            throw EvaluationError(
                "\(path) is not readable as an evaluation's identity; remove the folder and evaluate again")
        }
    }

    /// The paired comparison with another evaluation of the same data; what else the two differ in is named.
    /// - Throws: `EvaluationError` when the data differ or nothing can be paired.
    public func compared(with other: SavedEvaluation) throws -> PairedComparison {
        guard identity.data.sha256 == other.identity.data.sha256 else {
            throw EvaluationError(
                "\(path) was evaluated on other data (\(identity.data.path), SHA-256 \(identity.data.sha256.prefix(12))) than "
                    + "\(other.path) (\(other.identity.data.path), \(other.identity.data.sha256.prefix(12))); "
                    + "evaluate both with the same --corpus, --split and --limit")
        }
        var comparison = try PairedComparison(
            predictions, other.predictions, names: (path, other.path),
            bootstrap: Bootstrap(seed: identity.settings.evaluation.seed))
        comparison.caveats = try identity.settings.caveats(comparedWith: other.identity.settings)
        return comparison
    }
}
