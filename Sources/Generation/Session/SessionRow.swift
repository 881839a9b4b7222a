import Processors
import Torch

/// One admitted request: what it has so far, and when.
struct SessionRow {
    typealias Instant = ContinuousClock.Instant

    let handle: GenerationSession.Handle
    let request: GenerationRequest
    /// Where this row's keys and values go when it ends, and where earlier ones come from.
    let prefix: PrefixCache?
    let chooser: TokenChooser
    /// Tokens of the prompt.
    let promptLength: Int
    /// Greatest number of new tokens: what the request allows and the context leaves room for.
    let limit: Int
    /// The prompt's tokens and the generated ones.
    private(set) var history: [Int]
    /// One for each generated token, where the request asks for them.
    private var logProbabilities: [Float] = []
    /// float32[V] of every step, where the request keeps them.
    private var logits: [Tensor] = []
    /// Positions of the prompt that were taken from `prefix`.
    private var cachedCount = 0
    /// When the prompt's pass began, and when the first token was chosen; nil for a row that still waits.
    private var started, prefilled: Instant?

    init(
        _ request: GenerationRequest, handle: GenerationSession.Handle, prefix: PrefixCache?, chooser: TokenChooser,
        contextLength: Int
    ) {
        self.handle = handle
        self.request = request
        self.prefix = prefix
        self.chooser = chooser
        history = request.input.tokenIDs.array(of: Int64.self).map(Int.init)
        promptLength = history.count
        limit = min(request.config.maxNewTokens, contextLength - promptLength)
    }

    var generated: [Int] { Array(history[promptLength...]) }

    /// Positions of the cache it may come to fill.
    var greatestLength: Int { promptLength + limit }

    /// The row as one whose prompt is read from `now` on, without the `cachedCount` first positions.
    func starting(now: Instant, cachedCount: Int) -> SessionRow {
        var row = self
        row.started = now
        row.cachedCount = cachedCount
        return row
    }

    /// Keeps the scores float32[V] of one step, where the request asks for it.
    mutating func keep(_ scores: @autoclosure () -> Tensor) {
        if request.keepsLogits { logits.append(scores().to(.cpu)) }
    }

    /// Takes the token that was chosen `now`.
    /// - Returns: whether it is part of the answer, and why the row ends with it; nil where it goes on.
    mutating func take(_ token: Int, logProbability: Float?, now: Instant) -> (isPart: Bool, end: StopReason?) {
        prefilled = prefilled ?? now
        if request.config.stopTokenIDs.contains(token) { return (false, .stopToken) }
        history.append(token)
        if let logProbability { logProbabilities.append(logProbability) }
        let count = history.count - promptLength
        if count < limit { return (true, nil) }
        return (true, count >= request.config.maxNewTokens ? .maxNewTokens : .contextFull)
    }

    /// What came of it, if it ends now.
    func result(_ reason: StopReason, now: Instant) -> GenerationResult {
        let count = history.count - promptLength
        var timings = Timings(prefillTokenCount: 0, prefillSeconds: 0, decodeTokenCount: 0, decodeSeconds: 0)
        if let started, let prefilled {
            timings = Timings(
                prefillTokenCount: promptLength - cachedCount, prefillSeconds: seconds(prefilled - started),
                decodeTokenCount: max(0, count - 1), decodeSeconds: seconds(now - prefilled))
        }
        return GenerationResult(
            tokenIDs: generated, stopReason: reason, timings: timings, cachedTokenCount: cachedCount,
            logProbabilities: request.keepsLogProbabilities ? logProbabilities : nil,
            logits: logits.isEmpty ? nil : Tensor.stack(logits, dim: 0))
    }
}

/// `duration` in seconds.
package func seconds(_ duration: Duration) -> Double {
    let (seconds, attoseconds) = duration.components
    return Double(seconds) + Double(attoseconds) * 1e-18
}
