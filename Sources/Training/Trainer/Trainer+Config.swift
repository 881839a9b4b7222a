public import Torch

extension Trainer {
    /// What a stage is made of besides data and model.
    public struct Config {
        /// The stage's name, its place in the run from 0, and how many stages the run has.
        public var stage: String
        public var stageIndex: Int
        public var stageCount: Int
        /// Updates that earlier stages made.
        public var stepsBefore: Int
        public var limit: RunLimit
        /// Micro-batches a step.
        public var accumulationSteps: Int
        public var schedule: Schedule
        public var clipNorm: Double?
        public var maximumSkippedSteps: Int
        /// Steps between validations; nil validates at the start and at the end only.
        public var validationInterval: Int?
        /// Steps between checkpoints; nil saves at the end and when interrupted only.
        public var checkpointInterval: Int?
        /// Name prefixes of the parts that the audit tells apart.
        public var parts: [String]
        /// The machine's measured peak in floating-point operations a second, for the utilisation; nil leaves it out.
        public var peakOperationsPerSecond: Double?
        /// Seconds from some time on, by which the limit of time is kept.
        package var clock: () -> Double = MachineClock.seconds

        public init(
            stage: String, stageIndex: Int = 0, stageCount: Int = 1, stepsBefore: Int = 0, limit: RunLimit,
            accumulationSteps: Int = 1,
            schedule: Schedule = Schedule(),
            clipNorm: Double? = 1, maximumSkippedSteps: Int = 10, validationInterval: Int? = nil,
            checkpointInterval: Int? = nil, parts: [String] = [], peakOperationsPerSecond: Double? = nil
        ) {
            self.stage = stage
            self.stageIndex = stageIndex
            self.stageCount = stageCount
            self.stepsBefore = stepsBefore
            self.limit = limit
            self.accumulationSteps = accumulationSteps
            self.schedule = schedule
            self.clipNorm = clipNorm
            self.maximumSkippedSteps = maximumSkippedSteps
            self.validationInterval = validationInterval
            self.checkpointInterval = checkpointInterval
            self.parts = parts
            self.peakOperationsPerSecond = peakOperationsPerSecond
        }
    }
}

/// What a trainer reports to, and what belongs to its run besides data and weights.
public struct TrainingHooks {
    public var observers: [any TrainingObserver]
    /// The run's named generators; their states go into checkpoints.
    public var generators: [String: Generator]
    /// Writes a checkpoint; nil trains without any.
    public var save: ((TrainerState) throws -> CheckpointReport)?

    public init(
        observers: [any TrainingObserver] = [], generators: [String: Generator] = [:],
        save: ((TrainerState) throws -> CheckpointReport)? = nil
    ) {
        self.observers = observers
        self.generators = generators
        self.save = save
    }
}
