import NN
import Processors
import Synchronization
import Torch

/// The keys and values of the last prompt and its answer, for a next prompt that begins alike.
///
/// The next turn of a conversation repeats everything before it, and with this only what is new is computed. What the new
/// prompt changes is forgotten from the first difference on, so no answer depends on what was cached. It belongs to one
/// model. One prompt at a time uses it; another one in the meantime computes everything.
public final class PrefixCache: Sendable {
    /// One row's keys and values, and what its positions hold. Whoever took it owns it alone.
    struct Content: @unchecked Sendable {
        var cache: KVCache
        var sequence: [SequencePosition]
    }

    private let content = Mutex<Content?>(nil)

    /// A cache that holds nothing.
    public init() {}

    /// Tokens whose keys and values it holds.
    public var tokenCount: Int { content.withLock { $0?.sequence.count ?? 0 } }

    /// Forgets everything and gives the memory back.
    public func clear() { content.withLock { $0 = nil } }

    /// What it holds; it then holds nothing.
    func take() -> Content? {
        content.withLock { content in
            defer { content = nil }
            return content
        }
    }

    /// Keeps this for the next prompt.
    func keep(_ new: Content) { content.withLock { $0 = new } }
}

/// What a position of a sequence holds: equal where keys and values are, if everything before is equal too.
enum SequencePosition: Hashable {
    case token(Int)
    /// A token of the medium with this identity.
    case media(String)
}

extension GenerationRequest {
    /// What the prompt's positions hold, up to the first medium of unknown identity.
    var sequence: [SequencePosition] {
        var sequence = input.tokenIDs.array(of: Int64.self).map { SequencePosition.token(Int($0)) }
        var end = sequence.count
        for batch in input.media {
            var positions = batch.positions.array(of: Int64.self)[...]
            for (count, id) in zip(batch.tokenCounts, batch.ids) {
                for place in positions.prefix(count) {
                    if let id { sequence[Int(place)] = .media(id) } else { end = min(end, Int(place)) }
                }
                positions = positions.dropFirst(count)
            }
        }
        return Array(sequence.prefix(end))
    }

    /// The same, followed by the answer where no medium was unknown.
    func sequence(followedBy answer: [Int]) -> [SequencePosition] {
        let sequence = sequence
        return sequence.count < input.tokenIDs.shape[1] ? sequence : sequence + answer.map(SequencePosition.token)
    }

    /// How many of the prompt's first positions need not be computed where those of `held` are there.
    ///
    /// At least one is left to be computed, and a medium is computed whole or not at all.
    func reusableCount(of held: [SequencePosition]) -> Int {
        let sequence = sequence
        var count = zip(sequence, held).prefix { $0 == $1 }.count
        count = min(count, input.tokenIDs.shape[1] - 1)
        while count > 0, count < sequence.count, case .media = sequence[count], sequence[count] == sequence[count - 1] {
            count -= 1
        }
        return count
    }

    /// The prompt without its first `count` positions and their media.
    func dropping(first count: Int) -> GenerationRequest {
        var request = self
        request.input = input.dropping(first: count)
        return request
    }
}
