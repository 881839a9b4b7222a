public import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

// Shapes: B rows (requests), V vocabulary size. Logits are float32.

/// Reshapes the next-token distribution before sampling.
///
/// Every row is processed by itself: what a row becomes never depends on the other rows of its batch.
public protocol LogitsProcessor: Sendable {
    /// The processed logits.
    /// - Parameters:
    ///   - logits: float32[B, V]; minus infinity marks tokens already excluded.
    ///   - histories: per row, the prompt's and the generated token IDs so far. IDs outside `0 ..< V` (negative
    ///     stand-ins for images) may occur and mean no token.
    /// - Returns: float32[B, V].
    func process(_ logits: Tensor, histories: [[Int]]) -> Tensor
}

/// Divides the logits by a temperature.
public struct Temperature: LogitsProcessor {
    private let temperature: Double

    /// - Precondition: `temperature > 0`.
    public init(_ temperature: Double) {
        precondition(temperature > 0, "temperature \(temperature) is not positive; greedy decoding needs none")
        self.temperature = temperature
    }

    /// `logits / temperature`.
    public func process(_ logits: Tensor, histories: [[Int]]) -> Tensor { logits / temperature }
}

/// Keeps the `k` most likely tokens (and tokens exactly as likely as the k-th).
///
/// A. Fan, M. Lewis, Y. Dauphin, "Hierarchical Neural Story Generation", 2018.
public struct TopK: LogitsProcessor {
    private let k: Int

    /// - Precondition: `k > 0`.
    public init(_ k: Int) {
        precondition(k > 0, "top-k of \(k) would keep no token")
        self.k = k
    }

    /// Excludes what is less likely than the k-th token.
    public func process(_ logits: Tensor, histories: [[Int]]) -> Tensor {
        let vocabularySize = logits.shape[1]
        guard k < vocabularySize else { return logits }
        let threshold = logits.topK(k, dim: 1).values.narrow(dim: 1, start: k - 1, length: 1)  // [B, 1]
        return logits.maskedFill(logits.less(than: threshold), value: -.infinity)
    }
}

/// Keeps the smallest set of most likely tokens whose probabilities reach `p` (and ties with its last member).
///
/// A. Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020.
public struct TopP: LogitsProcessor {
    private let p: Double

    /// - Precondition: `0 < p <= 1`.
    public init(_ p: Double) {
        precondition(p > 0 && p <= 1, "top-p of \(p) does not lie above 0 and up to 1")
        self.p = p
    }

    /// Excludes the tail; the most likely token always stays.
    public func process(_ logits: Tensor, histories: [[Int]]) -> Tensor {
        let sorted = logits.sort(dim: 1, descending: true).values  // [B, V]
        let probabilities = sorted.softmax(dim: 1)
        let before = probabilities.cumsum(dim: 1) - probabilities  // mass of strictly more likely tokens
        let kept = sorted.maskedFill(before.greaterOrEqual(to: p), value: .infinity)
        let threshold = kept.min(dims: [1], keepDim: true)  // [B, 1]: the least likely token that stays
        return logits.maskedFill(logits.less(than: threshold), value: -.infinity)
    }
}

/// Keeps tokens at least `minP` times as likely as the most likely one.
///
/// M. N. Nguyen et al., "Turning Up the Heat: Min-p Sampling", 2024.
public struct MinP: LogitsProcessor {
    private let logarithm: Double

    /// - Precondition: `0 < minP < 1`.
    public init(_ minP: Double) {
        precondition(minP > 0 && minP < 1, "min-p of \(minP) does not lie between 0 and 1")
        logarithm = log(minP)
    }

    /// Excludes by distance from the greatest logit, which is the ratio of probabilities.
    public func process(_ logits: Tensor, histories: [[Int]]) -> Tensor {
        let threshold = logits.max(dims: [1], keepDim: true) + logarithm  // [B, 1]
        return logits.maskedFill(logits.less(than: threshold), value: -.infinity)
    }
}

/// Divides positive and multiplies negative logits of tokens that already occurred.
///
/// N. Keskar et al., "CTRL", 2019, section 4.1, with the sign rule of Hugging Face's processor.
public struct RepetitionPenalty: LogitsProcessor {
    private let penalty: Double
    private let ignored: Set<Int>

    /// A penalty that leaves the `ignored` tokens (image placeholders) alone.
    /// - Precondition: `penalty > 0`.
    public init(_ penalty: Double, ignoring ignored: Set<Int> = []) {
        precondition(penalty > 0, "a repetition penalty of \(penalty) is not positive")
        self.penalty = penalty
        self.ignored = ignored
    }

    /// Penalises each token of the row's history once, however often it occurred.
    public func process(_ logits: Tensor, histories: [[Int]]) -> Tensor {
        let (rowCount, vocabularySize) = (logits.shape[0], logits.shape[1])
        precondition(histories.count == rowCount, "\(rowCount) rows of logits, but \(histories.count) histories")
        var occurred = [Bool](repeating: false, count: rowCount * vocabularySize)
        for (row, history) in histories.enumerated() {
            for id in history where id >= 0 && id < vocabularySize && !ignored.contains(id) {
                occurred[row * vocabularySize + id] = true
            }
        }
        let mask = Tensor(occurred, shape: [rowCount, vocabularySize]).to(logits.device)
        let penalised = Tensor.where(logits.greater(than: 0), logits / penalty, logits * penalty)
        return Tensor.where(mask, penalised, logits)
    }
}

/// Excludes a fixed set of tokens.
public struct BannedTokens: LogitsProcessor {
    private let bias: Tensor  // float32[V]: 0 or minus infinity

    /// Bans `ids`.
    /// - Precondition: every ID lies in `0 ..< vocabularySize`.
    public init(_ ids: Set<Int>, vocabularySize: Int) {
        var values = [Float](repeating: 0, count: vocabularySize)
        for id in ids {
            precondition(
                (0..<vocabularySize).contains(id), "banned token \(id) is not in a vocabulary of \(vocabularySize)")
            values[id] = -.infinity
        }
        bias = Tensor(values, shape: [vocabularySize])
    }

    /// Adds minus infinity to the banned tokens.
    public func process(_ logits: Tensor, histories: [[Int]]) -> Tensor { logits + bias.to(logits.device) }
}
