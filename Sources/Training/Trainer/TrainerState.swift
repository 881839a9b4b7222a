#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where a run stands, besides its tensors: what a checkpoint's `state.json` holds.
public struct TrainerState: Codable, Sendable, Equatable {
    /// Bytes, written as base 64.
    public struct Bytes: Codable, Sendable, Equatable {
        public var bytes: [UInt8]

        public init(_ bytes: [UInt8]) { self.bytes = bytes }

        public init(from decoder: any Decoder) throws {
            let text = try decoder.singleValueContainer().decode(String.self)
            guard let data = Data(base64Encoded: text) else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "not base 64"))
            }
            bytes = Array(data)
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(Data(bytes).base64EncodedString())
        }
    }

    /// The stage that runs, and whether it is over.
    public var stageIndex: Int
    public var stage: String
    public var isStageFinished: Bool = false
    /// Updates in the whole run, and in this stage; skipped ones count.
    public var step: Int
    public var stageStep: Int = 0
    /// Seconds this stage has taken.
    public var elapsedSeconds: Double = 0
    public var skippedSteps: Int = 0
    public var consecutiveSkips: Int = 0
    /// How often micro-batches were halved for lack of memory.
    public var halvings: Int = 0
    /// The data's position, in the source's own words.
    public var sourcePosition: String = ""
    /// The states of the run's named generators.
    public var generators: [String: Bytes] = [:]

    public init(stageIndex: Int, stage: String, step: Int) {
        self.stageIndex = stageIndex
        self.stage = stage
        self.step = step
    }
}
