import Checkpoints
import Processors

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The file that a batch's answers go to, and beside it what they are answers to.
///
///     answers.jsonl               one line per question, in the order of the questions
///     answers.jsonl.batch.json    fingerprints of model and questions, and the options
final class BatchOutput {
    /// Lines that were there when it was opened.
    private(set) var savedCount = 0
    /// Those of them that say why there is no answer.
    private(set) var savedErrorCount = 0
    /// What the answers are answers to.
    let identity: BatchIdentity
    private let file: LineFile

    /// Opens the file, for a new batch or to resume the same one.
    /// - Parameter keepsBatchSize: false takes over the batch size of the earlier run.
    /// - Throws: `SyrinxError` when the file holds something else, or another process is writing it.
    init(_ path: String, _ identity: BatchIdentity, keepsBatchSize: Bool) throws {
        let identityPath = path + ".batch.json"
        do {
            file = try LineFile(path)
        } catch .inUse {
            throw SyrinxError("another process is writing \(path); wait until it ends, or give another --output")
        } catch .system(let reason) {
            throw SyrinxError("\(path) cannot be written: \(reason)")
        }
        var identity = identity
        // Beside no answers, a file of an earlier batch says nothing: its answers were removed.
        let hasAnswers = ((try? FileManager.default.attributesOfItem(atPath: path)[.size]) as? Int ?? 0) > 0
        if hasAnswers, let bytes = FileManager.default.contents(atPath: identityPath) {
            guard let earlier = try? JSONDecoder().decode(BatchIdentity.self, from: bytes) else {
                throw SyrinxError("\(identityPath) is damaged; remove it and \(path), or give another --output")
            }
            if !keepsBatchSize { identity.batchSize = earlier.batchSize }
            try identity.requireSame(as: earlier, output: path)
        } else if hasAnswers {
            throw SyrinxError(
                "\(path) exists without \(identityPath), so it cannot be resumed; give another --output, or remove it")
        }
        self.identity = identity
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write([UInt8](try encoder.encode(identity)) + [0x0A], to: identityPath)
    }

    /// Reads the lines that are there, and drops a cut one at the end.
    /// - Throws: `SyrinxError` when a line is no answer, or not that to the question whose turn it is.
    func resume(_ input: BatchInput) throws {
        try file.readLines { line in
            savedCount += 1
            guard savedCount <= input.count, let record = try? BatchRecord(line: line) else {
                throw SyrinxError(
                    "line \(savedCount) of \(file.path) is not an answer of this batch; remove the file and start again"
                )
            }
            let id = input.id(savedCount - 1)
            guard record.id.text == id.text else {
                throw SyrinxError(
                    "line \(savedCount) of \(file.path) answers \"\(record.id)\", but \"\(id)\" is expected: lines were "
                        + "removed or moved; restore them, or give another --output")
            }
            if record.error != nil { savedErrorCount += 1 }
        }
        try writing { () throws(LineFile.Failure) in try file.keep(savedCount) }
    }

    /// Adds lines, in order.
    func append(_ records: [BatchRecord]) throws {
        let bytes = try records.flatMap { try $0.line() }
        try writing { () throws(LineFile.Failure) in
            try file.append(bytes)
            try file.synchronize()
        }
    }

    private func writing(_ body: () throws(LineFile.Failure) -> Void) throws {
        do {
            try body()
        } catch .system(let reason) {
            throw BatchOutputError(description: "\(file.path) cannot be written: \(reason)")
        } catch .inUse {
            throw SyrinxError("another process is writing \(file.path)")
        }
    }
}

/// The disk refused an answer; everything before it is kept.
struct BatchOutputError: Error, CustomStringConvertible {
    let description: String
}
