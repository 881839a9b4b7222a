import DataPipeline
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite struct QuarantineTests {
    private let path = NSTemporaryDirectory() + "quarantine-\(UUID().uuidString)"

    private static func entry(_ id: String) -> QuarantineEntry {
        QuarantineEntry(id: id, source: "s", shard: "shard", reason: "broken")
    }

    /// The identifiers in the file; a line that is none makes an error.
    private func identifiers() throws -> [String] {
        try Data(contentsOf: URL(fileURLWithPath: path)).split(separator: 0x0A).map {
            try JSONDecoder().decode(QuarantineEntry.self, from: $0).id
        }
    }

    @Test func `Loaders on many threads lose none of each other's lines`() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await onOwnThreads(8) { thread in
            let quarantine = Quarantine(path: path, maximumShare: 1)
            for number in 0..<50 { try quarantine.failed(Self.entry("\(thread)-\(number)")) }
        }
        let expected = (0..<8).flatMap { thread in (0..<50).map { "\(thread)-\($0)" } }
        #expect(try identifiers().sorted() == expected.sorted())
    }

    @Test func `A record that is counted is in the file already`() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let quarantine = Quarantine(path: path, maximumShare: 1)
        let ended = Atomic(0), watched = Atomic(0), early = Atomic(0)
        try await onOwnThreads(5) { thread in
            if thread > 0 {
                defer { ended.add(1, ordering: .relaxed) }
                for number in 0..<50 { try quarantine.failed(Self.entry("\(thread)-\(number)")) }
                return
            }
            while ended.load(ordering: .relaxed) < 4 || watched.load(ordering: .relaxed) == 0 {
                let count = quarantine.count
                guard count > 0 else { continue }
                if try identifiers().count < count { early.add(1, ordering: .relaxed) }
                watched.add(1, ordering: .relaxed)
            }
        }
        #expect(early.load(ordering: .relaxed) == 0)
    }

    @Test func `A record has one line, whether it fails or is skipped, however often`() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = Quarantine(path: path, maximumShare: 1)
        for id in ["a", "b", "a"] { try first.failed(Self.entry(id)) }
        try first.skipped(Self.entry("b"))
        try Quarantine(path: path, maximumShare: 1).failed(Self.entry("a"))
        #expect(try identifiers() == ["a", "b"])
        #expect(first.count == 2 && first.skippedCount == 1)
    }

    @Test func `A record that cannot be written down is not counted, and the reason is said`() {
        let quarantine = Quarantine(path: "/proc/none/quarantine", maximumShare: 1)
        let error = #expect(throws: DataError.self) { try quarantine.failed(Self.entry("a")) }
        #expect(error?.description.contains("cannot be written: No such file or directory; ") == true)
        #expect(quarantine.count == 0)
    }
}
