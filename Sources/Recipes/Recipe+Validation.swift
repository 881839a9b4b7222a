import DataPipeline
import Machine
import NN
import Processors
import SyrinxModels
import Torch
import Training

extension Recipe {
    /// More threads than this make a machine stand still before the first step.
    private static let threadLimit = 1024
    /// No vocabulary has more pieces; the largest published ones have a few hundred thousand.
    private static let vocabularyLimit = 1 << 24
    /// Bytes of one position of a sequence: its token, its position, its label.
    static let positionBytes = 3 * 8

    /// Refuses values that cannot work, before anything is read or allocated.
    ///
    /// - Throws: `ConfigError` that names the key, the value and what to do.
    public func validate() throws {
        func require(_ condition: Bool, _ key: String, _ problem: @autoclosure () -> String) throws {
            if !condition { throw ConfigError(place: "\(name), \(key)", problem: problem()) }
        }
        try model.shape.validate()
        let (encoder, decoder) = (model.outline.imageEncoder, model.outline.decoder)
        try require(!stages.isEmpty, "stages", "there are no stages; add one")
        try require(
            device == "auto" || Device(device) != nil, "device",
            "'\(device)' is not one of auto, cpu, cuda, cuda:N, mps")
        try require(threads ?? 1 > 0, "threads", "\(threads ?? 0) is not positive; use null to let libtorch decide")
        try require(
            threads ?? 1 <= Self.threadLimit, "threads",
            "\(threads ?? 0) is above the limit of \(Self.threadLimit); use null to let libtorch decide"
        )
        try require(
            data.contextLength > 1, "data.contextLength", "\(data.contextLength) leaves no room for text; use 512")
        try require(
            data.contextLength <= decoder.contextLength, "data.contextLength",
            "\(data.contextLength) is longer than the model's \(decoder.contextLength) (model.languageModel.contextLength)"
        )
        try require(
            data.tokenizer.path != nil || data.tokenizer.vocabularySize >= 300, "data.tokenizer.vocabularySize",
            "\(data.tokenizer.vocabularySize) is too small: 256 bytes and the special pieces come first; use 4096")
        try require(
            data.tokenizer.vocabularySize <= Self.vocabularyLimit, "data.tokenizer.vocabularySize",
            "\(data.tokenizer.vocabularySize) is above the limit of \(Self.vocabularyLimit); use 4096"
        )
        let leastContext = TokenContract.leastContextLength(tokenCount: encoder.tokenCount)
        try require(
            data.contextLength >= leastContext, "data.contextLength",
            "\(data.contextLength) has no room for an image of \(encoder.tokenCount) positions and text; use at least "
                + "\(leastContext)")
        try require(data.workerCount > 0, "data.workerCount", "\(data.workerCount) is not positive; use 1")
        try require(
            data.workerCount <= Self.threadLimit, "data.workerCount",
            "\(data.workerCount) threads are above the limit of \(Self.threadLimit); use 1")
        try require(
            data.validationLimit ?? 1 > 0, "data.validationLimit",
            "\(data.validationLimit ?? 0) is not positive; use null for all")
        try require(checkpoints.keep > 0, "checkpoints.keep", "\(checkpoints.keep) is not positive; use 2")
        try require(
            checkpoints.interval ?? 1 > 0, "checkpoints.interval",
            "\(checkpoints.interval ?? 0) is not positive; use null to save only at the ends of stages")
        try require(
            initialize.checkpoint == nil || (initialize.vision == nil && initialize.language == nil), "initialize",
            "checkpoint already provides the whole model; leave vision and language null")
        for (key, path, part) in [
            ("vision", initialize.vision, model.shape.publishedVision),
            ("language", initialize.language, model.shape.publishedLanguage),
        ] {
            try require(
                path == nil || part != nil, "initialize.\(key)",
                "models of the family \(model.family.name) do not start from a published part; use null")
        }
        try require(
            data.corpus != nil || data.instructions?.files.isEmpty == false, "data",
            "there is no data; name a corpus, or files of conversations under instructions.files")
        if let mistake = lora?.adaptation.mistake {
            throw ConfigError(place: "\(name), lora", problem: mistake)
        }
        if let instructions = data.instructions {
            try require(
                instructions.textShare.map { $0 > 0 && $0 < 1 } ?? true, "data.instructions.textShare",
                "\(instructions.textShare ?? 0) is not between 0 and 1; use null to take the records in their own proportion"
            )
            try require(
                (0..<1).contains(instructions.heldOutShare), "data.instructions.heldOutShare",
                "\(instructions.heldOutShare) is not in 0 ..< 1")
        }
        for (index, stage) in stages.enumerated() {
            let place = "stages.\(index)"
            try require(
                stage.steps != nil || stage.maximumSeconds != nil, place,
                "a stage without steps and maximumSeconds never ends; set one of them")
            try require(stage.steps ?? 1 > 0, "\(place).steps", "\(stage.steps ?? 0) is not positive")
            try require(
                stage.maximumSeconds ?? 1 > 0, "\(place).maximumSeconds", "\(stage.maximumSeconds ?? 0) is not positive"
            )
            try require(
                stage.microbatchSize > 0 && stage.globalBatchSize > 0, "\(place).globalBatchSize",
                "batch sizes are positive, got \(stage.globalBatchSize) and microbatchSize \(stage.microbatchSize)")
            try require(
                stage.globalBatchSize % stage.microbatchSize == 0, "\(place).microbatchSize",
                "\(stage.microbatchSize) does not divide the global batch of \(stage.globalBatchSize)")
            let objective = try ObjectiveRegistry.objective(stage.objective, at: "\(name), \(place).objective")
            if let shortage = shortage(ofInput: stage, objective) {
                throw ConfigError(
                    place: "\(name), \(place).globalBatchSize",
                    problem:
                        "the \(stage.globalBatchSize) rows of one update must all fit in memory and take at least "
                        + "\(shortage); use a smaller batch")
            }
            if let mistake = objective.mistake(stage, self) {
                throw ConfigError(place: "\(name), \(place).\(mistake.key)", problem: mistake.problem)
            }
            try require(
                data.corpus != nil || objective.data != .captionedImages, "\(place).objective",
                "\(objective.name) reads captions; name a corpus under data.corpus")
            try require(
                !stage.copiesTextBranch || model.shape.hasImageBranch, "\(place).copiesTextBranch",
                "the model's decoder has no branch for images; use false")
            try require(
                stage.zLossScale >= 0, "\(place).zLossScale", "\(stage.zLossScale) is negative; use 0 to disable it")
            try require(
                stage.validationInterval ?? 1 > 0, "\(place).validationInterval",
                "\(stage.validationInterval ?? 0) is not positive")
            try stage.optimizer.validate(at: "\(name), \(place).optimizer")
            try stage.schedule.validate(at: "\(name), \(place).schedule")
            try (stage.mixture ?? data.mixture).validate()
        }
        let names = stages.map(\.name)
        try require(
            Set(names).count == names.count, "stages",
            "two stages have the same name (\(names.joined(separator: ", ")))")
    }
}

extension Recipe {
    /// What is lacking in this machine for the least that an update of a stage reads: its text, or its images.
    private func shortage(ofInput stage: Stage, _ objective: RecipeObjective) -> String? {
        let load = objective.load(self, 1)
        let row = load.positions * Self.positionBytes + load.images.lowerBound * model.outline.imageEncoder.imageBytes
        let bytes = Double(row) * Double(stage.globalBatchSize)
        guard let usable = MachineMemory.current?.usable, bytes > Double(usable) else { return nil }
        return "\(UInt64(min(bytes / 1e9, 1e18))) GB, of which this machine has \(usable / 1_000_000_000)"
    }
}
