package import NN

extension LoadReport {
    /// The report with the names that make a foreign checkpoint plain: what was loaded, the family that was wanted, and, as far
    /// as the names tell, the one that was found.
    package func named(_ checkpoint: String, wanting family: String?) -> LoadReport {
        var report = self
        report.checkpoint = checkpoint
        report.wantedFamily = family
        report.foundFamily = ModelRegistry.family(ofTensors: unexpected)
        return report
    }
}

extension ModelRegistry {
    /// The `model_type` whose tensors most of these names are; nil where no family has them.
    static func family(ofTensors names: [String]) -> String? {
        let patterns = Set(names.map(LoadReport.pattern))
        guard !patterns.isEmpty else { return nil }
        let best = families.compactMap { family -> (type: String, count: Int)? in
            guard let size = family.sizes.first, let (_, store) = try? declare(size.shape) else { return nil }
            let known = Set(store.parameters.map { LoadReport.pattern($0.name) })
            return (family.modelType, patterns.intersection(known).count)
        }.max { $0.count < $1.count }
        guard let best, best.count * 2 > patterns.count else { return nil }
        return best.type
    }
}
