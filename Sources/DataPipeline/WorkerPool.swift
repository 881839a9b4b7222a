import Foundation

/// A few threads of our own that run closures in the order in which they were given.
///
/// Decoding blocks on files and takes milliseconds, so it does not belong on Swift's cooperative pool.
package final class WorkerPool: Sendable {
    /// What the threads share; they hold this and not the pool, so that the pool's end can tell them to stop.
    private final class Queue: @unchecked Sendable {
        private let condition = NSCondition()
        private var jobs: [@Sendable () -> Void] = []
        private var head = 0
        private var isStopped = false

        func add(_ job: @escaping @Sendable () -> Void) {
            condition.lock()
            jobs.append(job)
            condition.signal()
            condition.unlock()
        }

        func stop() {
            condition.lock()
            isStopped = true
            jobs.removeAll()
            head = 0
            condition.broadcast()
            condition.unlock()
        }

        /// Waits for a job; nil once stopped.
        func take() -> (@Sendable () -> Void)? {
            condition.lock()
            defer { condition.unlock() }
            while head == jobs.count, !isStopped { condition.wait() }
            if isStopped { return nil }
            // A job that has run may hold whoever owns this queue: keeping it would keep both for ever.
            let job = jobs[head]
            jobs[head] = {}
            head += 1
            if head > 64 {
                jobs.removeFirst(head)
                head = 0
            }
            return job
        }
    }

    private let queue = Queue()

    /// Starts the threads.
    package init(threadCount: Int) {
        let queue = queue
        for number in 0..<max(1, threadCount) {
            let thread = Thread {
                while let job = queue.take() { job() }
            }
            thread.name = "syrinx data \(number)"
            thread.start()
        }
    }

    deinit { queue.stop() }

    /// Adds a closure.
    package func run(_ job: @escaping @Sendable () -> Void) { queue.add(job) }
}

/// Values made by number ahead of their use on a pool's threads, and taken in order.
///
/// At most `lookahead` values exist at a time, so memory is bounded.
package final class OrderedPrefetch<Value: Sendable>: @unchecked Sendable {
    private let pool: WorkerPool
    private let lookahead: Int
    private let end: Int?
    private let make: @Sendable (Int) -> Value
    private let condition = NSCondition()
    private var ready: [Int: Value] = [:]
    private var asked: Int
    /// Number of the value that ``next()`` gives next.
    package private(set) var position: Int

    /// - Parameters:
    ///   - start: number of the first value.
    ///   - end: number after the last value; nil for no end.
    ///   - make: makes a value; called on the pool's threads, never twice for a number.
    package init(
        pool: WorkerPool, lookahead: Int, start: Int = 0, end: Int? = nil, make: @escaping @Sendable (Int) -> Value
    ) {
        self.pool = pool
        self.lookahead = max(1, lookahead)
        self.end = end
        self.make = make
        asked = start
        position = start
    }

    /// The next value in order, waited for; nil at the end.
    package func next() -> Value? {
        if let end, position >= end { return nil }
        while asked < min(position + lookahead, end ?? .max) {
            let number = asked
            pool.run { [self] in
                let value = make(number)
                condition.lock()
                ready[number] = value
                condition.broadcast()
                condition.unlock()
            }
            asked += 1
        }
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let value = ready.removeValue(forKey: position) {
                position += 1
                return value
            }
            condition.wait()
        }
    }
}
