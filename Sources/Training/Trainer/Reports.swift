/// What observers hear when a stage starts.
public struct StartReport: Codable, Sendable {
    /// The stage's name.
    public var stage: String
    /// Its place in the run, from 0, and how many stages the run has.
    public var stageIndex: Int
    public var stageCount: Int
    /// Updates already made in the whole run, and in this stage.
    public var step: Int
    public var stageStep: Int
    public var limit: RunLimit
    /// Parts, counts, rates and dtypes of what will train.
    public var audit: TrainableAudit
    /// Whether the stage continues from a checkpoint.
    public var isResumed: Bool
    /// Seconds of this stage that were spent before.
    public var elapsedSeconds: Double
}

/// One update.
public struct StepReport: Codable, Sendable {
    public var stage: String
    /// Updates made in the whole run, this one included.
    public var step: Int
    /// Updates made in this stage, this one included.
    public var stageStep: Int
    /// The share of the stage that is over, 0...1.
    public var progress: Double
    /// The loss over the global batch: the main term per unit of weight (supervised token or pair), and each auxiliary term
    /// per unit of its own.
    public var loss: Double
    /// The loss's bits in hexadecimal: two runs agree exactly when these agree.
    public var fingerprint: String
    /// Summands of the loss, normalised like it.
    public var parts: [String: Double]
    /// The joint norm of all gradients before clipping.
    public var gradientNorm: Double
    /// The first group's rate (AdamW's, if it has parameters).
    public var learningRate: Double
    public var tokenCount: Int
    public var imageCount: Int
    /// Seconds this step took, and this stage so far.
    public var seconds: Double
    public var elapsedSeconds: Double
    /// Estimated seconds to the end of the stage; nil before an estimate exists.
    public var remainingSeconds: Double?
    /// Model floating-point operations per second as a share of the machine's measured peak; nil if unknown.
    public var modelFLOPsUtilization: Double?
    /// Why nothing was updated; nil if the step counted.
    public var skipped: String?

    public var tokensPerSecond: Double { seconds > 0 ? Double(tokenCount) / seconds : 0 }
    public var imagesPerSecond: Double { seconds > 0 ? Double(imageCount) / seconds : 0 }
}

/// The losses on held-out data.
public struct ValidationReport: Codable, Sendable {
    public struct Source: Codable, Sendable {
        public var name: String
        /// The loss, as in ``StepReport/loss``.
        public var loss: Double
        public var batchCount: Int
    }
    public var stage: String
    public var step: Int
    public var sources: [Source]
    public var seconds: Double
}

/// A checkpoint that is on disk.
public struct CheckpointReport: Codable, Sendable {
    public var step: Int
    public var path: String
    public var byteCount: Int
    public var seconds: Double
}

/// What observers hear when a stage is over, for whatever reason.
public struct EndReport: Codable, Sendable {
    public enum Reason: String, Codable, Sendable {
        /// The steps or the time of the stage are used up.
        case finished
        /// The data ended before.
        case endOfData
        /// A signal asked to stop.
        case interrupted
        /// An error ended it.
        case failed
    }
    public var stage: String
    public var reason: Reason
    public var step: Int
    public var stageStep: Int
    public var skippedSteps: Int
    public var elapsedSeconds: Double
    /// The last step's loss; nil if there was none.
    public var loss: Double?
    /// Parts with their hashes before and after; nil if the stage failed.
    public var audit: TrainableAudit?
    /// The process's largest resident memory so far, in bytes.
    public var peakResidentBytes: Int
}
