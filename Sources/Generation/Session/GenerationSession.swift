import NN
import Processors
import SyrinxModels
import Torch

/// Prompts that are continued together, one token a step; they may join and leave between any two steps.
///
/// A request is admitted, waits for one of the engine's `maxBatchRows`, and runs from the step that reads its prompt to the one that
/// ends it, or until its owner ends it. Requests that start in the same step share one pass over their prompts, padded at the
/// right. A row that has ended is taken out of the cache at once: it takes part in no further pass, and its memory goes to the next
/// row that joins. Every row gets the tokens it would get alone.
///
///     let session = GenerationSession(engine)
///     let handle = try session.admit(request)
///     while !session.isEmpty {
///         for event in session.step() { ... }
///     }
///
/// Not `Sendable`: one thread at a time owns it. Between steps it computes nothing, and while nothing runs it holds no cache.
public final class GenerationSession {
    /// Names one admitted request; it is never used again.
    public struct Handle: Hashable, Sendable {
        /// Requests that were admitted before this one.
        let number: Int
    }

    /// What a step brings.
    public enum Event: Sendable {
        /// The next token of a row.
        case token(Handle, Int)
        /// A row has ended; nothing follows for it.
        case finished(Handle, GenerationResult)
        /// A row could not go on, and has left; nothing follows for it, and the others are not concerned.
        case failed(Handle, GenerationError)
    }

    /// What computes and the bounds it sets.
    public let engine: GenerationEngine
    private var cached: CachedModel
    /// In the order of the cache's rows.
    private var running: [SessionRow] = []
    /// In the order they came.
    private var waiting: [SessionRow] = []
    private var admittedCount = 0

    /// A session without rows.
    public convenience init(_ engine: GenerationEngine) { self.init(engine, answerRoom: 256) }

    /// A session without rows.
    /// - Parameter answerRoom: tokens of an answer that a new cache has room for; longer answers make it grow.
    package init(_ engine: GenerationEngine, answerRoom: Int) {
        self.engine = engine
        cached = CachedModel(engine.model, rowLimit: engine.maxBatchRows, answerRoom: answerRoom)
    }

    /// Rows whose prompts were read and that have not ended.
    public var runningCount: Int { running.count }
    /// Rows that wait for a place.
    public var waitingCount: Int { waiting.count }
    /// Whether no row runs or waits.
    public var isEmpty: Bool { running.isEmpty && waiting.isEmpty }
    /// Bytes that the keys and values take now, free slots included.
    public var cacheByteCount: Int { cached.byteCount }

    /// Takes a request in; its prompt is read at the next step that has room for it.
    /// - Parameters:
    ///   - prefix: keys and values of an earlier prompt; what the two have in common is not computed again, and this row's are kept
    ///     in it when it ends. Such a prompt is read in a pass of its own.
    ///   - name: what an error calls the prompt.
    /// - Throws: `GenerationError` for a config out of range or a prompt that leaves no room in the context.
    public func admit(
        _ request: GenerationRequest, reusing prefix: PrefixCache? = nil, named name: String = "the prompt"
    ) throws(GenerationError) -> Handle {
        try engine.check(request, name: name)
        let handle = Handle(number: admittedCount)
        admittedCount += 1
        let chooser = TokenChooser(
            request.config, vocabularySize: engine.pieceCount,
            sharing: (running + waiting.suffix(engine.maxBatchRows)).lazy.map(\.chooser))
        waiting.append(
            SessionRow(
                request, handle: handle, prefix: prefix, chooser: chooser, contextLength: engine.model.contextLength))
        return handle
    }

    /// Advances every running row by one token, then starts rows that wait, as many as there is room for, with their first.
    /// - Returns: the rows' tokens, and which rows have ended; empty where nothing runs or waits.
    public func step() -> [Event] {
        inferenceMode {
            var events = [Event]()
            if !running.isEmpty {
                let scores = cached.decode(
                    running.map { $0.history[$0.history.count - 1] },
                    limit: running.map(\.greatestLength).max() ?? 0)
                events += advance(from: 0, by: scores)
            }
            let starting = Array(waiting.prefix(engine.maxBatchRows - running.count))
            waiting.removeFirst(starting.count)
            events += start(starting.filter { $0.prefix == nil })
            for row in starting { if let prefix = row.prefix { events += start([row], reusing: prefix) } }
            return events
        }
    }

