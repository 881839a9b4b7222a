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
    /// A visual token of the image with this identity.
    case image(String)
}

extension GenerationRequest {
    /// What the prompt's positions hold, up to the first image of unknown identity.
    var sequence: [SequencePosition] {
        var sequence = input.tokenIDs.array(of: Int64.self).map { SequencePosition.token(Int($0)) }
        guard let places = input.visualPositions?.array(of: Int64.self), let first = places.first else {
            return sequence
        }
        guard !imageIDs.isEmpty, places.count % imageIDs.count == 0 else {
            return Array(sequence.prefix(Int(first)))
        }
        let tokensPerImage = places.count / imageIDs.count
        for (index, place) in places.enumerated() {
            sequence[Int(place)] = .image(imageIDs[index / tokensPerImage])
        }
        return sequence
    }

    /// The same, followed by the answer where no image was unknown.
    func sequence(followedBy answer: [Int]) -> [SequencePosition] {
        let sequence = sequence
        return sequence.count < input.tokenIDs.shape[1] ? sequence : sequence + answer.map(SequencePosition.token)
    }

    /// How many of the prompt's first positions need not be computed where those of `held` are there.
    ///
    /// At least one is left to be computed, and an image is computed whole or not at all.
    func reusableCount(of held: [SequencePosition]) -> Int {
        let sequence = sequence
        var count = zip(sequence, held).prefix { $0 == $1 }.count
        count = min(count, input.tokenIDs.shape[1] - 1)
        while count > 0, count < sequence.count, case .image = sequence[count], sequence[count] == sequence[count - 1] {
            count -= 1
        }
        return count
    }

    /// The prompt without its first `count` positions and their images.
    func dropping(first count: Int) -> GenerationRequest {
        guard count > 0 else { return self }
        let length = input.tokenIDs.shape[1] - count
        let places = input.visualPositions?.array(of: Int64.self) ?? []
        let rest = places.filter { $0 >= count }.map { $0 - Int64(count) }
        let imageCount = visualTokens?.shape[0] ?? input.imageCount
        let keptCount = places.isEmpty ? 0 : imageCount * rest.count / places.count
        func lastImages(_ tensor: Tensor?) -> Tensor? {
            guard let tensor, keptCount > 0 else { return nil }
            return tensor.narrow(dim: 0, start: imageCount - keptCount, length: keptCount)
        }
        var request = self
        request.visualTokens = lastImages(visualTokens)
        request.input = ModelInput(
            tokenIDs: input.tokenIDs.narrow(dim: 1, start: count, length: length),
            positionIDs: input.positionIDs.narrow(dim: 1, start: count, length: length),
            layout: SegmentLayout(rows: 1, columns: length, segments: [.init(row: 0, start: 0, length: length)]),
            pixelValues: lastImages(input.pixelValues),
            visualPositions: rest.isEmpty ? nil : Tensor(rest, shape: [rest.count]).to(input.tokenIDs.device))
        return request
    }
}
