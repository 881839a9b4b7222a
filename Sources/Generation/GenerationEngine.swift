import Processors
public import SyrinxModels
import Torch

/// Continues prompts: token IDs in, token IDs out.
///
/// The prompt runs once through the model and fills a key/value cache (prefill); every further token costs one pass
/// over a single position (decode). The engine knows neither text nor the model's family.
public struct GenerationEngine: Sendable {
    /// The model that predicts.
    public let model: any MultimodalLanguageModel
    /// Greatest number of rows computed together.
    public let maxBatchRows: Int
    /// Tokens from this number on are never drawn.
    public let pieceCount: Int

    /// An engine over `model`.
    /// - Parameter pieceCount: how many tokens the vocabulary has a text for; nil for as many as the model has scores.
    ///   Published heads are often wider than their vocabularies: by a padding row, or up to a round number.
    public init(_ model: any MultimodalLanguageModel, maxBatchRows: Int = 64, pieceCount: Int? = nil) {
        self.model = model
        self.maxBatchRows = max(1, maxBatchRows)
        self.pieceCount = min(pieceCount ?? model.vocabularySize, model.vocabularySize)
    }

    /// Continues one prompt on the calling thread.
    /// - Parameters:
    ///   - prefix: keys and values of an earlier prompt; what the two have in common is not computed again, and this prompt's
    ///     are kept in it.
    ///   - onToken: told every token as it is chosen; may end the row.
    ///   - isCancelled: asked before every token.
    /// - Throws: `GenerationError` for a config out of range, a prompt that leaves no room in the context, or scores that are
    ///   no finite numbers.
    public func generate(
        _ request: GenerationRequest, reusing prefix: PrefixCache? = nil,
        onToken: (Int) -> GenerationDecision = { _ in .continue }, isCancelled: () -> Bool = { false }
    ) throws(GenerationError) -> GenerationResult {
        try run([request], reusing: prefix, onToken: { onToken($1) }, isCancelled: isCancelled)[0]
    }

    /// Continues several prompts; every row gets what it would get alone.
    ///
    /// Prompts are sorted by length and computed up to `maxBatchRows` at a time, shorter ones padded after their end;
    /// the cache keeps each row's own length, and a row that has ended leaves it. ``GenerationSession`` is for prompts that come
    /// one after the other.
    /// - Parameters:
    ///   - onToken: told the request's index and each token as it is chosen; may end that row.
    ///   - isCancelled: asked before every step.
    /// - Returns: one result per request, in the order of the requests.
    /// - Throws: `GenerationError` that names the first request that cannot be carried out, before any is computed; or where
    ///   scores are no finite numbers.
    public func generate(
        _ requests: [GenerationRequest],
        onToken: (_ request: Int, _ token: Int) -> GenerationDecision = { _, _ in .continue },
        isCancelled: () -> Bool = { false }
    ) throws(GenerationError) -> [GenerationResult] {
        for (index, request) in requests.enumerated() {
            try check(request, name: requests.count == 1 ? "the prompt" : "prompt \(index + 1) of \(requests.count)")
        }
        let lengths = requests.map { $0.input.tokenIDs.shape[1] }
        let order = requests.indices.sorted { lengths[$0] == lengths[$1] ? $0 < $1 : lengths[$0] < lengths[$1] }
        var results = [GenerationResult?](repeating: nil, count: requests.count)
        for start in stride(from: 0, to: order.count, by: maxBatchRows) {
            let members = Array(order[start..<min(start + maxBatchRows, order.count)])
            let finished = try run(
                members.map { requests[$0] }, onToken: { onToken(members[$0], $1) }, isCancelled: isCancelled)
            for (index, result) in zip(members, finished) { results[index] = result }
        }
        return results.compactMap { $0 }
    }

    /// Continues one prompt on the engine's own thread and streams the tokens.
    ///
    /// Ending the iteration, or cancelling the task that iterates, stops the computation before its next token.
    public func stream(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error> {
        AsyncThrowingStream { continuation in
            let cancellation = CancellationFlag()
            continuation.onTermination = { _ in cancellation.cancel() }
            EngineThread.shared.run {
                do {
                    let result = try generate(
                        request,
                        onToken: { token in
                            continuation.yield(.token(token))
                            return .continue
                        }, isCancelled: { cancellation.isCancelled })
                    continuation.yield(.finished(result))
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }

    /// Whether a request can be carried out; `name` is what an error calls it.
    func check(_ request: GenerationRequest, name: String) throws(GenerationError) {
        try request.config.validate()
        let shape = request.input.tokenIDs.shape
        guard shape.count == 2, shape[0] == 1, shape[1] > 0 else {
            throw GenerationError(
                "\(name) has token IDs of shape \(shape), but one row of at least one token is needed")
        }
        guard shape[1] < model.contextLength else {
            let media = request.input.mediaTokenCount
            throw GenerationError(
                "\(name) has \(shape[1]) tokens (\(media) of them for media), but the model's context holds "
                    + "\(model.contextLength) and the answer needs at least 1; shorten the text or give fewer media")
        }
    }

    /// A session of these requests alone, from their admission to the end of the last one.
    private func run(
        _ requests: [GenerationRequest], reusing prefix: PrefixCache? = nil,
        onToken: (Int, Int) -> GenerationDecision, isCancelled: () -> Bool
    ) throws(GenerationError) -> [GenerationResult] {
        let session = GenerationSession(self)
        var handles = [GenerationSession.Handle]()
        for request in requests { handles.append(try session.admit(request, reusing: prefix)) }
        var results = [GenerationResult?](repeating: nil, count: requests.count)
        var decided = [StopReason?](repeating: nil, count: requests.count)
        while !session.isEmpty {
            if isCancelled() {
                for handle in handles where results[handle.number] == nil {
                    results[handle.number] = session.cancel(handle)
                }
                break
            }
            for event in session.step() {
                switch event {
                case .token(let handle, let token):
                    guard case .stop(let reason) = onToken(handle.number, token) else { continue }
                    decided[handle.number] = reason
                    results[handle.number] = session.end(handle, because: reason)
                case .finished(let handle, var result):
                    // The caller's reason comes first where a row's last token gave it one.
                    result.stopReason = decided[handle.number] ?? result.stopReason
                    results[handle.number] = result
                case .failed(_, let error): throw error
                }
            }
        }
        return results.compactMap { $0 }
    }
}
