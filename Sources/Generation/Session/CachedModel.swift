import NN
import Processors
import SyrinxModels
import Torch

/// A model with the keys and values of the rows that run on it: prompts and tokens in, scores of the next token out.
///
/// Its rows are numbered as the cache's are: a row that joins comes last, and the last one takes the number of one that leaves.
struct CachedModel {
    private let model: any MultimodalLanguageModel
    private let rowLimit: Int
    /// Tokens of an answer that a new cache has room for; longer answers make it grow.
    private let answerRoom: Int
    /// Nil while nothing runs.
    private var cache: KVCache?

    init(_ model: any MultimodalLanguageModel, rowLimit: Int, answerRoom: Int) {
        self.model = model
        self.rowLimit = rowLimit
        self.answerRoom = answerRoom
    }

    /// Bytes of the keys and values, free slots included.
    var byteCount: Int { cache?.byteCount ?? 0 }

    /// Reads prompts in one pass; their rows join after those that run.
    /// - Parameter held: keys and values of which the one prompt's first `count` positions are taken up.
    /// - Returns: float32[B, V], the scores after each prompt.
    mutating func read(_ rows: [SessionRow], held: (cache: KVCache, count: Int)? = nil) -> Tensor {
        let own = cacheFor(rows, held: held)
        let fresh = rows.map { $0.request.dropping(first: held?.count ?? 0) }
        let lengths = fresh.map { $0.input.tokenIDs.size(1) }
        let batch = ModelInput.batch(fresh.map(\.input))
        let embeddings = model.embed(model.encodingMedia(of: batch))  // [B, T, D]
        let pass = DecoderPass(positionIDs: batch.positionIDs, mediaPositions: batch.mediaPositions, cache: own)
        let states = model.decode(embeddings, pass).hiddenStates  // [B, T, D]
        own.advance(by: lengths)
        join(own, rows: rows)
        let ends = lengths.enumerated().map { Int64($0 * states.size(1) + $1 - 1) }
        let last = states.flatten(0, 1).indexSelect(dim: 0, Tensor(ends).to(states.device))  // [B, D]
        return model.logits(hiddenStates: last).to(.float32)
    }

    /// Reads one more token of each row.
    /// - Parameter limit: tokens that the longest row may come to hold.
    /// - Returns: float32[B, V], the scores after it.
    /// - Precondition: a row runs.
    func decode(_ tokens: [Int], limit: Int) -> Tensor {
        guard let cache else { preconditionFailure("\(tokens.count) tokens to decode, but no row runs") }
        cache.reserve(
            capacity: Self.grown(cache.capacity, needed: (cache.lengths.max() ?? 0) + 1, limit: limit))
        let shape = [tokens.count, 1]
        let embeddings = model.embed(tokenIDs: Tensor(tokens.map(Int64.init), shape: shape).to(cache.device))
        let positions = Tensor(cache.lengths.map(Int64.init), shape: shape).to(cache.device)
        let logits = model.logits(embeddings: embeddings, DecoderPass(positionIDs: positions, cache: cache))
        cache.advance(by: tokens.map { _ in 1 })
        return logits.select(dim: 1, index: 0).to(.float32)
    }

    /// Takes a row out; the memory is given back with the last one.
    /// - Parameter erasing: whether it may hold NaN, which must not stay in the cache.
    mutating func remove(row: Int, erasing: Bool = false) {
        cache?.removeRow(row, erasing: erasing)
        if cache?.batch == 0 { cache = nil }
    }

    /// Takes a row out and hands over its keys and values, without a copy where it was alone.
    mutating func take(row: Int) -> KVCache? {
        guard let all = cache else { return nil }
        if all.slotCount == 1 {
            cache = nil
            return all
        }
        let own = all.copy(ofRow: row)
        remove(row: row)
        return own
    }

    /// A cache for new rows alone.
    private func cacheFor(_ rows: [SessionRow], held: (cache: KVCache, count: Int)?) -> KVCache {
        let capacity = capacityAtFirst(rows)
        if let held {
            held.cache.truncate(to: held.count)
            held.cache.reserve(
                capacity: Self.grown(held.cache.capacity, needed: capacity, limit: model.contextLength))
            return held.cache
        }
        // Beside others it holds the prompts alone, until the others' cache has taken them over.
        return model.makeCache(
            batch: rows.count, capacity: cache == nil ? capacity : rows.map(\.promptLength).max() ?? 0)
    }

    /// Takes over new rows; the first ones' cache becomes that of all.
    private mutating func join(_ new: KVCache, rows: [SessionRow]) {
        guard let cache else {
            cache = new
            return
        }
        let limit = rows.map(\.greatestLength).max() ?? 0
        cache.reserve(
            slots: Self.grown(cache.slotCount, needed: cache.batch + new.batch, limit: rowLimit),
            capacity: Self.grown(cache.capacity, needed: capacityAtFirst(rows), limit: limit))
        cache.append(new)
    }

    private func capacityAtFirst(_ rows: [SessionRow]) -> Int {
        rows.map { $0.promptLength + min($0.limit, answerRoom) }.max() ?? 0
    }

    /// At least twice as much where there is too little, so that few copies are made on the way to `limit`.
    private static func grown(_ count: Int, needed: Int, limit: Int) -> Int {
        needed <= count ? count : max(needed, min(2 * count, limit))
    }
}
