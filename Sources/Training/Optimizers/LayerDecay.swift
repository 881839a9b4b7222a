/// Layer-wise learning-rate decay: the further a layer is from the output, the slower it learns.
///
/// With L layers and a factor f, layer i of 0 ..< L has f^(L - i) of the rate. What a part declares before its layers (patch
/// and position embeddings) counts as one more layer below them, f^(L + 1); what it declares behind them (a last norm) has the
/// whole rate. That is the convention of BEiT (arXiv 2106.08254), which fine-tunings of vision transformers follow; the
/// paper arXiv 2311.04257 gives the factor, 0.9, and no convention.
struct LayerDecay {
    /// The factor of the learning rate of each parameter of the part, by name.
    let factors: [String: Double]

    /// - Parameters:
    ///   - prefix: the part's name.
    ///   - factor: from a layer to the one below it, above 0 and at most 1.
    ///   - names: the part's parameters in the order of declaration.
    /// - Throws: `ConfigError` if no name has a number after the prefix.
    init(_ prefix: String, factor: Double, names: [String]) throws {
        let layers = names.map { name in
            name.dropFirst(prefix.count).split(separator: ".").lazy.compactMap { Int($0) }.first
        }
        guard let first = layers.firstIndex(where: { $0 != nil }), let last = layers.compactMap(\.self).max() else {
            throw ConfigError(
                place: "optimizer.layerDecay",
                problem:
                    "the part '\(prefix)' has no numbered layers; give a part such as an encoder, or a factor under "
                    + "learningRateFactors")
        }
        var factors: [String: Double] = [:]
        for (place, name) in names.enumerated() {
            let steps = layers[place].map { last + 1 - $0 } ?? (place < first ? last + 2 : 0)
            factors[name] = (0..<steps).reduce(1) { product, _ in product * factor }
        }
        self.factors = factors
    }
}
