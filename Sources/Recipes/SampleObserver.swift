import Codecs
import DataPipeline
import Generation
import Media
import Processors
import SyrinxModels
import Tokenizers
import Torch
public import Training

/// Lets the model describe a few held-out pictures at every validation: in TensorBoard with the pictures, in the log as text.
///
/// Runs between steps on the training thread, and draws no random number: a run with samples is the run without.
public final class SampleObserver: TrainingObserver {
    private struct Sample {
        let id: String
        let truth: String
        let input: ModelInput
        let png: [UInt8]
        let size: Int
    }

    private let context: RecipeRunner.RunContext
    private let samples: [Sample]
    private let config: GenerationConfig

    /// Chooses `count` pictures, spread over the held-out captioned records.
    ///
    /// - Throws: what reading and decoding them throws.
    public init(_ context: RecipeRunner.RunContext, count: Int = 4, maximumTokens: Int = 48) throws {
        self.context = context
        let examples = context.examples
        let entries = examples.corpus.entries(split: .val, kind: .captioned)
        let step = max(1, entries.count / max(1, count))
        samples = try stride(from: 0, to: entries.count, by: step).prefix(count).compactMap { place in
            try Self.sample(examples, entry: entries[place], context)
        }
        config = GenerationConfig(
            maxNewTokens: maximumTokens, bannedTokenIDs: [examples.contract.imagePlaceholderID],
            stopTokenIDs: Set([examples.tokenizer.endID].compactMap { $0 }))
    }

    private static func sample(
        _ examples: ExampleSource, entry number: Int, _ context: RecipeRunner.RunContext
    ) throws -> Sample? {
        let entry = examples.corpus.index.entries[number]
        guard entry.images.count == 1, let begin = examples.tokenizer.beginID ?? examples.tokenizer.endID,
            let pixels = try examples.pixelValues(ofEntry: number)
        else { return nil }
        let record = try examples.corpus.record(entry)
        let codec = PictureCodec()
        let picture = examples.imageProcessor.prepared(
            try codec.picture(from: examples.corpus.picture(0, of: entry), limits: DecodeLimits(), target: nil))
        var layout = PromptLayout(name: record.id, segments: [.text(tokenIDs: [begin], isSupervised: false)])
        layout.append(
            image: ImageSpan(
                tokenCount: examples.contract.visualTokenCount, name: record.id, width: picture.width,
                height: picture.height))
        if !examples.template.prompt.isEmpty {
            layout.append(text: examples.tokenizer.encode(examples.template.prompt), isSupervised: false)
        }
        let collator = Collator(contract: examples.contract, padID: examples.tokenizer.padID ?? begin)
        var input = try collator.padded([layout], pixelValues: pixels).input.to(context.device)
        input.pixelValues = input.pixelValues?.to(context.computeDType)
        return Sample(
            id: record.id, truth: examples.captionText(of: record), input: input,
            png: try codec.encodePNG(picture), size: picture.width)
    }

    public func onValidation(_ report: ValidationReport) throws {
        guard !samples.isEmpty, isNextToken(report.stage) else { return }
        let results = try GenerationEngine(context.model).generate(
            samples.map { GenerationRequest($0.input, config: config) })
        var values: [(tag: String, value: EventFile.Value)] = []
        for (number, (sample, result)) in zip(samples, results).enumerated() {
            let text = context.examples.tokenizer.decode(result.tokenIDs)
            values.append(("samples/\(number)", .image(png: sample.png, width: sample.size, height: sample.size)))
            values.append(("samples/\(number)/text", .text("**generated:** \(text)\n\n**true:** \(sample.truth)")))
            context.log("step \(report.step), \(sample.id): \(text) (true: \(sample.truth))")
        }
        try context.tensorBoard.add(values, step: report.step)
    }

    /// Before the decoder has been trained there is nothing to read.
    private func isNextToken(_ stage: String) -> Bool {
        context.recipe.stages.contains { $0.name == stage && $0.objective == .nextToken }
    }
}
