import Checkpoints
import DataPipeline
import NN
import Reports
import Settings
import SyrinxModels
public import Training

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `owl2-from-owl`: does a decoder with norms, keys and values of its own for images learn better than a plain one?
///
/// The ablation of mPLUG-Owl2 (arXiv 2311.04257, table 5) in miniature, with three decoders and several seeds: the
/// modality-adaptive one, a plain one of the same width (as much work per token), and a plain one whose feed-forward is
/// widened until it has as many parameters.
///
/// Each seed trains a plain model first (`owl2-from-owl-start`), and the two decoders of the same width go on from its weights
/// (`owl2-from-owl`), both branches of the modality-adaptive one as copies: they begin as the same function. The wider one has a
/// start of its own, wider from the beginning. Data, order and updates are equal; what is compared is the held-out loss of
/// every source.
public struct DecoderStudy: Study {
    public static let name = "owl2-from-owl"
    public static let abstract = "mPLUG-Owl2's modality-adaptive decoder against plain ones, small version."
    public static let discussion = """
        Trains a small plain model (the recipe owl2-from-owl-start) and continues from it (owl2-from-owl) with three \
        decoders: modality-adaptive, plain of the same width, and plain with as many parameters, which has a wider \
        start of its own. Prints held-out losses with intervals over the seeds. Finished runs are kept, so the same \
        command resumes after an interruption.
        """
    public static let recipe = "owl2-from-owl"
    public static let startRecipe = "owl2-from-owl-start"

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

        /// The name of the folder of what it starts from.
        var startFolder: String { self == .plainWider ? "start-wider" : "start" }

        /// What the start is called in messages.
        var startName: String { self == .plainWider ? "wider decoder" : "two decoders of the same width" }
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
    private let startOverrides: [String]
    private let overrides: [String]

    /// - Parameters:
    ///   - folder: where runs go, `DECODER/seed-N`; finished ones are kept, interrupted ones go on.
    ///   - startOverrides: `key.path=value` changes of `owl2-from-owl-start`, the same for all.
    ///   - overrides: changes of `owl2-from-owl`, the same for all.
    public init(folder: String, seeds: [UInt64], startOverrides: [String] = [], overrides: [String] = []) {
        self.folder = folder
        self.seeds = seeds
        self.startOverrides = startOverrides
        self.overrides = overrides
    }

    /// The recipe of the plain model that a decoder starts from.
    public func start(_ decoder: Decoder, seed: UInt64) throws -> Recipe {
        let recipe = try RecipeRegistry.recipe(Self.startRecipe, overrides: startOverrides + ["seed=\(seed)"])
        return try Self.changed(recipe, to: decoder == .modalityAdaptive ? .plain : decoder)
    }

    /// The recipe of one run.
    public func recipe(_ decoder: Decoder, seed: UInt64) throws -> Recipe {
        let start = "initialize.checkpoint=\(path(decoder.startFolder, seed))/model"
        let recipe = try RecipeRegistry.recipe(Self.recipe, overrides: overrides + ["seed=\(seed)", start])
        return try Self.changed(recipe, to: decoder)
    }

    /// The same recipe with another decoder.
    private static func changed(_ recipe: Recipe, to decoder: Decoder) throws -> Recipe {
        var recipe = recipe
        guard var config = recipe.model.shape as? MPLUGOwl2.Config else {
            throw ConfigError(
                place: "\(recipe.name), model", problem: "the study compares only decoders of mPLUG-Owl2")
        }
        config.isModalityAdaptive = decoder == .modalityAdaptive
        if decoder == .plainWider {
            // A second branch is two norms, a key and a value projection; a feed-forward of one more unit is three rows.
            let heads = config.languageModel, width = heads.hiddenSize
            let extra = 2 * width + 2 * width * heads.keyValueHeadCount * heads.headSize
            config.languageModel.intermediateSize += (extra + 3 * width / 2) / (3 * width)
        }
        recipe.model = ModelConfiguration(config)
        return recipe
    }

    private func path(_ name: String, _ seed: UInt64) -> String { "\(folder)/\(name)/seed-\(seed)" }

    /// Runs all decoders with one seed before the next seed begins.
    ///
    /// - Throws: `ConfigError` where another process runs a study in the folder, and what ``RecipeRunner/run(_:_:)`` throws;
    ///   the same call goes on afterwards.
    public func run(
        observers: @escaping (String) -> [any TrainingObserver], say: @escaping (String) -> Void
    ) throws -> [Run] {
        func train(_ recipe: Recipe, _ name: String, in path: String) throws -> RecipeRunner.Outcome {
            say("\(name), seed \(recipe.seed): \(path)")
            let exists = FileManager.default.fileExists(atPath: path + "/recipe.yaml")
            return try RecipeRunner.run(
                recipe, .init(output: path, resume: exists, observers: { _ in observers(path) }))
        }
        let lock = try takeFolder()
        defer { lock.release() }
        return try seeds.flatMap { seed in
            var started: Set<String> = []
            return try Decoder.allCases.map { decoder in
                if started.insert(decoder.startFolder).inserted {
                    let start = try start(decoder, seed: seed)
                    _ = try train(start, "start of the \(decoder.startName)", in: path(decoder.startFolder, seed))
                }
                let recipe = try recipe(decoder, seed: seed)
                let outcome = try train(recipe, decoder.rawValue, in: path(decoder.folder, seed))
                return Run(
                    decoder: decoder, seed: seed, parameterCount: outcome.store.elementCount(),
                    losses: Self.heldOutLosses(outcome.folder.log))
            }
        }
    }

    public func report(
        observers: @escaping (String) -> [any TrainingObserver], say: @escaping (String) -> Void
    ) throws -> StudyReport {
        let comparison = DecoderComparison(try run(observers: observers, say: say))
        return StudyReport(table: comparison.table, values: comparison)
    }

    private func takeFolder() throws -> FolderLock {
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw TrainingError("cannot make the folder \(folder): \(plainReason(error))")
        }
        guard let lock = try FolderLock(folder) else {
            throw ConfigError(
                place: folder,
                problem: "another process runs a study here; wait until it ends, or give another --output")
        }
        return lock
    }

    /// The last held-out loss of every source in a log.
    private static func heldOutLosses(_ log: String) -> [String: Double] {
        let log = LossLog(Array(FileManager.default.contents(atPath: log) ?? Data()))
        let losses = log.curves.filter { $0.split == "validation" }.compactMap { curve in
            curve.losses.last.map { (curve.source, $0) }
        }
        return Dictionary(losses, uniquingKeysWith: { $1 })
    }
}
