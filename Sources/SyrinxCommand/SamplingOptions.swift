import ArgumentParser
import Generation
import Syrinx
import Torch

/// The options of every command that loads a model folder.
struct ModelOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The model's folder.", valueName: "folder"))
    var model: String

    @OptionGroup var compute: ComputeOptions

    /// The model, loaded.
    func load() throws -> SyrinxModel { try compute.load(model) }
}

/// Where and in what a model computes.
struct ComputeOptions: ParsableArguments {
    @Option(help: "Where to compute: cpu, cuda, cuda:1 or mps.")
    var device = "cpu"

    @Option(help: "The dtype of the weights: float32, bfloat16, or checkpoint to keep the checkpoint's.")
    var dtype = "float32"

    @Option(help: ArgumentHelp("A LoRA adapter in PEFT's form, used with the model.", valueName: "folder"))
    var adapter: String?

    /// The model in a folder, loaded, with the adapter where one was given.
    func load(_ model: String) throws -> SyrinxModel { try load(model, adapter: adapter) }

    /// The model in a folder, loaded, with this adapter or none.
    func load(_ model: String, adapter: String?) throws -> SyrinxModel {
        try Syrinx.load(model, adapter: adapter, dtype: try parsedDType(), device: try parsedDevice())
    }

    private func parsedDType() throws -> DType? {
        switch dtype {
        case "float32": .float32
        case "bfloat16": .bfloat16
        case "checkpoint": nil
        default: throw ValidationError("--dtype is \"\(dtype)\"; float32, bfloat16 and checkpoint are known")
        }
    }

    private func parsedDevice() throws -> Device {
        guard let wanted = Device(device) else {
            throw ValidationError("--device is \"\(device)\"; cpu, cuda, cuda:N and mps are known")
        }
        let available = Device.available
        guard available.contains(wanted) else {
            let names = available.map(\.description).joined(separator: ", ")
            throw ValidationError("--device is \"\(device)\", which is not here; available: \(names)")
        }
        return wanted
    }
}

/// How tokens are chosen, and when to stop.
struct SamplingOptions: ParsableArguments {
    @Option(help: "0 takes the likeliest token every time (greedy); above 0 samples.")
    var temperature = 0.0

    @Option(help: "Sample among the K likeliest tokens; 0 is off.")
    var topK = 0

    @Option(help: "Sample among the likeliest tokens whose probabilities reach P; 1 is off.")
    var topP = 1.0

    @Option(help: "Sample among tokens at least P times as likely as the likeliest; 0 is off.")
    var minP = 0.0

    @Option(help: "Makes tokens that already occurred less likely; 1 is off.")
    var repetitionPenalty = 1.0

    @Option(help: "The seed of sampling; the same seed gives the same answer.", transform: Seed.value)
    var seed: UInt64 = 0

    @Option(help: "The greatest number of tokens to generate.")
    var maxNewTokens = 128

    @Option(help: "A string that ends the answer and is not part of it; may be given several times.")
    var stop: [String] = []

    func validate() throws {
        if let mistake = options.generation.mistake {
            throw ValidationError("\(optionName(mistake.property)) is \(mistake.value); it must \(mistake.rule)")
        }
    }

    /// The options as a value.
    var options: AnswerOptions {
        AnswerOptions(
            GenerationConfig(
                maxNewTokens: maxNewTokens, temperature: temperature, topK: topK, topP: topP, minP: minP,
                repetitionPenalty: repetitionPenalty, seed: seed),
            stopStrings: stop)
    }
}

/// A library's property as the option that sets it: `topP` as `--top-p`.
func optionName(_ property: String) -> String {
    "--" + property.reduce(into: "") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) }
}
