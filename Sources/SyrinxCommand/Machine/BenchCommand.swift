import ArgumentParser
import Foundation
import NN
import Processors
import Recipes
import Settings
import SyrinxModels
import Torch
import Training

/// `syrinx bench`: times the parts of a training step of the demo's model on random data.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Time the parts of a training step of the demo's model on random data.",
        usage: "syrinx bench [<options>]",
        discussion: "Prints medians in milliseconds. On a shared machine, only ratios within one run are meaningful.")

    @Option(parsing: .unconditional, help: "Repetitions of each part.")
    var repetitions = 10

    @Option(help: "The dtype of the model's arithmetic: float32 or bfloat16.")
    var precision = "float32"

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if repetitions < 1 { throw ValidationError("--repetitions is \(repetitions); it must be at least 1") }
        _ = try parsedPrecision()
    }

    private func parsedPrecision() throws -> DType {
        let known: KeyValuePairs<String, DType> = ["float32": .float32, "bfloat16": .bfloat16]
        guard let choice = known.first(where: { $0.key == precision }) else {
            throw ValidationError("--precision \(NearestName.unknownChoice(precision, among: known.map { $0.key }))")
        }
        return choice.value
    }

    func run() throws {
        let bench = TrainingStepBench(try RecipeRegistry.recipe(RecipeRegistry.demo.name), dtype: try parsedPrecision())
        let results = bench.run(repetitions: repetitions)
        if json {
            let object = Dictionary(uniqueKeysWithValues: results.map { ($0.name, $0.milliseconds) })
            let data = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
            return print(String(decoding: data, as: UTF8.self))
        }
        for result in results {
            print(
                result.name.padding(toLength: 40, withPad: " ", startingAt: 0)
                    + String(format: "%9.2f ms", result.milliseconds))
        }
    }
}

/// A step of the demo's model over four packed rows of 512 positions, taken apart.
private struct TrainingStepBench {
    struct Result {
        let name: String
        let milliseconds: Double
    }

    private let model: any MultimodalLanguageModel
    private let input: ModelInput
    private let labels: Tensor
    private let layout: SegmentLayout
    private let pixels: Tensor
    private let dtype: DType
    private let store: ParameterStore

    init(_ recipe: Recipe, dtype: DType) {
        self.dtype = dtype
        store = ParameterStore()
        model = recipe.model.shape.declare(at: store.root)
        store.initialize(seed: 1, dtype: dtype)
        let generator = Generator(seed: 2)
        let (rows, columns, imageTokens) = (4, 512, model.tokenContract.tokenCount(of: .image) ?? 0)
        var segments: [SegmentLayout.Segment] = []
        var positions: [Int64] = []
        var expected = [Int64](repeating: -100, count: rows * columns)
        for row in 0..<rows {
            var start = 0
            while start + 64 <= columns {
                let length = 48 + (segments.count * 7) % 16
                segments.append(.init(row: row, start: start, length: length))
                let flat = row * columns + start
                positions += (1...imageTokens).map { Int64(flat + $0) }
                for index in (flat + imageTokens)..<(flat + length - 1) { expected[index] = Int64(10 + index) }
                start += length
            }
        }
        layout = SegmentLayout(rows: rows, columns: columns, segments: segments)
        pixels = Tensor.randn([segments.count, 3, 64, 64], generator: generator)
        labels = Tensor(expected, shape: [rows, columns])
        input = ModelInput(
            tokenIDs: .randint(low: 10, high: 4096, [rows, columns], generator: generator),
            positionIDs: Tensor.arange(columns).unsqueeze(0).expand([rows, columns]).contiguous(), layout: layout,
            media: [MediaBatch(modality: .image, values: pixels, positions: Tensor(positions))])
    }

    func run(repetitions: Int) -> [Result] {
        let parts: [(String, () -> () -> Void)] = [
            ("vision and connector, forward", { { _ = model.encode(pixels, .image) } }),
            ("vision and connector, backward", { backward { model.encode(pixels, .image) } }),
            ("decoder, forward", { { _ = decoder() } }),
            ("decoder, backward", { backward { decoder() } }),
            ("whole loss, forward", { { _ = model.nextTokenLoss(input, labels: labels).total } }),
            ("whole loss, backward", { backward { model.nextTokenLoss(input, labels: labels).total } }),
            ("attention in segments, forward", { { _ = attend(.segments(layout)) } }),
            ("attention in segments, backward", { backward { attend(.segments(layout)) } }),
            ("attention, one causal row, forward", { { _ = attend(.causal) } }),
            ("attention, one causal row, backward", { backward { attend(.causal) } }),
            ("Muon's products for the decoder", { orthogonalization(under: "language_model") }),
            ("Muon's products for the encoder", { orthogonalization(under: "vision_encoder") }),
        ]
        return parts.map { name, prepare in
            var times: [Double] = []
            for _ in 0...repetitions {
                let work = prepare()
                let start = ContinuousClock.now
                work()
                let (seconds, attoseconds) = (ContinuousClock.now - start).components
                times.append(Double(seconds) * 1e3 + Double(attoseconds) / 1e15)
            }
            // The first run warms caches and thread pools.
            return Result(name: name, milliseconds: times.dropFirst().sorted()[repetitions / 2])
        }
    }

    private func decoder() -> Tensor {
        let embedded = model.embed(tokenIDs: input.tokenIDs)
        let pass = DecoderPass(
            positionIDs: input.positionIDs, layout: layout, mediaPositions: input.mediaPositions)
        return model.decode(embedded, pass).hiddenStates
    }

    private func attend(_ mask: AttentionMask) -> Tensor {
        let x = Tensor.ones([4, 8, 512, 32], dtype: dtype).withGrad()
        return attention(x, x, x, mask: mask)
    }

    /// The Newton-Schulz iterations of one update of the block matrices under a prefix, stacked by shape.
    private func orthogonalization(under prefix: String) -> () -> Void {
        let matrices = store.parameters(under: prefix).filter { Muon.isBlockMatrix(name: $0.name, shape: $0.shape) }
        let stacks = Dictionary(grouping: matrices, by: \.shape).values.map { group in
            withoutGrad { Tensor.stack(group.map { $0.tensor.to(.float32) }, dim: 0) }
        }
        return {
            withoutGrad {
                for stack in stacks { _ = NewtonSchulz.orthogonalize(stack, steps: 5, dtype: dtype) }
            }
        }
    }

    /// The backward pass of a forward pass that is made now, so that it alone is timed.
    private func backward(_ forward: () -> Tensor) -> () -> Void {
        let loss = forward().to(.float32).sum()
        return { loss.backward() }
    }
}
