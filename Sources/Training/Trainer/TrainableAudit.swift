import Digests
import NN
import Torch

/// What a stage was meant to change, and what it did change, part by part.
///
/// A part is a name prefix given by the recipe (encoder, connector, decoder); parameters under none of them form the
/// part "other". A part that was trainable and did not move is an error: something cut it off from the loss.
public struct TrainableAudit: Codable, Sendable {
    public struct Part: Codable, Sendable {
        public var name: String
        /// Elements, and those of them that train.
        public var parameterCount: Int
        public var trainableCount: Int
        /// The dtype the model computes in; what trains has float32 masters beside it.
        public var dtype: String
        /// Peak rates of the part's trainable parameters, smallest and largest; nil if it is frozen.
        public var learningRates: [Double]?
        /// SHA-256 over names and digests of the values at the start, and at the end.
        public var hashBefore: String
        public var hashAfter: String?

        /// Whether the stage changed it; nil before the end.
        public var changed: Bool? { hashAfter.map { $0 != hashBefore } }
    }

    public var parts: [Part]

    /// Describes the state at the start of a stage.
    ///
    /// - Parameter prefixes: name prefixes of the parts; the longest matching one wins.
    init(_ weights: MasterWeights, _ optimizers: OptimizerSet, prefixes: [String]) {
        let members = Self.members(weights, prefixes)
        let known = weights.frozenDigests
        var rates: [Int: Double] = [:]
        for group in optimizers.groups {
            for (index, factor) in zip(group.indices, group.factors) { rates[index] = group.peakLearningRate * factor }
        }
        parts = members.map { name, indices in
            let trainable = indices.filter { rates[$0] != nil }
            let used = trainable.compactMap { rates[$0] }
            return Part(
                name: name, parameterCount: indices.reduce(0) { $0 + weights.parameters[$1].elementCount },
                trainableCount: trainable.reduce(0) { $0 + weights.parameters[$1].elementCount },
                dtype: "\(weights.computeDType)", learningRates: used.isEmpty ? nil : [used.min()!, used.max()!],
                hashBefore: Self.hash(weights, indices, known: known), hashAfter: nil)
        }
    }

    /// Adds the hashes at the end.
    mutating func close(_ weights: MasterWeights, prefixes: [String]) {
        let members = Self.members(weights, prefixes)
        for index in parts.indices {
            guard let indices = members.first(where: { $0.name == parts[index].name })?.indices else { continue }
            parts[index].hashAfter = Self.hash(weights, indices, known: [:])
        }
    }

    /// Refuses a stage that did not do what was declared.
    ///
    /// - Throws: `TrainingError` naming the parts that were trainable and did not move, or frozen and moved.
    func verify() throws {
        let still = parts.filter { $0.trainableCount > 0 && $0.changed == false }.map(\.name)
        guard still.isEmpty else {
            throw TrainingError(
                "declared trainable but unchanged after training: \(still.joined(separator: ", ")); no gradient reached it, so "
                    + "freeze it in the recipe or connect it to the loss")
        }
        let moved = parts.filter { $0.trainableCount == 0 && $0.changed == true }.map(\.name)
        guard moved.isEmpty else {
            throw TrainingError(
                "declared frozen but changed by training: \(moved.joined(separator: ", ")); this is a defect")
        }
    }

    /// The table printed before a run.
    public var table: String {
        var rows = [["part", "parameters", "trainable", "dtype", "peak rate"]]
        for part in parts {
            let rate = part.learningRates.map { rates in
                rates[0] == rates[1] ? Self.short(rates[0]) : "\(Self.short(rates[0])) ... \(Self.short(rates[1]))"
            }
            rows.append([part.name, "\(part.parameterCount)", "\(part.trainableCount)", part.dtype, rate ?? "frozen"])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).enumerated().map { column, cell in
                let pad = String(repeating: " ", count: cell.1 - cell.0.count)
                return column == 1 || column == 2 ? pad + cell.0 : cell.0 + pad
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private static func short(_ rate: Double) -> String {
        // Three significant digits: 0.000262 as 2.62e-4.
        guard rate > 0 else { return "0" }
        var exponent = 0
        var mantissa = rate
        while mantissa < 1 {
            mantissa *= 10
            exponent -= 1
        }
        while mantissa >= 10 {
            mantissa /= 10
            exponent += 1
        }
        return "\((mantissa * 100).rounded() / 100)e\(exponent)"
    }

    private static func members(_ weights: MasterWeights, _ prefixes: [String]) -> [(name: String, indices: [Int])] {
        let ordered = prefixes.sorted { $0.count > $1.count }
        var members: [String: [Int]] = [:]
        for (index, parameter) in weights.parameters.enumerated() {
            let part = ordered.first { parameter.name == $0 || parameter.name.hasPrefix($0 + ".") } ?? "other"
            members[part, default: []].append(index)
        }
        return (prefixes + ["other"]).compactMap { name in members[name].map { (name, $0) } }
    }

    /// SHA-256 over names and digests of the values, those that are known already not computed again.
    private static func hash(_ weights: MasterWeights, _ indices: [Int], known: [String: String]) -> String {
        var hasher = SHA256Hasher()
        for index in indices {
            let name = weights.parameters[index].name
            hasher.update("\(name) \(known[name] ?? weights.digest(index))\n")
        }
        return "\(hasher.finalize())"
    }
}
