import Checkpoints
package import DataPipeline
import Digests
import Media
public import NN
import Processors
import Settings
public import SyrinxModels
import Tokenizers
public import Torch
public import Training

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Runs a recipe: data, model, stages, checkpoints, the model folder at the end.
public enum RecipeRunner {
    /// What a finished run leaves in memory, for evaluation and reports.
    public struct Outcome {
        public let folder: RunFolder
        /// The trained model, computing in the run's dtype.
        public let model: any MultimodalLanguageModel
        public let store: ParameterStore
        /// One report a stage that ran now.
        public let reports: [EndReport]
        /// SHA-256 over all weights: float32 where a stage changed them, the run's dtype elsewhere.
        public let weightsHash: String
    }

    /// What a run is to look like from outside.
    public struct Options {
        /// The run's folder.
        public var output: String
        /// Continue the run that the folder holds.
        public var resume: Bool
        /// Watchers besides the log and TensorBoard, which every run writes; they get the run's context.
        public var observers: (RunContext) throws -> [any TrainingObserver]
        /// Hears what happens between stages.
        public var say: (String) -> Void

        public init(
            output: String, resume: Bool = false,
            observers: @escaping (RunContext) throws -> [any TrainingObserver] = { _ in [] },
            say: @escaping (String) -> Void = { _ in }
        ) {
            self.output = output
            self.resume = resume
            self.observers = observers
            self.say = say
        }
    }

    /// What observers of recipes may look at: the model between steps, the examples, TensorBoard's file.
    public struct RunContext {
        public let recipe: Recipe
        public let model: any MultimodalLanguageModel
        /// The model's parameters, as the run's dtype.
        public let store: ParameterStore
        /// What the run learns from, and numbers of records with images that it never sees.
        package let examples: any ExampleSupply
        package let heldOutRecords: [Int]
        /// What the model computes in, and where.
        public let computeDType: DType
        public let device: Device
        public let tensorBoard: TensorBoardObserver
        public let log: (String) -> Void
    }

