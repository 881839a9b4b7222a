#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// CIDEr-D as the COCO caption evaluation computes it.
///
/// R. Vedantam, C. L. Zitnick, D. Parikh, "CIDEr: Consensus-based image description evaluation", CVPR 2015
/// (https://arxiv.org/abs/1411.5726), with the choices of the program `pycocoevalcap`, which every paper runs:
///
/// - An n-gram g (n of 1 to 4) weighs tf(g) (ln N - ln max(1, df(g))), with tf its raw count in the sentence, N the number of
///   items, and df the number of items of which any reference contains it. Both come from the evaluated references
///   themselves, so a score depends on the whole set: one item alone scores 0.
/// - For each n: sum over the hypothesis' n-grams of min(h, r) r, over |h| |r|, times exp(-d^2 / (2 * 6^2)), with d the
///   difference in the number of bigrams.
/// - The mean over n and over references, times 10. An item's score lies in 0 ... 10; papers print the mean times 100.
public struct CIDEr: Sendable {
    private static let longest = 4
    private static let sigma = 6.0

    /// Words by their bytes: what looks alike and is spelt otherwise is another word, as it is to the official program.
    private typealias Gram = [UInt8]

    /// A sentence's weighted n-grams in order of first appearance, with a norm for each n.
    private struct Vector: Sendable {
        var grams: [[(gram: Gram, weight: Double)]]
        var norms: [Double]
        var bigramCount: Int
    }

    private let documentFrequencies: [Gram: Int]
    private let logItemCount: Double
    private let references: [[(vector: Vector, weights: [Gram: Double])]]

    /// A scorer for items with these references.
    /// - Parameter references: the reference captions of each item; tokenised here with ``CaptionTokenizer``.
    public init(references: [[String]]) {
        let counted = references.map { $0.map { Self.counts(CaptionTokenizer.words($0)) } }
        var frequencies = [Gram: Int]()
        for item in counted {
            for gram in Set(item.flatMap { $0.flatMap { $0.map(\.gram) } }) { frequencies[gram, default: 0] += 1 }
        }
        documentFrequencies = frequencies
        logItemCount = log(Double(references.count))
        let logItemCount = logItemCount
        self.references = counted.map { item in
            item.map { counts in
                let vector = Self.weighted(counts, frequencies, logItemCount)
                let weights = Dictionary(
                    vector.grams.joined().map { ($0.gram, $0.weight) }, uniquingKeysWith: { first, _ in first })
                return (vector, weights)
            }
        }
    }

    /// Whether any caption can score more than 0: some word of the references does not stand in every item's. Of one item
    /// all do.
    public var tellsCaptionsApart: Bool {
        references.contains { item in item.contains { $0.vector.norms.contains { $0 > 0 } } }
    }

    /// The score of a caption for item `item`, `0 ... 10`; 0 where the item has no reference.
    public func score(_ caption: String, item: Int) -> Double {
        let own = references[item]
        guard !own.isEmpty else { return 0 }
        let hypothesis = Self.weighted(
            Self.counts(CaptionTokenizer.words(caption)), documentFrequencies, logItemCount)
        var total = [Double](repeating: 0, count: Self.longest)
        for reference in own {
            for (order, similarity) in Self.similarities(hypothesis, reference).enumerated() {
                total[order] += similarity
            }
        }
        return total.reduce(0, +) / Double(Self.longest) / Double(own.count) * 10
    }

    /// One similarity for each n.
    private static func similarities(
        _ hypothesis: Vector, _ reference: (vector: Vector, weights: [Gram: Double])
    ) -> [Double] {
        let difference = Double(hypothesis.bigramCount - reference.vector.bigramCount)
        let penalty = exp(-difference * difference / (2 * sigma * sigma))
        return (0..<longest).map { order in
            let product = hypothesis.grams[order].reduce(0.0) { sum, own in
                let other = reference.weights[own.gram] ?? 0
                return sum + min(own.weight, other) * other
            }
            let norms = hypothesis.norms[order] * reference.vector.norms[order]
            return (norms == 0 ? product : product / norms) * penalty
        }
    }

    /// The n-grams of each length with their counts, in order of first appearance, so that sums never change.
    private static func counts(_ words: [String]) -> [[(gram: Gram, count: Int)]] {
        (1...longest).map { length in
            var places = [Gram: Int]()
            var counts = [(gram: Gram, count: Int)]()
            for start in 0..<max(0, words.count - length + 1) {
                let gram = Array(words[start..<start + length].joined(separator: " ").utf8)
                if let place = places[gram] {
                    counts[place].count += 1
                } else {
                    places[gram] = counts.count
                    counts.append((gram, 1))
                }
            }
            return counts
        }
    }

    private static func weighted(
        _ counts: [[(gram: Gram, count: Int)]], _ frequencies: [Gram: Int], _ logItemCount: Double
    ) -> Vector {
        let grams = counts.map { counts in
            counts.map { gram, count in
                (gram: gram, weight: Double(count) * (logItemCount - log(Double(max(1, frequencies[gram] ?? 0)))))
            }
        }
        return Vector(
            grams: grams, norms: grams.map { $0.reduce(0) { $0 + $1.weight * $1.weight }.squareRoot() },
            bigramCount: counts[1].reduce(0) { $0 + $1.count })
    }
}
