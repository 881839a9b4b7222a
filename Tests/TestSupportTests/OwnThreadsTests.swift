import Foundation
import TestSupport
import Testing

/// What tests lean on, tested itself.
@Suite struct OwnThreadsTests {
    @Test(.blocks) func `A test that blocks runs on a thread kept for it`() {
        #expect(isOwnThread)
    }

    @Test(.blocks) func `A test that blocks comes back to such a thread after waiting for a task`() async throws {
        #expect(try await onOwnThread { 7 } == 7)
        await Task.yield()
        #expect(isOwnThread)
    }

    @Test func `Any other test does not`() { #expect(!isOwnThread) }

    @Test func `Several threads run at once, and their errors arrive`() async throws {
        struct Failed: Error {}
        let meeting = Meeting(of: 4)
        try await onOwnThreads(4) { _ in meeting.wait() }
        await #expect(throws: Failed.self) { try await onOwnThreads(3) { if $0 == 1 { throw Failed() } } }
    }

    /// Where threads wait until all have come.
    private final class Meeting: @unchecked Sendable {
        private let condition = NSCondition()
        private var missing: Int
        init(of count: Int) { missing = count }

        func wait() {
            condition.withLock {
                missing -= 1
                condition.broadcast()
                while missing > 0 { condition.wait() }
            }
        }
    }
}

@Suite struct ComparisonsTests {
    @Test func `Lists of two lengths and empty ones are no comparison`() throws {
        #expect(try pairs([1, 2], ["a", "b"]).map(\.1) == ["a", "b"])
        for (first, second) in [([1], [1, 2]), ([], []), ([1, 2], [])] {
            #expect(throws: NothingCompared.self) { try pairs(first, second) }
        }
        #expect(throws: NothingCompared.self) { try nonempty([Int]()) }
    }
}
