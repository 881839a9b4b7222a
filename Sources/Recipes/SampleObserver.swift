import Codecs
import DataPipeline
import Generation
import Media
import Processors
import SyrinxModels
import Tokenizers
import Torch
public import Training

/// Lets the model go on from a few held-out images at every validation: in TensorBoard with the images, in the log as
/// text. It is given what stands before the first supervised token, and compared with the supervised text after it.
///
/// Runs between steps on the training thread, and draws no random number: a run with samples is the run without.
public final class SampleObserver: TrainingObserver {
    private struct Sample {
        let id: String
        /// The end of what stands before the answer.
        let question: String
        let truth: String
        let input: ModelInput
        let png: [UInt8]
        let size: Int
    }

    private let context: RecipeRunner.RunContext
    private let samples: [Sample]
    private let config: GenerationConfig

    /// Chooses `count` images, spread over the held-out records that have any.
    ///
    /// - Throws: what reading and decoding them throws.
    public init(_ context: RecipeRunner.RunContext, count: Int = 4, maximumTokens: Int = 48) throws {
        self.context = context
        let records = context.heldOutRecords
        let step = max(1, records.count / max(1, count))
        samples = try stride(from: 0, to: records.count, by: step).prefix(count).compactMap { place in
            try Self.sample(try context.examples.examples(ofEntry: records[place]).first, context)
        }
        let tokenizer = context.examples.tokenizer
        config = GenerationConfig(
            maxNewTokens: maximumTokens, bannedTokenIDs: context.model.tokenContract.placeholderIDs,
            stopTokenIDs: Set([tokenizer.endID].compactMap { $0 }))
    }

    private static func sample(_ example: Example?, _ context: RecipeRunner.RunContext) throws -> Sample? {
        guard let example, let image = example.images.first,
            let start = example.layout.segments.firstIndex(where: \.isSupervised)
        else { return nil }
        let prompt = PromptLayout(name: example.id, segments: Array(example.layout.segments[..<start]))
        let answer = PromptLayout(
            name: example.id, segments: Array(example.layout.segments[start...].prefix(while: \.isSupervised)))
        let shown = example.images.prefix(prompt.mediaSpans.count).map { ($0.stored.pixels, $0.change) }
        let pixels = context.examples.assembler.pixelValues(Array(shown))
        let input = try context.examples.collator.packed(
            [[prompt]], length: prompt.tokenCount, values: pixels.map { [.image: $0] } ?? [:]
        ).input.to(context.device).castingMedia(to: context.computeDType)
        let size = context.examples.assembler.size
        return Sample(
            id: example.id, question: question(prompt, context.examples.tokenizer),
            truth: context.examples.tokenizer.decode(answer.supervisedTokenIDs), input: input,
            png: try ImageCodec().encodePNG(Image(width: size, height: size, pixels: image.stored.pixels)),
            size: size)
    }

    /// The last words of a prompt; none where an image alone is given.
    private static func question(_ prompt: PromptLayout, _ tokenizer: any Tokenizer) -> String {
        let tokenIDs = prompt.segments.flatMap { if case .text(let tokenIDs, _) = $0 { tokenIDs } else { [Int]() } }
        let text = tokenizer.decode(tokenIDs).filter { !$0.isNewline }
        return text.count > 80 ? "..." + text.suffix(77) : text
    }

    public func onValidation(_ report: ValidationReport) throws {
        guard !samples.isEmpty, trainsText(report.stage) else { return }
        let results: [GenerationResult]
        do {
            let engine = GenerationEngine(
                context.model, pieceCount: context.examples.tokenizer.vocabularySize)
            results = try engine.generate(
                samples.map { GenerationRequest($0.input, config: config) })
        } catch {
            // Whether the run may go on is for the trainer to say, which looks at losses and gradients.
            context.log("step \(report.step): no samples: \(error)")
            return
        }
        var values: [(tag: String, value: EventFile.Value)] = []
        for (number, (sample, result)) in zip(samples, results).enumerated() {
            let text = context.examples.tokenizer.decode(result.tokenIDs)
            values.append(("samples/\(number)", .image(png: sample.png, width: sample.size, height: sample.size)))
            values.append(("samples/\(number)/text", .text("**generated:** \(text)\n\n**true:** \(sample.truth)")))
            let asked = sample.question.isEmpty ? "" : ", \"\(sample.question)\""
            context.log("step \(report.step), \(sample.id)\(asked): \(text) (true: \(sample.truth))")
        }
        try context.tensorBoard.add(values, step: report.step)
    }

    /// Before the decoder has been trained there is nothing to read.
    private func trainsText(_ stage: String) -> Bool {
        ObjectiveRegistry.objectives.contains { objective in
            objective.trainsText
                && context.recipe.stages.contains { $0.name == stage && $0.objective.rawValue == objective.name }
        }
    }
}

extension PromptSegment {
    fileprivate var isSupervised: Bool { if case .text(_, true) = self { true } else { false } }
}
