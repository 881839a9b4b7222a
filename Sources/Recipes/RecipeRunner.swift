package import DataPipeline
public import NN
public import SyrinxModels
import Tokenizers
public import Torch
public import Training

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
        let opened = try OpenedRun(recipe, folder, options)
        let data = try RecipeData(
            recipe, savedTokenizer: try opened.saved?.file("tokenizer.model"),
            quarantinePath: folder.path + "/quarantine.jsonl", say: opened.say)
        let prepared = try PreparedModel(recipe, data, machine, plan, opened)
        opened.say(
            "\(recipe.name): \(prepared.store.elementCount()) parameters in \(machine.computeDType) on \(machine.device), \(data.summary)"
        )
        opened.say(
            "memory: about \(plan.peakBytes / 1_000_000) MB at the peak (estimate)"
                + (plan.warning.map { "; \($0)" } ?? ""))
        let tensorBoard = try TensorBoardObserver(folder: folder.tensorboard)
        let context = RunContext(
            recipe: recipe, model: prepared.model, store: prepared.store, examples: data.supply,
            heldOutRecords: data.heldOutRecords, computeDType: machine.computeDType, device: machine.device,
            tensorBoard: tensorBoard, log: opened.log.onMessage)
        let stages = StageRun(
            recipe: recipe, built: prepared.built, data: data, weights: prepared.weights, machine: machine,
            checkpoints: opened.checkpoints,
            observers: [opened.log, tensorBoard] + (try options.observers(context)), say: opened.say,
            files: [
                "recipe.yaml": Array(opened.yaml.utf8), "tokenizer.model": data.tokenizer.modelBytes,
                FrozenWeights.fileName: try prepared.frozen.bytes(),
            ])
        let reports = try stages.run(resuming: opened.saved)
        try prepared.write(to: folder, data, yaml: opened.yaml, say: opened.say)
        return Outcome(
            folder: folder, model: prepared.model, store: prepared.store, reports: reports,
            weightsHash: WeightsHash.of(prepared.weights.stateDict))
    }
}
