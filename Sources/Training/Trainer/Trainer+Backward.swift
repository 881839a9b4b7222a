import Torch

// Forward and backward passes of a step, in pieces where memory is too small.
extension Trainer {
    /// Forward and backward over all micro-batches. When memory runs out, halves them all and starts over, where their loss
    /// allows it.
    func backward(_ items: [Item], _ weights: LossWeights) throws -> LossTally {
        while true {
            do {
                return try withTorchErrors {
                    var tally = LossTally()
                    for item in pieces(of: items) {
                        let loss = try objective.loss(item)
                        try weights.share(of: loss).backward()
                        accumulator.collect()
                        tally.add(loss)
                    }
                    return tally
                }
            } catch let error as TorchError where error.kind == .outOfMemory {
                accumulator.clear()
                try halve(items, after: error)
            }
        }
    }

    private func halve(_ items: [Item], after error: TorchError) throws {
        let place = "out of memory in step \(state.step + 1)"
        var note = ""
        switch objective.division {
        case .exact: break
        case .redrawing(let what): note = "; each half draws \(what) again"
        case .refused(let reason):
            throw TrainingError(
                "\(place): \(reason), so its micro-batch cannot be halved; use a smaller microbatchSize (which changes the "
                    + "loss) or a smaller model (\(error))")
        }
        state.halvings += 1
        guard items.contains(where: { $0.halves() != nil }), state.halvings < 16 else {
            throw TrainingError(
                "\(place) with one row per micro-batch; use a shorter context or a smaller model (\(error))")
        }
        say("\(place): micro-batches are halved (\(state.halvings) times now); the global batch stays\(note)")
    }

    private func pieces(of items: [Item]) -> [Item] {
        if case .refused = objective.division { return items }
        var pieces = items
        for _ in 0..<state.halvings {
            pieces = pieces.flatMap { item in item.halves().map { [$0.0, $0.1] } ?? [item] }
        }
        return pieces
    }
}
