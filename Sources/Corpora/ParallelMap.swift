internal import Dispatch
internal import Foundation
internal import Synchronization

/// Maps `0 ..< count` on all cores; results in order, the first error of the lowest index thrown.
///
/// - Parameter progress: called from the working threads, never twice at once; what it throws ends the work.
func parallelMap<Result: Sendable>(
    count: Int, progress: @Sendable (_ done: Int, _ total: Int) throws -> Void = { _, _ in },
    _ body: @Sendable (Int) throws -> Result
) throws -> [Result] {
    let state = Mutex(ParallelMapState<Result>(results: Array(repeating: nil, count: count)))
    let reporting = Mutex(())
    let threads = max(1, min(count, ProcessInfo.processInfo.activeProcessorCount))
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
        while true {
            let index = state.withLock { (state) -> Int? in
                guard state.failure == nil, state.next < count else { return nil }
                state.next += 1
                return state.next - 1
            }
            guard let index else { return }
            do {
                let result = try body(index)
                let done = state.withLock { state in
                    state.results[index] = result
                    state.done += 1
                    return state.done
                }
                try reporting.withLock { _ in try progress(done, count) }
            } catch {
                state.withLock { state in
                    if state.failure.map({ index < $0.index }) ?? true { state.failure = (index, error) }
                }
                return
            }
        }
    }
    return try state.withLock { state in
        if let failure = state.failure { throw failure.error }
        return state.results.compactMap { $0 }
    }
}

private struct ParallelMapState<Result: Sendable>: Sendable {
    var results: [Result?]
    var next = 0
    var done = 0
    var failure: (index: Int, error: any Error)?
}
