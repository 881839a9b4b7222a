import SyrinxModels
import Torch

/// What the terms of a loss are divided by: their weights over all micro-batches of a step, known before its first backward.
struct LossWeights {
    private(set) var main = 0.0
    private(set) var auxiliary: [String: Double] = [:]

    init() {}

    init<Item>(_ items: [Item], _ objective: Objective<Item>) {
        for item in items { add(item, objective) }
    }

    mutating func add<Item>(_ item: Item, _ objective: Objective<Item>) {
        main += objective.weight(item)
        auxiliary.merge(objective.auxiliaryWeights(item), uniquingKeysWith: +)
    }

    /// What a micro-batch contributes to the loss: where its backward pass begins.
    ///
    /// - Throws: `TrainingError` for an auxiliary term whose weight was not told.
    func share(of loss: StepLoss) throws -> Tensor {
        var share = loss.total * (1 / main)
        for term in loss.auxiliary {
            guard let weight = auxiliary[term.name] else {
                throw TrainingError(
                    "the loss has an auxiliary term '\(term.name)' whose weight the objective did not give before the pass; "
                        + "add it to auxiliaryWeights")
            }
            if weight > 0 { share = share + term.sum * (1 / weight) }
        }
        return share
    }
}

/// Sums over the micro-batches of a step, or of a validation.
struct LossTally {
    private struct Term {
        var sum = 0.0
        var weight = 0.0
    }

    private var main = 0.0
    private var parts: [String: Double] = [:]
    private var auxiliary: [String: Term] = [:]
    private(set) var tokens = 0
    private(set) var images = 0
    private(set) var operations = 0.0

    mutating func add(_ loss: StepLoss) {
        main += loss.total.item()
        for (name, part) in loss.parts { parts[name, default: 0] += part.item() }
        for term in loss.auxiliary {
            auxiliary[term.name, default: Term()].sum += term.sum.item()
            auxiliary[term.name, default: Term()].weight += term.weight
        }
        tokens += loss.tokenCount
        images += loss.imageCount
        operations += loss.floatingPointOperations
    }

    /// The terms' names in an order of their own, so that a loss has the same bits in every run.
    private var auxiliaryNames: [String] { auxiliary.keys.sorted() }

    /// The loss over all weights: the sum of its normalised terms.
    func loss(over weights: LossWeights) -> Double {
        auxiliaryNames.reduce(main / divisor(weights)) { $0 + normalised($1, weights) }
    }

    /// The summands of the loss, normalised like it.
    func parts(over weights: LossWeights) -> [String: Double] {
        var result = parts.mapValues { $0 / divisor(weights) }
        for name in auxiliaryNames { result[name] = normalised(name, weights) }
        return result
    }

    private func divisor(_ weights: LossWeights) -> Double { weights.main > 0 ? weights.main : 1 }

    private func normalised(_ name: String, _ weights: LossWeights) -> Double {
        guard let term = auxiliary[name], let weight = weights.auxiliary[name], weight > 0 else { return 0 }
        return term.sum / weight
    }

    /// Compares the weights that auxiliary terms had with those told before.
    ///
    /// - Throws: `TrainingError` with both where they differ: the step's gradients are then scaled wrongly.
    func check(_ weights: LossWeights) throws {
        for (name, told) in weights.auxiliary.sorted(by: { $0.key < $1.key }) {
            let had = auxiliary[name]?.weight ?? 0
            guard abs(had - told) > 1e-6 * max(abs(told), 1) else { continue }
            throw TrainingError(
                "the auxiliary term '\(name)' of the loss was summed over a weight of \(had), but the objective gave \(told) "
                    + "before the pass; correct auxiliaryWeights")
        }
    }
}
