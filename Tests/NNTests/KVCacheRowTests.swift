import NN
import Testing
import Torch

/// Rows that join a cache and leave it keep their own keys and values.
@Suite struct KVCacheRowTests {
    private func cache(rows: Int, capacity: Int) -> KVCache {
        KVCache(
            layerCount: 2, batch: rows, capacity: capacity, keyValueHeadCount: 2, headSize: 3, dtype: .float32,
            device: .cpu)
    }

    /// Writes one token of each row in both layers; its keys are the given numbers, its values their negatives.
    /// - Returns: the keys of both layers at every position of each row, which must be the same in all heads.
    @discardableResult
    private func write(_ numbers: [Float], to cache: KVCache) -> [[Float]] {
        let new = Tensor(numbers, shape: [numbers.count, 1, 1, 1]).expand([numbers.count, 2, 1, 3])
        var found = [[Float]]()
        for layer in 0..<2 {
            let (keys, values) = withoutGrad { cache.update(layer: layer, keys: new, values: new * -1) }
            #expect((keys + values).abs().max().item() == 0)
            #expect((keys - keys.narrow(dim: 1, start: 0, length: 1)).abs().max().item() == 0)
            found = numbers.indices.map { row in
                keys.select(dim: 0, index: row).select(dim: 0, index: 0).select(dim: 1, index: 0).array(of: Float.self)
            }
        }
        cache.advance(by: numbers.map { _ in 1 })
        return zip(found, cache.lengths).map { Array($0.prefix($1)) }
    }

    @Test func `The last row moves into the place of one that leaves`() {
        let cache = cache(rows: 3, capacity: 4)
        write([1, 2, 3], to: cache)
        write([10, 20, 30], to: cache)
        cache.removeRow(0)
        #expect(cache.batch == 2 && cache.slotCount == 3)
        #expect(write([300, 200], to: cache) == [[3, 30, 300], [2, 20, 200]])
        cache.removeRow(1)
        #expect(write([3000], to: cache) == [[3, 30, 300, 3000]])
    }

    @Test func `Rows of another cache join behind the own ones, in slots that are free and in new ones`() {
        let own = cache(rows: 2, capacity: 3)
        write([1, 2], to: own)
        write([10, 20], to: own)
        own.removeRow(0)
        let other = cache(rows: 1, capacity: 2)
        write([5], to: other)
        own.append(other)
        #expect(own.slotCount == 2 && own.lengths == [2, 1])
        #expect(write([200, 50], to: own) == [[2, 20, 200], [5, 50]])
        let long = cache(rows: 2, capacity: 5)
        for _ in 0..<5 { write([7, 8], to: long) }
        own.append(long)
        #expect(own.slotCount == 4 && own.capacity == 5 && own.lengths == [3, 2, 5, 5])
        own.reserve(capacity: 6)
        #expect(write([0, 0, 0, 0], to: own)[0] == [2, 20, 200, 0])
        #expect(own.byteCount == 2 * 2 * 4 * 2 * 6 * 3 * 4)
    }

    @Test func `Room that is there already changes nothing, and less is no wish to shrink`() {
        let cache = cache(rows: 2, capacity: 3)
        cache.reserve(slots: 1, capacity: 2)
        #expect(cache.slotCount == 2 && cache.capacity == 3)
        cache.reserve(slots: 3, capacity: 2)
        #expect(cache.slotCount == 3 && cache.capacity == 3 && cache.batch == 2)
    }

    @Test func `A copy of a row has its tokens and nothing else`() {
        let cache = cache(rows: 2, capacity: 8)
        write([1, 2], to: cache)
        write([10, 20], to: cache)
        let copy = cache.copy(ofRow: 1)
        #expect(copy.batch == 1 && copy.capacity == 2)
        copy.reserve(capacity: 3)
        #expect(write([200], to: copy) == [[2, 20, 200]])
        #expect(write([100, 0], to: cache) == [[1, 10, 100], [2, 20, 0]])
    }

    @Test func `Erasing leaves no NaN that a later row could meet`() {
        let cache = cache(rows: 2, capacity: 4)
        withoutGrad {
            for layer in 0..<2 {
                let spoilt = Tensor.full([2, 2, 3, 3], value: .nan)
                _ = cache.update(layer: layer, keys: spoilt, values: spoilt)
            }
        }
        cache.advance(by: [3, 1])
        cache.removeRow(1, erasing: true)
        cache.removeRow(0, erasing: true)
        cache.append(self.cache(rows: 2, capacity: 1))
        cache.advance(by: [3, 0])
        let zeros = Tensor.zeros([2, 2, 1, 3])
        let keys = withoutGrad { cache.update(layer: 1, keys: zeros, values: zeros).keys }
        #expect(keys.shape == [2, 2, 4, 3] && keys.abs().max().item() == 0)
    }
}
