public import Evaluation
import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// `predictions.jsonl`: predictions in the order in which they were made, one JSON object a line.
///
/// Lines are appended in whole groups by one system call each, so a killed run leaves at most one cut line at the end,
/// which is dropped when the file is opened again.
final class PredictionLog {
    /// What the file held when it was opened.
    let saved: [Prediction]
    private let path: String
    private let descriptor: Int32
    /// Bytes up to the end of each saved line.
    private let ends: [Int]

    /// Opens or creates the file and keeps others from writing to it.
    /// - Throws: `EvaluationError` when a line is no prediction or another process is writing; `EvaluationFileError` when the
    ///   file system refuses.
    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw EvaluationFileError("cannot write \(path): \(EvaluationFile.systemReason())")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw EvaluationError("another evaluation is writing \(path); wait for its end, or give another --output")
        }
        (saved, ends) = try Self.read(path)
    }

    deinit { close(descriptor) }

    /// The predictions of a file that is not being written.
    /// - Throws: as ``init(_:)``.
    static func predictions(_ path: String) throws -> [Prediction] { try read(path).predictions }

    private static func read(_ path: String) throws -> (predictions: [Prediction], ends: [Int]) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw EvaluationFileError("cannot read \(path)")
        }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        var predictions = [Prediction]()
        var ends = [Int]()
        var start = data.startIndex
        while let end = data[start...].firstIndex(of: 0x0A) {
            guard let prediction = try? decoder.decode(Prediction.self, from: data[start..<end]) else {
                throw EvaluationError(
                    "line \(predictions.count + 1) of \(path) is no prediction; remove the folder and evaluate again")
            }
            predictions.append(prediction)
            start = end + 1
            ends.append(start - data.startIndex)
        }
        return (predictions, ends)
    }

    /// Drops everything after the first `count` lines, and writes on from there.
    func keep(_ count: Int) throws {
        let length = count == 0 ? 0 : ends[count - 1]
        guard ftruncate(descriptor, off_t(length)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw EvaluationFileError("cannot write \(path): \(EvaluationFile.systemReason())")
        }
    }

    /// Adds lines.
    func append(_ predictions: [Prediction]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        var bytes = [UInt8]()
        for prediction in predictions { bytes += [UInt8](try encoder.encode(prediction)) + [0x0A] }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw EvaluationFileError("cannot write \(path): \(EvaluationFile.systemReason())") }
            rest = rest.dropFirst(count)
        }
    }
}
