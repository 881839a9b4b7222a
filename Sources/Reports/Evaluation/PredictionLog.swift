import Checkpoints
import Evaluation
import Foundation

/// `predictions.jsonl`: predictions in the order in which they were made, one JSON object a line.
final class PredictionLog {
    /// What the file held when it was opened.
    let saved: [Prediction]
    private let file: LineFile

    /// Opens or creates the file and keeps others from writing to it.
    /// - Throws: `EvaluationError` when a line is no prediction or another process is writing; `EvaluationFileError` when the
    ///   file system refuses.
    init(_ path: String) throws {
        do {
            file = try LineFile(path)
        } catch .inUse {
            throw EvaluationError("another evaluation is writing \(path); wait until it ends, or give another --output")
        } catch .system(let reason) {
            throw EvaluationFileError("cannot write \(path): \(reason)")
        }
        var saved = [Prediction]()
        try file.readLines { saved.append(try Self.prediction($0, number: saved.count + 1, path)) }
        self.saved = saved
    }

    /// The predictions of a file that is not being written.
    /// - Throws: `EvaluationError` when it cannot be read or a line is no prediction.
    static func predictions(_ path: String) throws -> [Prediction] {
        var predictions = [Prediction]()
        do {
            try LineFile.forEachLine(of: path) {
                predictions.append(try prediction($0, number: predictions.count + 1, path))
            }
        } catch LineFile.Failure.system(let reason) {
            throw EvaluationError("cannot read \(path): \(reason); restore it, or evaluate again")
        }
        return predictions
    }

    private static func prediction(_ line: Data, number: Int, _ path: String) throws -> Prediction {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        guard let prediction = try? decoder.decode(Prediction.self, from: line) else {
            throw EvaluationError("line \(number) of \(path) is not a prediction; remove the folder and evaluate again")
        }
        return prediction
    }

    /// Drops everything after the first `count` lines, and writes on from there.
    func keep(_ count: Int) throws { try writing { () throws(LineFile.Failure) in try file.keep(count) } }

    /// Adds lines.
    func append(_ predictions: [Prediction]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        var bytes = [UInt8]()
        for prediction in predictions { bytes += [UInt8](try encoder.encode(prediction)) + [0x0A] }
        try writing { () throws(LineFile.Failure) in try file.append(bytes) }
    }

    private func writing(_ body: () throws(LineFile.Failure) -> Void) throws {
        do {
            try body()
        } catch .system(let reason) {
            throw EvaluationFileError("cannot write \(file.path): \(reason)")
        } catch .inUse {
            throw EvaluationError("another evaluation is writing \(file.path); wait until it ends")
        }
    }
}