    /// Ends a row that runs or waits, between two steps, for a reason that its owner knows.
    /// - Returns: what it has so far; nil where it has ended already.
    @discardableResult
    public func end(_ handle: Handle, because reason: StopReason) -> GenerationResult? {
        if let index = waiting.firstIndex(where: { $0.handle == handle }) {
            return waiting.remove(at: index).result(reason, now: .now)
        }
        guard let index = running.firstIndex(where: { $0.handle == handle }) else { return nil }
        return inferenceMode { finish(index, reason) }
    }

    /// Ends a row as cancelled.
    /// - Returns: what it has so far; nil where it has ended already.
    @discardableResult
    public func cancel(_ handle: Handle) -> GenerationResult? { end(handle, because: .cancelled) }

    /// Drops a row that runs or waits, with everything it has; its place is free for the next one.
    public func release(_ handle: Handle) {
        waiting.removeAll { $0.handle == handle }
        guard let index = running.firstIndex(where: { $0.handle == handle }) else { return }
        inferenceMode { cached.remove(row: index) }
        forget(index)
    }
}

extension GenerationSession {
    /// Reads prompts in one pass and gives each its first token.
    private func start(_ rows: [SessionRow], reusing prefix: PrefixCache? = nil) -> [Event] {
        guard !rows.isEmpty else { return [] }
        let started = ContinuousClock.now
        let content = prefix?.take()
        let count = content.map { rows[0].request.reusableCount(of: $0.sequence) } ?? 0
        let first = running.count
        let scores = cached.read(rows, held: content.map { ($0.cache, count) })
        running += rows.map { $0.starting(now: started, cachedCount: count) }
        return advance(from: first, by: scores)
    }

    /// Gives the rows from `first` on the next token by their scores float32[B, V]; those that end leave.
    private func advance(from first: Int, by scores: Tensor) -> [Event] {
        let (tokens, likelihoods) = choose(from: first, by: scores)
        let now = ContinuousClock.now
        var events = [Event]()
        var ends = [(row: Int, reason: StopReason?)]()
        for (offset, token) in tokens.enumerated() {
            let index = first + offset
            guard let token else {
                ends.append((index, nil))
                continue
            }
            running[index].keep(scores.select(dim: 0, index: offset))
            let (isPart, end) = running[index].take(token, logProbability: likelihoods?[offset], now: now)
            if isPart { events.append(.token(running[index].handle, token)) }
            if let end { ends.append((index, end)) }
        }
        // From the last one on: then no row that stays is moved more than once, and none that leaves at all.
        for (index, reason) in ends.reversed() {
            let handle = running[index].handle
            if let reason {
                events.append(.finished(handle, finish(index, reason)))
            } else {
                fail(index)
                events.append(.failed(handle, .notFinite))
            }
        }
        return events
    }

    /// The next token of each row from `first` on, nil where there is none, and, where one of the rows asks for it, the logarithms
    /// of the tokens' probabilities.
    private func choose(from first: Int, by scores: Tensor) -> (tokens: [Int?], logProbabilities: [Float]?) {
        let rows = running[first...]
        let tokens = TokenChooser.choose(scores, by: rows.map(\.chooser), histories: rows.map(\.history))
        guard rows.contains(where: \.request.keepsLogProbabilities) else { return (tokens, nil) }
        let index = Tensor(tokens.map { Int64($0 ?? 0) }, shape: [tokens.count, 1]).to(scores.device)
        return (tokens, scores.logSoftmax(dim: 1).gather(dim: 1, index).array(of: Float.self))
    }

    /// Takes a row that has ended out of the cache; its keys and values go to its prefix cache.
    private func finish(_ index: Int, _ reason: StopReason) -> GenerationResult {
        let row = running[index]
        let result = row.result(reason, now: .now)
        if let prefix = row.prefix, let own = cached.take(row: index) {
            let sequence = row.request.sequence(followedBy: row.generated).prefix(own.lengths[0])
            own.truncate(to: sequence.count)
            prefix.keep(PrefixCache.Content(cache: own, sequence: Array(sequence)))
        } else {
            cached.remove(row: index)
        }
        forget(index)
        return result
    }

    /// Takes out a row whose scores are no finite numbers.
    private func fail(_ index: Int) {
        cached.remove(row: index, erasing: true)
        forget(index)
    }

    /// The last row takes the number of the one that is gone, as in the cache.
    private func forget(_ index: Int) {
        running.swapAt(index, running.count - 1)
        running.removeLast()
    }
}
