public import DataPipeline
public import Media
public import NN
public import Processors
public import Settings
public import SyrinxModels
public import Training

/// A named run: everything that decides its result, as values. Its editable form is YAML with these keys.
public struct Recipe: Codable, Hashable, Sendable {
    /// The name it is called by.
    public var name: String
    /// What it is, what it costs and what to expect, in a sentence or two.
    public var description: String
    /// Where its values come from, and where the sources disagree.
    public var notes: [String]
    /// Everything random follows from it.
    public var seed: UInt64
    public var precision: Precision
    /// `none` keeps all activations for backward; `layers` keeps the inputs of the layers, encoder's and decoder's, and
    /// computes each layer a second time: the same numbers in less memory, for about a third more work.
    public var recompute: Recomputation
    /// `auto` (the first GPU, else the CPU), `cpu`, `cuda`, `cuda:1` or `mps`.
    public var device: String
    /// Threads of one tensor operation; nil lets libtorch decide.
    public var threads: Int?
    /// The model's shape. Vocabulary size and image placeholder follow the tokenizer, whatever stands here.
    public var model: ModelConfiguration
    public var initialize: Initialization
    /// Trains LoRA terms instead of the weights beside them; the run writes them to `adapter/`. Nil trains weights.
    public var lora: LoRASettings?
    public var data: DataSettings
    /// What is trained, in order.
    public var stages: [Stage]
    public var checkpoints: CheckpointSettings

    public init(
        name: String, description: String, notes: [String] = [], seed: UInt64 = 0, precision: Precision = .auto,
        recompute: Recomputation = .none, device: String = "auto", threads: Int? = nil,
        model: any FamilyConfiguration,
        initialize: Initialization = Initialization(),
        lora: LoRASettings? = nil, data: DataSettings,
        stages: [Stage], checkpoints: CheckpointSettings = CheckpointSettings()
    ) {
        self.name = name
        self.description = description
        self.notes = notes
        self.seed = seed
        self.precision = precision
        self.recompute = recompute
        self.device = device
        self.threads = threads
        self.model = ModelConfiguration(model)
        self.initialize = initialize
        self.lora = lora
        self.data = data
        self.stages = stages
        self.checkpoints = checkpoints
    }
}

extension Recipe {
    /// What the model computes in; masters and optimizer state are float32 always.
    public enum Precision: String, Hashable, Sendable, NamedChoice {
        case float32
        case bfloat16
        /// bfloat16 on a GPU and on CPUs that multiply it (AMX, AVX-512 BF16), float32 elsewhere.
        case auto
    }

    /// Where the parts start from, a folder or one safetensors file each; a part without one starts from the seed.
    public struct Initialization: Codable, Hashable, Sendable {
        /// A published vision encoder (CLIP, in Hugging Face's or open_clip's names), for `model.visionEncoder`; its
        /// position table is resized to the model's grid.
        public var vision: String?
        /// A published language model (LLaMA), for `model.languageModel`; where the model has two branches, for both.
        public var language: String?
        /// A folder with a whole model of this shape, published or an earlier stage's. A family may resize its position
        /// table, so that the earlier stage's images may be of another size.
        public var checkpoint: String?

        public init(vision: String? = nil, language: String? = nil, checkpoint: String? = nil) {
            self.vision = vision
            self.language = language
            self.checkpoint = checkpoint
        }
    }

    /// What is read, and how it becomes examples.
    public struct DataSettings: Codable, Hashable, Sendable {
        /// The corpus folder that `syrinx data fetch` wrote; nil where all stages learn from files of conversations.
        public var corpus: String?
        /// Conversations instead of the corpus' captions, documents and texts; nil for those.
        public var instructions: InstructionSettings?
        /// Positions of one packed sequence.
        public var contextLength: Int
        /// How images become square.
        public var resize: ImageProcessor.Resize
        /// Shares of captioned, interleaved and text-only sequences.
        public var mixture: Mixture
        public var template: CaptionTemplate
        /// Nil leaves images as they are.
        public var augmentation: Augmentation?
        public var tokenizer: TokenizerSettings
        /// Threads that read, decode and tokenize.
        public var workerCount: Int
        /// The most records of each source in a validation; nil takes all.
        public var validationLimit: Int?

        public init(
            corpus: String? = "corpora/minimal", instructions: InstructionSettings? = nil, contextLength: Int = 512,
            resize: ImageProcessor.Resize = .squash,
            mixture: Mixture = .standard, template: CaptionTemplate = CaptionTemplate(),
            augmentation: Augmentation? = Augmentation(),
            tokenizer: TokenizerSettings = TokenizerSettings(), workerCount: Int = 1, validationLimit: Int? = 64
        ) {
            self.corpus = corpus
            self.instructions = instructions
            self.contextLength = contextLength
            self.resize = resize
            self.mixture = mixture
            self.template = template
            self.augmentation = augmentation
            self.tokenizer = tokenizer
            self.workerCount = workerCount
            self.validationLimit = validationLimit
        }
    }

