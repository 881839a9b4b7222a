import NN
import Processors
public import SyrinxModels
import Torch

// Shapes: B rows, T prompt tokens (visual tokens included), V vocabulary size.

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
        try check(request, name: "the prompt")
        return try inferenceMode { () throws(GenerationError) in
            try run([request], reusing: prefix, onToken: { onToken($1) }, isCancelled: isCancelled)
        }[0]
    }

    /// Continues several prompts; every row gets what it would get alone.
    ///
    /// Prompts are sorted by length and computed up to `maxBatchRows` at a time, shorter ones padded behind their end;
    /// the cache keeps each row's own length. A row that has ended rides along unheard until its batch is done.
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
            let finished = try inferenceMode { () throws(GenerationError) in
                try run(members.map { requests[$0] }, onToken: { onToken(members[$0], $1) }, isCancelled: isCancelled)
            }
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

    private func check(_ request: GenerationRequest, name: String) throws(GenerationError) {
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

    /// Prefill and decode of one batch; only a batch of one can take up what an earlier prompt left.
    private func run(
        _ requests: [GenerationRequest], reusing prefix: PrefixCache? = nil,
        onToken: (Int, Int) -> GenerationDecision, isCancelled: () -> Bool
    ) throws(GenerationError) -> [GenerationResult] {
        let clock = ContinuousClock()
        let started = clock.now
        var rows = requests.map { Row($0, contextLength: model.contextLength) }
        let longest = rows.map { min($0.config.maxNewTokens, $0.limit) }.max() ?? 0
        let capacity = longest + (rows.map(\.history.count).max() ?? 0)
        let held = prefix?.take()
        let cachedCount = held.map { requests[0].reusableCount(of: $0.sequence) } ?? 0
        let cache =
            requests.count == 1
            ? model.cache(of: held, first: cachedCount, capacity: capacity)
            : model.makeCache(batch: requests.count, capacity: capacity)
        let fresh = requests.map { $0.dropping(first: cachedCount) }
        let batch = ModelInput.batch(fresh.map(\.input))
        let device = batch.tokenIDs.device
        let promptLengths = fresh.map { $0.input.tokenIDs.shape[1] }
        let chooser = TokenChooser(requests.map(\.config), vocabularySize: pieceCount)

        let embeddings = model.embed(model.encodingMedia(of: batch))  // [B, T, D]
        let states = model.decode(
            embeddings,
            DecoderPass(positionIDs: batch.positionIDs, mediaPositions: batch.mediaPositions, cache: cache)
        ).hiddenStates  // [B, T, D]
        cache.advance(by: promptLengths)
        let ends = promptLengths.enumerated().map { Int64($0 * states.shape[1] + $1 - 1) }
        let last = states.flatten(0, 1).indexSelect(dim: 0, Tensor(ends).to(device))  // [B, D]
        var logits = model.logits(hiddenStates: last).to(.float32)  // [B, V]
        var chosen = try chooser.choose(logits, histories: rows.map(\.history))
        let prefilled = clock.now

        while true {
            let likelihoods =
                requests.contains(where: \.keepsLogProbabilities) ? Self.logProbabilities(of: chosen, in: logits) : nil
            for row in rows.indices where rows[row].stopReason == nil {
                if requests[row].keepsLogits { rows[row].logits.append(logits.select(dim: 0, index: row).to(.cpu)) }
                rows[row].take(chosen[row], likelihoods?[row]) { onToken(row, $0) }
                if rows[row].stopReason == nil && isCancelled() { rows[row].stopReason = .cancelled }
            }
            if rows.allSatisfy({ $0.stopReason != nil }) { break }
            let tokenIDs = Tensor(chosen.map(Int64.init), shape: [requests.count, 1]).to(device)
            let positions = cache.lengths.map { Int64(min($0, model.contextLength - 1)) }
            logits = model.logits(
                embeddings: model.embed(tokenIDs: tokenIDs),
                DecoderPass(positionIDs: Tensor(positions, shape: [requests.count, 1]).to(device), cache: cache)
            ).select(dim: 1, index: 0).to(.float32)
            cache.advance(by: rows.map { _ in 1 })
            chosen = try chooser.choose(logits, histories: rows.map(\.history))
        }
        let finished = clock.now
        if let prefix {
            let sequence = requests[0].sequence(followedBy: rows[0].generated).prefix(cache.lengths[0])
            cache.truncate(to: sequence.count)
            prefix.keep(PrefixCache.Content(cache: cache, sequence: Array(sequence)))
        }
        return zip(zip(rows, requests), promptLengths).map { row, promptLength in
            let (row, request) = row
            return GenerationResult(
                tokenIDs: row.generated, stopReason: row.stopReason ?? .maxNewTokens,
                timings: Timings(
                    prefillTokenCount: promptLength, prefillSeconds: seconds(prefilled - started),
                    decodeTokenCount: max(0, row.generated.count - 1), decodeSeconds: seconds(finished - prefilled)),
                cachedTokenCount: cachedCount,
                logProbabilities: request.keepsLogProbabilities ? row.logProbabilities : nil,
                logits: row.logits.isEmpty ? nil : Tensor.stack(row.logits, dim: 0))
        }
    }
}

extension GenerationEngine {
    /// The logarithm of one token's probability per row.
    /// - Parameter logits: float32[B, V].
    private static func logProbabilities(of tokens: [Int], in logits: Tensor) -> [Float] {
        let index = Tensor(tokens.map(Int64.init), shape: [tokens.count, 1]).to(logits.device)
        return logits.logSoftmax(dim: 1).gather(dim: 1, index).array(of: Float.self)
    }
}

/// One row of a running batch.
private struct Row {
    let config: GenerationConfig
    /// Greatest number of new tokens the context leaves room for.
    let limit: Int
    var history: [Int]
    var generated: [Int] = []
    /// One for each generated token, where the request asks for them.
    var logProbabilities: [Float] = []
    /// float32[V] of every step, where the request keeps them.
    var logits: [Tensor] = []
    var stopReason: StopReason?

    init(_ request: GenerationRequest, contextLength: Int) {
        config = request.config
        history = request.input.tokenIDs.array(of: Int64.self).map(Int.init)
        limit = contextLength - history.count
    }

    /// Takes the chosen token, or ends the row.
    mutating func take(_ token: Int, _ logProbability: Float?, onToken: (Int) -> GenerationDecision) {
        if config.stopTokenIDs.contains(token) {
            stopReason = .stopToken
            return
        }
        generated.append(token)
        if let logProbability { logProbabilities.append(logProbability) }
        history.append(token)
        if case .stop(let reason) = onToken(token) {
            stopReason = reason
        } else if generated.count >= config.maxNewTokens {
            stopReason = .maxNewTokens
        } else if generated.count >= limit {
            stopReason = .contextFull
        }
    }
}

/// `duration` in seconds.
package func seconds(_ duration: Duration) -> Double {
    let (seconds, attoseconds) = duration.components
    return Double(seconds) + Double(attoseconds) * 1e-18
}
