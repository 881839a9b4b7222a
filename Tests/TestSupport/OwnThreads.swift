import Foundation
package import Testing

/// Does blocking work on a thread that is made for it, and lets the caller's thread go on to other tests meanwhile.
///
/// Swift's tasks, and with them the tests, share as many threads as there are processors, two on a small machine: a test that
/// waits on one for a process, a lock or another thread keeps it from every other test.
package func onOwnThread<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        start { continuation.resume(with: Swift.Result { try work() }) }
    }
}

/// Does the same work on several threads at once, by their number, and returns when all have ended.
package func onOwnThreads(_ count: Int, _ work: @escaping @Sendable (Int) throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<count { group.addTask { try await onOwnThread { try work(number) } } }
        try await group.waitForAll()
    }
}

/// Whether this is a thread made here. (A thread's name tells it not: it is inherited.)
package var isOwnThread: Bool { Thread.current.threadDictionary[mark] != nil }

private let mark = "syrinx test"

private func start(_ body: @escaping @Sendable () -> Void) {
    let thread = Thread {
        Thread.current.threadDictionary[mark] = true
        body()
    }
    thread.stackSize = 8 << 20
    thread.start()
}

/// A few threads for the tests that block: those of a suite or a test with the trait ``Testing/Trait/blocks``.
///
/// As many as there are processors, so that no more programs run at a time than the machine has room for.
package final class BlockingThreads: TaskExecutor {
    package static let shared = BlockingThreads()

    private let queue = JobQueue()

    private init() {
        for _ in 0..<max(2, ProcessInfo.processInfo.activeProcessorCount) {
            start { [queue] in
                while true { queue.take().runSynchronously(on: BlockingThreads.shared.asUnownedTaskExecutor()) }
            }
        }
    }

    package func enqueue(_ job: consuming ExecutorJob) { queue.add(UnownedJob(job)) }

    /// Jobs in the order in which they came.
    private final class JobQueue: @unchecked Sendable {
        private let condition = NSCondition()
        private var jobs: [UnownedJob] = []

        func add(_ job: UnownedJob) {
            condition.withLock { jobs.append(job) }
            condition.signal()
        }

        func take() -> UnownedJob {
            condition.withLock {
                while jobs.isEmpty { condition.wait() }
                return jobs.removeFirst()
            }
        }
    }
}

/// Runs a test, or every test of a suite, on ``BlockingThreads``.
package struct BlockingTrait: TestTrait, SuiteTrait, TestScoping {
    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(BlockingThreads.shared) { try await function() }
    }
}

extension Trait where Self == BlockingTrait {
    /// For a test that waits for a process, a lock or another thread.
    package static var blocks: BlockingTrait { BlockingTrait() }
}
