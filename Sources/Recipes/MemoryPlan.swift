import DataPipeline
import Machine
import NN
import SyrinxModels
import Torch
import Training

/// What a recipe will hold in memory at its peak, predicted before anything is allocated.
///
/// Weights, optimizer state and gradients are exact, and so is the text of an update's sequences, which are read before it; their
/// images are counted at the most that fits. Activations are an estimate from the layers' widths: every layer
/// keeps about ten of its inputs and four of its inner rows for the backward pass, or its input alone where it is recomputed;
/// expect a third more or less. An encoder that does not train keeps nothing from layer to layer. The program,
/// libtorch and what was loaded before are counted as the process's resident memory when the plan is made, decoded images as
/// the most that is kept. Not planned: what the libraries keep for themselves (`Documentation/Training.md`).
public struct MemoryPlan: Codable, Sendable {
    public struct Stage: Codable, Sendable {
        public var name: String
        public var parameterCount: Int
        public var trainableCount: Int
        /// Bytes of float32 masters and working copies (what no stage changes has no master), of optimizer state, of
        /// gradients, of activations, of what one update reads.
        public var weightBytes: Int
        public var optimizerBytes: Int
        public var gradientBytes: Int
        public var activationBytes: Int
        public var inputBytes: Int

        public var totalBytes: Int { weightBytes + optimizerBytes + gradientBytes + activationBytes + inputBytes }
    }

    public var computeDType: String
    public var device: String
    public var stages: [Stage]
    /// Bytes that the process holds before any of it.
    public var programBytes: Int
    /// The most bytes of decoded images that are kept, on the CPU.
    public var imageBytes: Int
    /// What the run will have written.
    public var disk: DiskPlan

    private enum CodingKeys: String, CodingKey {
        case computeDType, device, stages, programBytes, disk
        // The JSON has had this key from the start.
        case imageBytes = "pictureBytes"
    }

    /// Plans every stage of `recipe` on this machine.
    ///
    /// - Throws: `ConfigError` for values that cannot work.
    public init(_ recipe: Recipe) throws {
        try recipe.validate()
        let machine = try RecipeMachine(recipe)
        programBytes = ProcessMemory.peakResidentBytes
        imageBytes = ExampleSource.imageCacheByteLimit
        computeDType = "\(machine.computeDType)"
        device = machine.device.description
        let built = RecipeModel(
            recipe, vocabularySize: recipe.data.tokenizer.vocabularySize,
            imagePlaceholder: recipe.model.shape.fixedPlaceholder ?? 0)
        let total = built.store.elementCount()
        let visionPrefix = recipe.model.outline.imageEncoder.prefix
        let changed = try built.changedParameters()
        let weightBytes = built.weightByteCount(changing: changed, computeDType: machine.computeDType)
        let isFloat32 = machine.computeDType == .float32
        let width = machine.computeDType.byteCount
        let stages = try recipe.stages.enumerated().map { index, stage in
            try built.freeze(stage.freeze, at: "\(recipe.name), stages.\(index).freeze")
            let objective = try ObjectiveRegistry.objective(
                stage.objective, at: "\(recipe.name), stages.\(index).objective")
            let trainable = built.store.parameters.filter(\.isTrainable)
            let count = trainable.reduce(0) { $0 + $1.elementCount }
            let muon =
                stage.optimizer.algorithm == .muon
                ? trainable.filter { Muon.isBlockMatrix(name: $0.name, shape: $0.shape) }.reduce(0) {
                    $0 + $1.elementCount
                } : 0
            return Stage(
                name: stage.name, parameterCount: total, trainableCount: count,
                weightBytes: weightBytes, optimizerBytes: (count - muon) * 8 + muon * 4,
                gradientBytes: count * (isFloat32 ? 4 : 4 + width),
                activationBytes: Self.activations(
                    recipe, objective.load(recipe, stage.microbatchSize), width: width,
                    trainsEncoder: trainable.contains { NamePrefix(visionPrefix).begins($0.name) }),
                inputBytes: Self.inputs(recipe, stage, objective))
        }
        self.stages = stages
        let trained = built.store.parameters.filter { changed.contains($0.name) }.reduce(0) { $0 + $1.elementCount }
        disk = DiskPlan(
            recipe, trainedBytes: trained * 4, optimizerBytes: stages.map(\.optimizerBytes),
            modelBytes: trained * 4 + (total - trained) * width)
    }

    /// The sequences or images of one update: all are read before it.
    private static func inputs(_ recipe: Recipe, _ stage: Recipe.Stage, _ objective: RecipeObjective) -> Int {
        let image = recipe.model.outline.imageEncoder.imageBytes
        let load = objective.load(recipe, 1)
        return stage.globalBatchSize * (load.positions * Recipe.positionBytes + load.images.upperBound * image)
    }

    private static func activations(
        _ recipe: Recipe, _ load: RecipeObjective.Load, width: Int, trainsEncoder: Bool
    ) -> Int {
        let (encoder, decoder) = (recipe.model.outline.imageEncoder, recipe.model.outline.decoder)
        let vocabularySize = recipe.data.tokenizer.vocabularySize
        /// Values a position: of one layer at work, and of what the layers before it keep.
        func kept(_ layers: ModelOutline.Stack, records: Bool) -> Int {
            let layer = 10 * layers.hiddenSize + 4 * layers.intermediateSize
            if !records { return layer }
            return recipe.recompute == .layers
                ? layer + layers.layerCount * layers.hiddenSize : layers.layerCount * layer
        }
        let perPatch = kept(encoder.layers, records: trainsEncoder)
        let perToken = kept(decoder.layers, records: true)
        // Scores and their gradient are float32.
        return load.positions * perToken * width + load.images.upperBound * encoder.patchCount * perPatch * width
            + load.scored * vocabularySize * 12
    }

    /// The largest stage, the program and the images, in bytes.
    public var peakBytes: Int { programBytes + imageBytes + (stages.map(\.totalBytes).max() ?? 0) }

    /// The table of `--dry-run`.
    public var table: String {
        func size(_ bytes: Int) -> String {
            bytes < 10_000_000_000 ? "\(bytes / 1_000_000) MB" : "\(bytes / 1_000_000_000) GB"
        }
        let lines = stages.map { stage in
            "\(stage.name): \(stage.trainableCount) of \(stage.parameterCount) parameters train; weights \(size(stage.weightBytes)), "
                + "optimizer \(size(stage.optimizerBytes)), gradients \(size(stage.gradientBytes)), "
                + "activations about \(size(stage.activationBytes)), an update's input \(size(stage.inputBytes)); together about \(size(stage.totalBytes))"
        }
        let here = MachineMemory.current.map { ", of \(size($0.total)) in this machine" } ?? ""
        let last =
            "at the peak about \(size(peakBytes))\(here): the largest stage, \(size(programBytes)) of program and libtorch, up to "
            + "\(size(imageBytes)) of kept images"
        return
            (["computes in \(computeDType) on \(device)"] + lines + [last]
            + [warning, "on the disk \(disk.line)"].compactMap { $0 })
            .joined(separator: "\n")
    }

    /// Says that the plan is more than the machine has; nil where it is not, or another device computes.
    var warning: String? {
        guard device == Device.cpu.description, let usable = MachineMemory.current?.usable, peakBytes > usable else {
            return nil
        }
        return
            "this machine has less memory: use a smaller microbatchSize, context or model, or recompute: layers"
    }
}
