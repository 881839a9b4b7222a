import Files
import Foundation
import Settings
import Synchronization

/// A record that could not be used.
public struct QuarantineEntry: Codable, Sendable, Equatable {
    /// The record's identifier.
    public var id: String
    public var source: String
    /// The shard file that holds it.
    public var shard: String
    /// One sentence.
    public var reason: String

    public init(id: String, source: String, shard: String, reason: String) {
        self.id = id
        self.source = source
        self.shard = shard
        self.reason = reason
    }
}

/// Counts and names records that failed, and stops the run when they are too many.
public final class Quarantine: Sendable {
    private struct State {
        var ids: [String] = []
        var known: Set<String> = []
        var presentedCount = 0
        /// Presentations of records without a supervised token.
        var skippedCount = 0
        /// Identifiers in the file, read from it once: a resumed run and a second loader add no line twice.
        var written: Set<String>?
    }

    /// Share of presentations that may fail.
    public let maximumShare: Double
    /// Records that may fail before the share counts.
    public let minimumCount: Int
    private let path: String?
    private let state = Mutex(State())

    /// - Parameters:
    ///   - path: file to which each failed record is added as one line of JSON; nil to count only.
    ///   - maximumShare: failed records per presentation above which ``failed(_:)`` throws.
    ///   - minimumCount: nothing is thrown before this many records failed.
    public init(path: String?, maximumShare: Double = 0.01, minimumCount: Int = 10) {
        self.path = path
        self.maximumShare = maximumShare
        self.minimumCount = minimumCount
    }

    /// Records that failed.
    public var count: Int { state.withLock { $0.ids.count } }

    /// Presentations that were skipped because no token of the record is supervised.
    public var skippedCount: Int { state.withLock { $0.skippedCount } }

    /// Counts a presentation without a supervised token, which is no failure, and writes the record down the first time.
    /// - Throws: ``DataError`` when the file cannot be written.
    package func skipped(_ entry: QuarantineEntry) throws(DataError) {
        try state.withLock { state throws(DataError) in
            try write(entry, &state)
            state.skippedCount += 1
        }
    }

    /// Names a record in the file, unless it is named there already. Under the lock: what is counted is in the file.
    private func write(_ entry: QuarantineEntry, _ state: inout State) throws(DataError) {
        guard let path else { return }
        if state.written == nil { state.written = Self.identifiers(inFile: path) }
        guard state.written?.contains(entry.id) != true else { return }
        try Self.append(entry, to: path)
        state.written?.insert(entry.id)
    }

    /// Counts a presentation that went well.
    package func succeeded() { state.withLock { $0.presentedCount += 1 } }

    /// Counts a presentation that failed; writes the record down the first time.
    /// - Throws: ``DataError`` when the share is exceeded or the file cannot be written.
    package func failed(_ entry: QuarantineEntry) throws(DataError) {
        let (failedCount, presentedCount) = try state.withLock { state throws(DataError) in
            try write(entry, &state)
            state.presentedCount += 1
            if state.known.insert(entry.id).inserted { state.ids.append(entry.id) }
            return (state.ids.count, state.presentedCount)
        }
        if failedCount >= minimumCount, Double(failedCount) > maximumShare * Double(presentedCount) {
            throw DataError(
                "\(failedCount) of \(presentedCount) records are unusable, more than the allowed share of "
                    + "\(maximumShare); the last is \(entry.id) (\(entry.reason)); "
                    + "look at \(path ?? "them with `syrinx data check`"), and repair them or leave them out")
        }
    }

    package var snapshot: (ids: [String], presentedCount: Int, skippedCount: Int) {
        state.withLock { ($0.ids, $0.presentedCount, $0.skippedCount) }
    }

    package func restore(ids: [String], presentedCount: Int, skippedCount: Int) {
        state.withLock { state in
            state = State(
                ids: ids, known: Set(ids), presentedCount: presentedCount, skippedCount: skippedCount,
                written: state.written)
        }
    }

    /// The records named in a quarantine file; none where there is no file.
    private static func identifiers(inFile path: String) -> Set<String> {
        let content = FileManager.default.contents(atPath: path) ?? Data()
        return Set(
            content.split(separator: UInt8(ascii: "\n")).compactMap { line in
                try? JSONDecoder().decode(QuarantineEntry.self, from: Data(line)).id
            })
    }

    /// Adds one line of JSON to the file at `path`, which is made where it is missing, beside what others add.
    private static func append(_ entry: QuarantineEntry, to path: String) throws(DataError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            try AppendFile(path).append(line: [UInt8](try encoder.encode(entry)))
        } catch {
            let reason = (error as? FileFailure)?.reason ?? plainReason(error)
            throw DataError(
                "quarantine file \(path) cannot be written: \(reason); check that its folder exists, is writable and has free "
                    + "space")
        }
    }
}
