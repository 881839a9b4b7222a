import DataPipeline
import Foundation
import TestSupport
import Testing

@Suite(.blocks) struct WorkerPoolTests {
    @Test func `A prefetch that nobody uses any more frees itself and its threads' work`() throws {
        weak var abandoned: OrderedPrefetch<Int>?
        do {
            let prefetch = OrderedPrefetch<Int>(pool: WorkerPool(threadCount: 1), lookahead: 4) { $0 * 2 }
            #expect((0..<10).compactMap { _ in prefetch.next() } == (0..<10).map { $0 * 2 })
            abandoned = prefetch
        }
        // The last jobs ahead may still be running on their thread.
        let deadline = Date().addingTimeInterval(60)
        while abandoned != nil, Date() < deadline { Thread.sleep(forTimeInterval: 0.01) }
        #expect(abandoned == nil)
    }
}