    /// Runs `recipe` to its end.
    ///
    /// - Throws: `ConfigError` for values that cannot work, `TrainingError`, `Interrupted` after a signal (a checkpoint has
    ///   been saved then), or what reading data and checkpoints throws.
    public static func run(_ recipe: Recipe, _ options: Options) throws -> Outcome {
        try recipe.validate()
        let machine = try RecipeMachine(recipe)
        let plan = try MemoryPlan(recipe)
        if let threads = recipe.threads { TorchRuntime.threadCount = threads }
        let folder = try RunFolder(path: options.output, resume: options.resume)
        defer { folder.release() }
        let yaml = try StrictYAML.encode(recipe)
        let checkpoints = CheckpointStore(folder: folder.checkpoints, keep: recipe.checkpoints.keep)
        let log = try JSONLinesObserver(path: folder.log)
        func say(_ text: String) {
            log.onMessage(text)
            options.say(text)
        }
        let saved = options.resume ? checkpoints.newestValid(report: say) : nil
        if let saved {
            try check(yaml, against: String(decoding: try saved.file("recipe.yaml"), as: UTF8.self), in: saved.path)
            say("resuming from \(saved.path)")
        } else if options.resume {
            let damaged = checkpoints.names().count
            guard damaged == 0 else {
                throw TrainingError(
                    "none of the \(damaged) checkpoints in \(folder.checkpoints) can be used, for the reasons above; put them "
                        + "right, remove them to begin anew, or give another --output")
            }
            say("no checkpoint in \(folder.checkpoints): starting from the beginning")
        }
        try write(yaml, to: folder.recipe)
        let data = try RecipeData(
            recipe, savedTokenizer: try saved?.file("tokenizer.model"),
            quarantinePath: folder.path + "/quarantine.jsonl", say: say)
        let built = RecipeModel(
            recipe, vocabularySize: data.tokenizer.vocabularySize, imagePlaceholder: data.imagePlaceholder)
        let changed = try built.changedParameters()
        try built.fill(changing: changed, computeDType: machine.computeDType, say: saved == nil ? say : { _ in })
        if let shortage = plan.disk.shortage(at: folder.path) {
            throw ConfigError(place: folder.path, problem: shortage)
        }
        let weights = MasterWeights(
            built.store, changing: changed, computeDType: machine.computeDType, device: machine.device)
        let frozen = FrozenWeights(weights)
        if let saved {
            try frozen.check(saved, initialize: recipe.initialize)
            try weights.restore(saved.weight)
        }
        say(
            "\(recipe.name): \(built.store.elementCount()) parameters in \(machine.computeDType) on \(machine.device), \(data.summary)"
        )
        say(
            "memory: about \(plan.peakBytes / 1_000_000) MB at the peak, by plan"
                + (plan.warning.map { "; \($0)" } ?? ""))
        let tensorBoard = try TensorBoardObserver(folder: folder.tensorboard)
        let context = RunContext(
            recipe: recipe, model: built.model, store: built.store, examples: data.supply,
            heldOutRecords: data.heldOutRecords,
            computeDType: machine.computeDType,
            device: machine.device, tensorBoard: tensorBoard, log: log.onMessage)
        let run = StageRun(
            recipe: recipe, built: built, data: data, weights: weights, machine: machine, checkpoints: checkpoints,
            observers: [log, tensorBoard] + (try options.observers(context)), say: say,
            files: [
                "recipe.yaml": Array(yaml.utf8), "tokenizer.model": data.tokenizer.modelBytes,
                FrozenWeights.fileName: try frozen.bytes(),
            ])
        var reports: [EndReport] = []
        var step = saved?.state.step ?? 0
        var first = saved?.state.stageIndex ?? 0
        if saved?.state.isStageFinished == true { first += 1 }
        for index in recipe.stages.indices.dropFirst(first) {
            let continued = saved.flatMap { $0.state.stageIndex == index ? $0 : nil }
            let report = try run.run(index, step: step, resuming: continued)
            reports.append(report)
            step = report.step
        }
        try writeModel(built, data, weights, yaml, to: folder.model)
        say("the model is in \(folder.model)")
        if let lora = recipe.lora {
            let terms = weights.stateDict.pairs.filter { built.store[$0.0]?.isAdapter == true }
            try AdapterFolder.write(
                StateDict(terms), lora.adaptation, baseModel: folder.model, base: weights.stateDict, to: folder.adapter)
            say("the adapter is in \(folder.adapter), to be used beside the model or merged into it (`syrinx convert`)")
        }
        return Outcome(
            folder: folder, model: built.model, store: built.store, reports: reports,
            weightsHash: WeightsHash.of(weights.stateDict))
    }

    private static func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw TrainingError("cannot write \(path): \(plainReason(error))")
        }
    }

    /// Refuses to continue a run with another recipe.
    private static func check(_ now: String, against before: String, in path: String) throws {
        guard now != before else { return }
        let pairs = zip(now.split(separator: "\n"), before.split(separator: "\n"))
        let difference =
            pairs.first { $0 != $1 }.map { "'\($0.trimmed)' now, '\($1.trimmed)' then" } ?? "one has more keys"
        throw ConfigError(
            place: path,
            problem: "saved by another recipe (\(difference)); resume with the recipe.yaml of the run's folder")
    }

    private static func writeModel(
        _ built: RecipeModel, _ data: RecipeData, _ weights: MasterWeights, _ yaml: String, to path: String
    ) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let artefacts = ModelArtefacts(
            imageProcessor: data.imageProcessor.fingerprint,
            tokenizer: Digest.fingerprint(data.tokenizer.modelBytes),
            chatTemplate: data.conversations?.template.name)
        let files: [String: [UInt8]] = [
            ModelFolder.FileName.config: Array(try built.shape.file(artefacts: artefacts)),
            ModelFolder.FileName.preprocessorConfig: Array(try encoder.encode(data.imageProcessor)),
            ModelFolder.FileName.tokenizerModel: data.tokenizer.modelBytes,
            "recipe.yaml": Array(yaml.utf8),
        ]
        let own = StateDict(weights.stateDict.pairs.filter { built.store[$0.0]?.isAdapter == false })
        try ModelFolder.write(own, files: files, to: path)
    }
}

extension Substring {
    fileprivate var trimmed: Substring { drop(while: { $0 == " " || $0 == "-" }) }
}
