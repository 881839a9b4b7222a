import Media
import SyrinxModels

/// What help texts say of the families, taken from the registry.
enum FamilyHelp {
    /// The named sizes that have an own way to make images square: `NAME squashStored, ...`.
    static var imageModes: String {
        ModelRegistry.namedSizes.compactMap { size in
            size.shape.description.publishedResize.map { "\(size.name) \($0.rawValue)" }
        }.joined(separator: ", ")
    }

    /// How authors sample answers: a clause for each recommendation, then what holds for all other models.
    static var sampling: String {
        var clauses: [(values: RecommendedSampling, names: [String])] = []
        let usual = RecommendedSampling()
        for size in ModelRegistry.namedSizes {
            let values = size.shape.description.recommendedSampling
            guard values != usual else { continue }
            if let known = clauses.firstIndex(where: { $0.values == values }) {
                clauses[known].names.append(size.name)
            } else {
                clauses.append((values, [size.name]))
            }
        }
        let own = clauses.map { clause in
            "of \(clause.names.joined(separator: " and ")) \(text(clause.values)); "
        }
        return own.joined() + "of other models greedy, \(usual.maxNewTokens) tokens"
    }

    private static func text(_ values: RecommendedSampling) -> String {
        var parts = [values.temperature.formatted]
        if values.topK > 0 { parts.append("top-k \(values.topK)") }
        if values.topP < 1 { parts.append("top-p \(values.topP.formatted)") }
        return (parts + ["\(values.maxNewTokens) tokens"]).joined(separator: ", ")
    }

    /// A named size, as an example.
    static var exampleSize: String { ModelRegistry.namedSizes.first?.name ?? "a-name" }
}

extension Double {
    /// Whole numbers without a fraction.
    fileprivate var formatted: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}
