import NN
public import Processors
public import SyrinxModels
public import Torch

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

    /// An engine over `model`.
    public init(_ model: any MultimodalLanguageModel, maxBatchRows: Int = 64) {
        self.model = model
        self.maxBatchRows = max(1, maxBatchRows)
    }

    /// Continues one prompt on the calling thread.
    /// - Parameters:
    ///   - isCancelled: asked before every token.
    ///   - onToken: told every token as it is chosen; may end the row.
    /// - Throws: `GenerationError` for a config out of range or a prompt that leaves no room in the context.
    public func generate(
        _ request: GenerationRequest, isCancelled: () -> Bool = { false },
        onToken: (Int) -> GenerationDecision = { _ in .continue }
    ) throws(GenerationError) -> GenerationResult {
        try generate([request], isCancelled: isCancelled) { _, token in onToken(token) }[0]
    }

    /// Continues several prompts; every row gets what it would get alone.
    ///
    /// Prompts of equal length are computed together, up to `maxBatchRows` at a time; a row that has ended rides
    /// along unheard until its batch is done.
    /// - Parameters:
    ///   - isCancelled: asked before every step.
    ///   - onToken: told the request's index and each token as it is chosen; may end that row.
    /// - Returns: one result per request, in the order of the requests.
    /// - Throws: `GenerationError` that names the first request that cannot be carried out, before any is computed.
    public func generate(
        _ requests: [GenerationRequest], isCancelled: () -> Bool = { false },
        onToken: (_ request: Int, _ token: Int) -> GenerationDecision = { _, _ in .continue }
    ) throws(GenerationError) -> [GenerationResult] {
        for (index, request) in requests.enumerated() {
            try check(request, name: requests.count == 1 ? "the prompt" : "prompt \(index + 1) of \(requests.count)")
        }
        var groups = [Int: [Int]]()
        for (index, request) in requests.enumerated() {
            groups[request.input.tokenIDs.shape[1], default: []].append(index)
        }
        var results = [GenerationResult?](repeating: nil, count: requests.count)
        for (_, members) in groups.sorted(by: { $0.key < $1.key }) {
            for start in stride(from: 0, to: members.count, by: maxBatchRows) {
                let part = Array(members[start..<min(start + maxBatchRows, members.count)])
                let finished = inferenceMode {
                    run(part.map { requests[$0] }, isCancelled: isCancelled) { onToken(part[$0], $1) }
                }
                for (index, result) in zip(part, finished) { results[index] = result }
            }
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
                    let result = try generate(request, isCancelled: { cancellation.isCancelled }) { token in
                        continuation.yield(.token(token))
                        return .continue
                    }
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
            throw GenerationError("\(name) has token IDs of shape \(shape), but one row of at least one token is needed")
        }
        guard shape[1] < model.contextLength else {
            let visual = request.input.visualPositions?.elementCount ?? 0
            throw GenerationError(
                "\(name) has \(shape[1]) tokens (\(visual) of them for pictures), but the model's context holds "
                    + "\(model.contextLength) and the answer needs at least 1; shorten the text or give fewer pictures")
        }
    }

    /// Prefill and decode of prompts of one length.
    private func run(
        _ requests: [GenerationRequest], isCancelled: () -> Bool, onToken: (Int, Int) -> GenerationDecision
    ) -> [GenerationResult] {
        let clock = ContinuousClock()
        let started = clock.now
        let batch = ModelInput.batch(requests.map(\.input))
        let promptLength = batch.tokenIDs.shape[1]
        let limit = model.contextLength - promptLength
        let longest = min(limit, requests.map(\.config.maxNewTokens).max() ?? 0)
        let cache = model.makeCache(batch: requests.count, capacity: promptLength + longest)
        let chooser = TokenChooser(requests.map(\.config), vocabularySize: model.vocabularySize)
        let promptIDs = batch.tokenIDs.array(of: Int64.self).map(Int.init)
        var rows = requests.indices.map { row in
            Row(
                config: requests[row].config, limit: limit,
                history: Array(promptIDs[row * promptLength..<(row + 1) * promptLength]))
        }

        let embeddings = model.embeddings(of: batch, visualTokens: requests.map(\.visualTokens))  // [B, T, D]
        var logits = model.logits(
            embeddings: embeddings, positionIDs: batch.positionIDs, layout: nil, cache: cache
        ).select(dim: 1, index: promptLength - 1)  // [B, V]
        var chosen = chooser.choose(logits.to(.float32), histories: rows.map(\.history))
        let prefilled = clock.now

        var position = promptLength
        while true {
            for row in rows.indices where rows[row].stopReason == nil {
                rows[row].take(chosen[row]) { onToken(row, $0) }
                if rows[row].stopReason == nil && isCancelled() { rows[row].stopReason = .cancelled }
            }
            if rows.allSatisfy({ $0.stopReason != nil }) { break }
            let tokenIDs = Tensor(chosen.map(Int64.init), shape: [requests.count, 1]).to(batch.tokenIDs.device)
            let positionIDs = Tensor.full(
                [requests.count, 1], value: Double(position), dtype: .int64, device: batch.tokenIDs.device)
            logits = model.logits(
                embeddings: model.embed(tokenIDs: tokenIDs), positionIDs: positionIDs, layout: nil, cache: cache
            ).select(dim: 1, index: 0)  // [B, V]
            chosen = chooser.choose(logits.to(.float32), histories: rows.map(\.history))
            position += 1
        }
        let finished = clock.now
        return rows.map { row in
            GenerationResult(
                tokenIDs: row.generated, stopReason: row.stopReason ?? .maxNewTokens,
                timings: Timings(
                    prefillTokenCount: promptLength, prefillSeconds: seconds(prefilled - started),
                    decodeTokenCount: max(0, row.generated.count - 1), decodeSeconds: seconds(finished - prefilled)))
        }
    }
}

/// One row of a running batch.
private struct Row {
    let config: GenerationConfig
    /// Greatest number of new tokens the context leaves room for.
    let limit: Int
    var history: [Int]
    var generated: [Int] = []
    var stopReason: StopReason?

    init(config: GenerationConfig, limit: Int, history: [Int]) {
        self.config = config
        self.limit = limit
        self.history = history
    }

    /// Takes the chosen token, or ends the row.
    mutating func take(_ token: Int, onToken: (Int) -> GenerationDecision) {
        if config.stopTokenIDs.contains(token) {
            stopReason = .stopToken
            return
        }
        generated.append(token)
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
