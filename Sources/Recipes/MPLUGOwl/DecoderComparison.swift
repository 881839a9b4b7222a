import Evaluation

/// What the runs of a ``DecoderStudy`` say together: means over seeds, and differences from the modality-adaptive decoder,
/// seed by seed.
///
/// Runs of one seed share data, order and the start of everything they have in common, so their difference varies less than
/// they do. Intervals are Student's, of 95 %, and speak of the seeds alone: the held-out records are the same.
public struct DecoderComparison: Codable, Sendable {
    /// A mean over seeds and half the width of its interval; nil with a single seed.
    public struct Mean: Codable, Sendable {
        public var value: Double
        public var halfWidth: Double?

        init(_ values: [Double]) {
            let count = Double(values.count)
            let mean = values.reduce(0, +) / count
            value = mean
            guard values.count > 1 else { return }
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
            halfWidth = Self.quantile(values.count - 1) * (variance / count).squareRoot()
        }

        /// The 97.5 % point of Student's distribution.
        private static func quantile(_ degrees: Int) -> Double {
            let table = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]
            return degrees <= table.count ? table[degrees - 1] : 1.96 + 2.5 / Double(degrees)
        }
    }

    /// A line of the table.
    public struct Line: Codable, Sendable {
        public var decoder: DecoderStudy.Decoder
        public var parameterCount: Int
        public var source: String
        public var loss: Mean
        /// The modality-adaptive decoder's loss less this one's: below 0 it learnt more. Nil on its own lines.
        public var difference: Mean?
    }

    public let lines: [Line]
    public let runs: [DecoderStudy.Run]

    /// Compares runs, in any order.
    public init(_ runs: [DecoderStudy.Run]) {
        self.runs = runs
        let sources = Set(runs.flatMap(\.losses.keys)).sorted()
        lines = sources.flatMap { source in
            DecoderStudy.Decoder.allCases.compactMap { decoder -> Line? in
                let own = runs.filter { $0.decoder == decoder }
                let losses = own.compactMap { $0.losses[source] }
                guard let first = own.first, !losses.isEmpty else { return nil }
                let differences = own.compactMap { run -> Double? in
                    let adaptive = runs.first { $0.decoder == .modalityAdaptive && $0.seed == run.seed }
                    guard decoder != .modalityAdaptive, let theirs = run.losses[source] else { return nil }
                    return adaptive?.losses[source].map { $0 - theirs }
                }
                return Line(
                    decoder: decoder, parameterCount: first.parameterCount, source: source, loss: Mean(losses),
                    difference: differences.isEmpty ? nil : Mean(differences))
            }
        }
    }

    /// The table as text.
    public var table: String {
        func text(_ mean: Mean, signed: Bool) -> String {
            func digits(_ value: Double) -> String {
                let thousandths = Int((abs(value) * 1000).rounded())
                let fraction = String(thousandths % 1000)
                return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
            }
            let sign = mean.value < 0 ? "-" : signed ? "+" : ""
            return sign + digits(mean.value) + (mean.halfWidth.map { " +- " + digits($0) } ?? "")
        }
        let rows = lines.map { line in
            [
                line.source, line.decoder.rawValue, "\(line.parameterCount)", text(line.loss, signed: false),
                line.difference.map { text($0, signed: true) } ?? "",
            ]
        }
        return TextTable.text([["held out", "decoder", "parameters", "loss", "adaptive less this"]] + rows)
    }
}