    /// Instruction data: conversations, and how they are written for the model.
    public struct InstructionSettings: Codable, Hashable, Sendable {
        /// Files of records (LLaVA's form, ms-swift's, LlamaFactory's, or one text in lines), JSON or JSON lines; empty takes the corpus' captions and
        /// glosses as questions and answers.
        public var files: [String]
        /// The folder that the records' paths of images begin at; nil for each file's own.
        public var images: String?
        /// How turns are written. The trained model remembers it and is asked in the same way.
        public var template: ChatTemplate
        /// Share of sequences without images in every update, above 0 and below 1; nil takes the records as they come.
        public var textShare: Double?
        /// Share of the images that is kept for validation; a corpus has a split of its own.
        public var heldOutShare: Double

        private enum CodingKeys: String, CodingKey {
            case files, template, textShare, heldOutShare
            // Recipes have had this key from the start.
            case images = "pictures"
        }

        public init(
            files: [String] = [], images: String? = nil, template: ChatTemplate, textShare: Double? = nil,
            heldOutShare: Double = 0.02
        ) {
            self.files = files
            self.images = images
            self.template = template
            self.textShare = textShare
            self.heldOutShare = heldOutShare
        }
    }

    /// Which vocabulary is used: a file, or one trained on the corpus.
    public struct TokenizerSettings: Codable, Hashable, Sendable {
        /// A SentencePiece model; nil trains one.
        public var path: String?
        /// Pieces of the vocabulary that is trained.
        public var vocabularySize: Int

        public init(path: String? = nil, vocabularySize: Int = 4096) {
            self.path = path
            self.vocabularySize = vocabularySize
        }
    }

    /// How often the run is saved.
    public struct CheckpointSettings: Codable, Hashable, Sendable {
        /// Steps between checkpoints; nil saves at the end of each stage and when interrupted only.
        public var interval: Int?
        /// How many stay on disk.
        public var keep: Int

        public init(interval: Int? = 200, keep: Int = 2) {
            self.interval = interval
            self.keep = keep
        }
    }

    /// What is minimised, by the name under which ``ObjectiveRegistry`` has it.
    public struct Objective: Hashable, Sendable, OpenChoice {
        public var rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        public static var choiceNames: [String] { ObjectiveRegistry.objectives.map(\.name) }
    }

    /// A part of the run with one objective, optimizer and schedule.
    public struct Stage: Codable, Hashable, Sendable {
        public var name: String
        public var objective: Objective
        /// Sequences (images, for a warm start) of one update.
        public var globalBatchSize: Int
        /// Sequences or images in memory at once; divides the global batch.
        public var microbatchSize: Int
        /// The most updates, and the most seconds; at least one of them. With seconds a run is not bit-reproducible.
        public var steps: Int?
        public var maximumSeconds: Double?
        public var optimizer: OptimizerConfig
        public var schedule: Schedule
        /// Name prefixes of what does not train, such as `vision_encoder`; `*` stands for one component of a name. LoRA's
        /// terms train always, the weights beside them never.
        public var freeze: [String]
        /// For decoders with a branch for images: before the stage, its norms, keys and values become copies of those for text,
        /// as where a model starts from a plain LLaMA.
        public var copiesTextBranch: Bool
        /// Factor of the squared log-normaliser; 0 leaves it out.
        public var zLossScale: Double
        /// Replaces `data.mixture` in this stage.
        public var mixture: Mixture?
        /// Steps between validations; nil validates at the start and at the end only.
        public var validationInterval: Int?

        public init(
            name: String, objective: Objective, globalBatchSize: Int, microbatchSize: Int, steps: Int?,
            maximumSeconds: Double? = nil, optimizer: OptimizerConfig = OptimizerConfig(),
            schedule: Schedule = Schedule(),
            freeze: [String] = [], copiesTextBranch: Bool = false, zLossScale: Double = 0, mixture: Mixture? = nil,
            validationInterval: Int? = nil
        ) {
            self.name = name
            self.objective = objective
            self.globalBatchSize = globalBatchSize
            self.microbatchSize = microbatchSize
            self.steps = steps
            self.maximumSeconds = maximumSeconds
            self.optimizer = optimizer
            self.schedule = schedule
            self.freeze = freeze
            self.copiesTextBranch = copiesTextBranch
            self.zLossScale = zLossScale
            self.mixture = mixture
            self.validationInterval = validationInterval
        }

        public var limit: RunLimit { RunLimit(steps: steps, maximumSeconds: maximumSeconds) }
        public var accumulationSteps: Int { globalBatchSize / microbatchSize }
    }
}
