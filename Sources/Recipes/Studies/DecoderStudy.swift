import DataPipeline
import NN
import SyrinxModels
public import Training

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `owl2-from-owl`: does a decoder with norms, keys and values of its own for pictures learn better than a plain one?
///
/// The ablation of mPLUG-Owl2 (arXiv 2311.04257, table 5) in miniature. One recipe is run with three decoders and several
/// seeds: the modality-adaptive one, a plain one of the same width (as much work per token), and a plain one whose
/// feed-forward is widened until it has as many parameters. Everything else (data, order, updates, start of the shared
/// parts) is equal; what is compared is the held-out loss of every source.
public struct DecoderStudy {
    /// One of the decoders.
    public enum Decoder: String, CaseIterable, Codable, Sendable {
        case modalityAdaptive = "modality-adaptive"
        case plain
        case plainWider = "plain, as many parameters"

        /// The name of its runs' folder.
        var folder: String {
            switch self {
            case .modalityAdaptive: "adaptive"
            case .plain: "plain"
            case .plainWider: "plain-wider"
            }
        }
    }

    /// What one run came to.
    public struct Run: Codable, Sendable {
        public var decoder: Decoder
        public var seed: UInt64
        public var parameterCount: Int
        /// Held-out loss per supervised token at the end, by source.
        public var losses: [String: Double]

        package init(decoder: Decoder, seed: UInt64, parameterCount: Int, losses: [String: Double]) {
            self.decoder = decoder
            self.seed = seed
            self.parameterCount = parameterCount
            self.losses = losses
        }
    }

    private let folder: String
    private let seeds: [UInt64]
    private let overrides: [String]

    /// - Parameters:
    ///   - folder: where runs go, `DECODER/seed-N`; finished ones are kept, interrupted ones go on.
    ///   - overrides: `key.path=value` changes of the recipe, the same for all.
    public init(folder: String, seeds: [UInt64], overrides: [String]) {
        self.folder = folder
        self.seeds = seeds
        self.overrides = overrides
    }

    /// The recipe of one run.
    public func recipe(_ decoder: Decoder, seed: UInt64) throws -> Recipe {
        var recipe = try RecipeRegistry.recipe("owl2-from-owl", overrides: overrides + ["seed=\(seed)"])
        guard case .mplugOwl2(var config) = recipe.model else {
            throw ConfigError(place: "owl2-from-owl, model", problem: "the study compares decoders of mPLUG-Owl2 alone")
        }
        let width = config.languageModel.hiddenSize
        if decoder != .modalityAdaptive {
            config.isModalityAdaptive = false
            for index in recipe.stages.indices { recipe.stages[index].copiesTextBranch = false }
        }
        if decoder == .plainWider {
            // A second branch is two norms, a key and a value projection; a feed-forward of one more unit is three rows.
            let heads = config.languageModel
            let extra = 2 * width + 2 * width * heads.keyValueHeadCount * heads.headSize
            config.languageModel.intermediateSize += (extra + 3 * width / 2) / (3 * width)
        }
        recipe.model = .mplugOwl2(config)
        return recipe
    }

    /// Runs all decoders with one seed before the next seed begins.
    public func run(
        observers: @escaping (String) -> [any TrainingObserver], say: @escaping (String) -> Void
    ) throws -> [Run] {
        try seeds.flatMap { seed in
            try Decoder.allCases.map { decoder in
                let recipe = try recipe(decoder, seed: seed)
                let path = "\(folder)/\(decoder.folder)/seed-\(seed)"
                say("\(decoder.rawValue), seed \(seed): \(path)")
                let exists = FileManager.default.fileExists(atPath: path + "/recipe.yaml")
                let outcome = try RecipeRunner.run(
                    recipe, .init(output: path, resume: exists, observers: { _ in observers(path) }))
                let log = LossLog(Array(FileManager.default.contents(atPath: outcome.folder.log) ?? Data()))
                // The warm start has another loss, which ended before the last stage.
                let curves = log.curves.filter { $0.split == "validation" }
                let end = curves.compactMap(\.steps.last).max()
                let losses = curves.filter { $0.steps.last == end }.compactMap { curve in
                    curve.losses.last.map { (curve.source, $0) }
                }
                return Run(
                    decoder: decoder, seed: seed, parameterCount: outcome.store.elementCount(),
                    losses: Dictionary(losses, uniquingKeysWith: { $1 }))
            }
        }
    }
}
