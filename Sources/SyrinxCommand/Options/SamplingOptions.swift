import ArgumentParser
import Generation
import Media
import Processors
import Settings
import Syrinx
import SyrinxModels
import Torch

/// The options of every command that loads a model folder.
struct ModelOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The model's folder.", valueName: "folder"))
    var model: String

    @Option(
        help: ArgumentHelp(
            """
            How images become square (default: the way of the model's authors: \(FamilyHelp.imageModes); for others, the \
            mode of their training). Known: \(ImageProcessor.Resize.choiceNames.joined(separator: ", ")).
            """, valueName: "name"))
    var imageMode: String?

    @Flag(
        help: """
            Read tables of fixed values that the folder stores, such as position tables, as they are: rounded, if the \
            authors' code saved them in 16 bit. By default they are recomputed exactly.
            """)
    var storedTables = false

    @OptionGroup var compute: ComputeOptions

    func validate() throws { _ = try parsedImageMode() }

    /// The model, loaded.
    func load() throws -> SyrinxModel {
        try compute.load(model, imageMode: try parsedImageMode(), storedTables: storedTables)
    }

    private func parsedImageMode() throws -> ImageProcessor.Resize? {
        guard let imageMode else { return nil }
        guard let mode = ImageProcessor.Resize(rawValue: imageMode) else {
            let choices = ImageProcessor.Resize.choiceNames
            throw ValidationError("--image-mode \(NearestName.unknownChoice(imageMode, among: choices))")
        }
        return mode
    }
}

/// Where and in what a model computes.
struct ComputeOptions: ParsableArguments {
    @Option(help: "Where to compute: cpu, cuda, cuda:1 or mps.")
    var device = "cpu"

    @Option(help: "The dtype of the weights: float32, bfloat16, or checkpoint to keep the checkpoint's.")
    var dtype = "float32"

    @Option(help: ArgumentHelp("A LoRA adapter in PEFT format, used with the model.", valueName: "folder"))
    var adapter: String?

    /// The model in a folder, loaded, with the adapter where one was given.
    func load(
        _ model: String, imageMode: ImageProcessor.Resize? = nil, storedTables: Bool = false
    ) throws -> SyrinxModel {
        try load(model, adapter: adapter, imageMode: imageMode, storedTables: storedTables)
    }

    /// The model in a folder, loaded, with this adapter or none.
    func load(
        _ model: String, adapter: String?, imageMode: ImageProcessor.Resize? = nil, storedTables: Bool = false
    ) throws -> SyrinxModel {
        let loaded = try Syrinx.load(
            model, adapter: adapter, dtype: try parsedDType(), device: try parsedDevice(), imageMode: imageMode,
            storedTables: storedTables)
        for remark in loaded.remarks + loaded.adapterRemarks { ExitStatus.writeToStandardError("note: \(remark)\n") }
        if let warning = loaded.adapterWarning { ExitStatus.writeToStandardError("warning: \(warning)\n") }
        return loaded
    }

    private func parsedDType() throws -> DType? {
        switch dtype {
        case "float32": .float32
        case "bfloat16": .bfloat16
        case "checkpoint": nil
        default: throw ValidationError("--dtype is \"\(dtype)\"; it must be float32, bfloat16 or checkpoint")
        }
    }

    private func parsedDevice() throws -> Device {
        guard let wanted = Device(device) else {
            throw ValidationError("--device is \"\(device)\"; it must be cpu, cuda, cuda:N or mps")
        }
        let available = Device.available
        guard available.contains(wanted) else {
            let names = available.map(\.description).joined(separator: ", ")
            throw ValidationError("--device \"\(device)\" is unavailable on this machine; available: \(names)")
        }
        return wanted
    }
}

/// How tokens are chosen, and when to stop. What is left out is as the model's authors recommend.
struct SamplingOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: """
            0 is greedy: the likeliest token every time. Above 0 samples. The defaults of this and the next three are \
            the model's own: \(FamilyHelp.sampling).
            """)
    var temperature: Double?

    @Option(parsing: .unconditional, help: "Sample among the K likeliest tokens; 0 disables it.")
    var topK: Int?

    @Option(
        parsing: .unconditional, help: "Sample among the likeliest tokens whose probabilities reach P; 1 disables it.")
    var topP: Double?

    @Option(parsing: .unconditional, help: "The largest number of tokens to generate.")
    var maxNewTokens: Int?

    @Flag(help: "The same as --temperature 0.")
    var greedy = false

    @Option(
        parsing: .unconditional,
        help: "Sample among tokens at least P times as likely as the likeliest; 0 disables it.")
    var minP = 0.0

    @Option(parsing: .unconditional, help: "Make tokens that already occurred less likely; 1 disables it.")
    var repetitionPenalty = 1.0

    @Option(
        parsing: .unconditional, help: "The seed of sampling; the same seed gives the same answer.",
        transform: Seed.value)
    var seed: UInt64 = 0

    @Option(
        parsing: .unconditionalSingleValue,
        help: "A string that ends the answer; the answer does not include it. Repeatable.")
    var stop: [String] = []

    func validate() throws {
        if greedy, let temperature, temperature != 0 {
            throw ValidationError("--greedy means --temperature 0, but --temperature is \(temperature); give only one")
        }
        if let mistake = options(AnswerOptions()).generation.mistake {
            throw ValidationError("\(optionName(mistake.property)) is \(mistake.value); it must \(mistake.rule)")
        }
    }

    /// The options for a model as a value.
    func options(for model: SyrinxModel) -> AnswerOptions { options(model.recommendedOptions) }

    private func options(_ recommended: AnswerOptions) -> AnswerOptions {
        let own = recommended.generation
        return AnswerOptions(
            GenerationConfig(
                maxNewTokens: maxNewTokens ?? own.maxNewTokens,
                temperature: greedy ? 0 : temperature ?? own.temperature,
                topK: topK ?? own.topK, topP: topP ?? own.topP, minP: minP, repetitionPenalty: repetitionPenalty,
                seed: seed),
            stopStrings: stop)
    }

    /// One line on what holds for a model, and whose values those left out are.
    func account(for model: SyrinxModel) -> String {
        let config = options(for: model).generation
        let choice =
            config.isGreedy
            ? "greedy"
            : "temperature \(config.temperature), top-k \(config.topK), top-p \(config.topP), seed \(config.seed)"
        let isGiven = greedy || temperature != nil || topK != nil || topP != nil || maxNewTokens != nil
        return "sampling: \(choice), up to \(config.maxNewTokens) tokens"
            + (isGiven ? "" : " (\(model.description.recommendedSampling.source))")
    }
}

/// How a conversation is written.
struct ConversationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The chat template (default: the model's own). Known: \(ChatTemplate.choiceNames.joined(separator: ", ")).",
            valueName: "name"))
    var template: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The system prompt, instead of the template's own; \"\" for none.", valueName: "text")
    )
    var system: String?

    func validate() throws { _ = try parsedTemplate() }

    /// The template asked for; nil for the model's own.
    func parsedTemplate() throws -> ChatTemplate? {
        do {
            return try template.map { try ModelRegistry.chatTemplate(named: $0) }
        } catch {
            throw ValidationError("--template: \(error)")
        }
    }
}

/// A library's property as the option that sets it: `topP` as `--top-p`, `stopTokenIDs` as `--stop-token-ids`.
func optionName(_ property: String) -> String {
    var wasUppercase = false
    return "--"
        + property.reduce(into: "") { name, letter in
            name += letter.isUppercase && !wasUppercase ? "-" + letter.lowercased() : letter.lowercased()
            wasUppercase = letter.isUppercase
        }
}
