import Foundation
import Testing

/// One mistake of a user or the world: the command line, its exit status, and what the one sentence must say.
struct BadInput: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let status: Int32
    let expected: [String]
    let arguments: @Sendable (Playground) -> [String]

    /// - Parameter expected: parts of the sentence; `ROOT` stands for the playground's path.
    init(
        _ what: String, status: Int32 = 2, _ expected: String...,
        arguments: @escaping @Sendable (Playground) -> [String]
    ) {
        (testDescription, self.status, self.expected, self.arguments) = (what, status, expected, arguments)
    }

    private static func generate(_ what: String, _ expected: String..., with arguments: String...) -> BadInput {
        var input = BadInput(what) { ["generate", "--model", $0.model] + arguments.map($0.resolved) }
        input = BadInput(copying: input, expected)
        return input
    }

    private init(copying other: BadInput, _ expected: [String]) {
        (testDescription, status, arguments) = (other.testDescription, other.status, other.arguments)
        self.expected = expected
    }

    private static func load(_ folder: String, _ expected: String...) -> BadInput {
        BadInput(
            copying: BadInput("model folder \(folder)") { ["generate", "--model", $0(folder), "name:"] }, expected)
    }

    private static func corpus(_ folder: String, _ expected: String...) -> BadInput {
        BadInput(copying: BadInput("corpus \(folder)") { ["data", "inspect", $0(folder)] }, expected)
    }

    private static func set(_ setting: String, _ expected: String...) -> BadInput {
        BadInput(
            copying: BadInput("--set \(setting)") { _ in
                ["train", "mm1-demo-short", "--dry-run", "--set", setting]
            }, expected)
    }

    static let prompts: [BadInput] = [
        generate("no prompt at all", "give a prompt, an --image or --video, or both"),
        generate("negative seed", "--seed", "from 0 to 18446744073709551615", with: "--seed=-1", "x"),
        generate("negative seed apart", "a seed is a whole number", with: "--seed", "-1", "x"),
        generate(
            "negative temperature", "--temperature is -1.0; it must be 0 (greedy)", with: "--temperature", "-1", "x"),
        generate("negative top-k", "--top-k is -3; it must be 0 (off)", with: "--top-k", "-3", "x"),
        generate("a length that is no number", "The value '--greedy'", with: "--max-new-tokens", "--greedy", "x"),
        generate("log-probabilities without JSON", "give --json as well", with: "--log-probabilities", "x"),
        generate("seed in words", "--seed", "from 0 to 18446744073709551615", with: "--seed", "one", "x"),
        generate("--top-p 3", "--top-p is 3.0; it must be from 0.0001 to 1", with: "--top-p", "3", "x"),
        generate(
            "--max-new-tokens 0", "--max-new-tokens is 0; it must be at least 1", with: "--max-new-tokens", "0", "x"),
        generate("temperature that is no number", "--temperature is nan", with: "--temperature", "nan", "x"),
        generate(
            "a temperature that no float32 survives", "--temperature is 1e-40; it must be 0 (greedy) or from 0.001",
            with: "--temperature", "1e-40", "x"),
        generate("unknown dtype", "it must be float32, bfloat16 or checkpoint", with: "--dtype", "float99", "x"),
        generate("absent device", "--device \"cuda:77\" is unavailable", with: "--device", "cuda:77", "x"),
        generate("unknown flag", "Unknown option '--colour'", with: "--colour", "x"),
        generate("example without its text", "--example takes an image and a text", with: "x", "--example", "a.png"),
        generate("--each without an image", "--each needs at least one --image", with: "--each", "x"),
        generate(
            "prompt file that is missing", "nowhere.json: the file cannot be read", with: "--prompt-file",
            "ROOT/nowhere.json"),
        generate(
            "prompt file cut short", "cut.json is not a prompt file", "byte 9", with: "--prompt-file", "ROOT/cut.json"),
        generate(
            "prompt part of two kinds", "part 1 of 1 must have exactly one", with: "--prompt-file", "ROOT/prompt.json"),
        generate("image that is missing", "ROOT/none.png: ", "No such file", with: "--image", "ROOT/none.png"),
        generate(
            "text as an image", "ROOT/text.png: not a readable image", "expected JPEG, PNG, WebP, GIF", with: "--image",
            "ROOT/text.png"),
        generate(
            "web address as an image", "it is a web address", "download the file and give its path", with: "--image",
            "https://example.org/a.png?size=[1]"),
        generate(
            "data URL that is cut", "it is not a complete data URL", "data:image/png URL of 326 characters",
            with: "--image",
            "data:image/png;base64,!!!!" + String(repeating: "A", count: 300)),
        generate(
            "long path that is missing", "(500 characters)", "No such file", with: "--image",
            String(repeating: "/none", count: 100)),
        generate(
            "long value of an option", "(500 characters)", with: "--seed", String(repeating: "seed ", count: 100), "x"),
        generate(
            "image of no bytes", "ROOT/empty: not a readable image", "no bytes at all", with: "--image", "ROOT/empty"),
        generate(
            "folder as an image", "ROOT/corpus: ", "it is a folder; name a file in it", with: "--image", "ROOT/corpus"),
        generate("pattern without a match", "no file matches", with: "--image", "ROOT/*.none"),
        generate(
            "huge image", "30000 x 30000 pixels, more than the 64000000 allowed: scale it down", with: "--image",
            "ROOT/huge.png"),
        generate("more marks than images", "2 <image> placeholders, but 0 images", with: "<image> and <image>"),
        generate(
            "prompt beyond the context", "the model's context holds 512", with: String(repeating: "qx ", count: 600)),
    ]

    static let models: [BadInput] = [
        load("nowhere", "there is no model folder at ROOT/nowhere", "download a model of the Hugging Face Hub first"),
        load("text.png", "it is a file, expected a checkpoint folder"),
        load("nothing", "ROOT/nothing", "it has no config.json"),
        load("run", "it has no config.json; did you mean ROOT/run/model?"),
        load("config-cut", "ROOT/config-cut/config.json is not valid JSON", "at line"),
        load("config-garbage", "ROOT/config-garbage/config.json is not valid JSON"),
        load(
            "config-activation", "config.json",
            "activation: 'gelo' is not one of gelu, gelu_new, quick_gelu, silu, relu; did you mean 'gelu'?"),
        load("config-typeless", "ROOT/config-typeless/config.json has no model_type"),
        load("config-stranger", "unknown model_type \"gpt\"; known ones: mm1"),
        load("config-zero", "language model head_count is 0; it must be from 1 to 1024"),
        load("tokenizer-damaged", "ROOT/tokenizer-damaged/tokenizer.model is not a SentencePiece model"),
        load("tokenizer-empty", "ROOT/tokenizer-empty/tokenizer.model is damaged: it is empty"),
        load("pictures-stranger", "preprocessor_config.json", "unknown key \"rezise\""),
        load("weights-cut", "ROOT/weights-cut/model.safetensors is damaged", "it may be truncated"),
        load("weights-flipped", "model.safetensors has the SHA-256", "restore the file"),
        load("weights-missing", "neither model.safetensors nor pytorch_model.bin"),
        BadInput("keys and values beyond the memory", "GB of memory, of which", "ask for fewer new tokens") {
            ["generate", "--model", $0("config-context"), "--max-new-tokens", "16000000", "x"]
        },
        BadInput("inspect of nothing", "\"nowhere\" does not exist and is not a named size") { _ in
            ["inspect", "nowhere"]
        },
        BadInput("inspect of a misspelt size", "did you mean mm1-30b?") { _ in ["inspect", "mm1-30bb"] },
        BadInput("inspect of a run's folder", "neither a config.json nor", "did you mean ROOT/run/model?") {
            ["inspect", $0("run")]
        },
        BadInput("inspect --verify of flipped weights", "model.safetensors has the SHA-256") {
            ["inspect", "--verify", $0("weights-flipped")]
        },
        BadInput("evaluate on what was trained on", "it must be val or test, which are held out") {
            ["evaluate", "--model", $0.model, "--corpus", $0.corpus, "--split", "train"]
        },
        BadInput("evaluate without a corpus", "ROOT/nowhere does not exist: it is neither a corpus") {
            ["evaluate", "--model", $0.model, "--corpus", $0("nowhere")]
        },
    ]

    static let corpora: [BadInput] = [
        corpus("nowhere", "ROOT/nowhere is not a corpus"),
        corpus("index-empty", "ROOT/index-empty/index.json is not a corpus index", "at byte 0"),
        corpus("index-cut", "ROOT/index-cut/index.json is not a corpus index", "fetch the corpus again"),
        corpus("index-escaping", "names the shard \"../shard-00000.tar\", expected a file beside it"),
        corpus("shard-cut", "ROOT/shard-cut/shard-00000.tar has ", "its index says"),
        corpus("shard-missing", "ROOT/shard-missing/shard-00000.tar is missing"),
        BadInput("unknown part of a corpus", "it must be train, val or test") {
            ["data", "inspect", $0.corpus, "--split", "dev"]
        },
        BadInput("unknown source", "has no source zoo; its sources are") {
            ["data", "inspect", $0.corpus, "--source", "zoo"]
        },
        BadInput("sample behind the last", "--sample is 100000", "records are selected") {
            ["data", "inspect", $0.corpus, "--sample", "100000", "--tokenizer", $0("run/model/tokenizer.model")]
        },
        BadInput("text as a vocabulary", "ROOT/text.png is not a SentencePiece model") {
            ["data", "inspect", $0.corpus, "--sample", "1", "--tokenizer", $0("text.png")]
        },
        BadInput("contact sheet into no folder", "--contact-sheet ROOT/none/sheet.png cannot be written") {
            ["data", "inspect", $0.corpus, "--contact-sheet", $0("none/sheet.png")]
        },
        BadInput("quarantine into no folder", "quarantine file ROOT/none/q.jsonl cannot be written") {
            ["data", "check", $0("shard-flipped"), "--quarantine", $0("none/q.jsonl")]
        },
        BadInput("no scenes at all", "ask for at least 1") {
            ["data", "fetch", "scenes", "--count", "0", "--output", $0("out/none")]
        },
        BadInput("corpus in place of a file", "text.png is a file and would be replaced") {
            ["data", "fetch", "scenes", "--count", "8", "--output", $0("text.png")]
        },
        BadInput("corpus in place of somebody's folder", "contains thesis.txt, which is not part of a corpus") {
            ["data", "fetch", "scenes", "--count", "8", "--output", $0("out/foreign")]
        },
        BadInput("corpus below a file", "ROOT/text.png/corpus cannot be written") {
            ["data", "fetch", "scenes", "--count", "8", "--output", $0("text.png/corpus")]
        },
    ]

    static let runs: [BadInput] = [
        set("seed=abc", "--set seed=abc: expected a whole number, found the text 'abc'"),
        set("sed=3", "--set sed=3: unknown key 'sed'; did you mean 'seed'?"),
        set("seed", "--set seed: a setting is key.path=value"),
        set("stages.9.steps=1", "stages is a list of 2; '9' is not an index from 0 to 1"),
        set("model.visionEncoder.activation=gelo", "'gelo' is not one of", "did you mean 'gelu'?"),
        set("model.languageModel.headCount=7", "key_value_head_count is 8; it must be from 1 to 7"),
        set("data.contextLength=1", "data.contextLength: 1 leaves no room for text"),
        set("data.contextLength=4", "data.contextLength: 4 has no room for an image of "),
        set("stages.0.globalBatchSize=16000000000", "the 16000000000 rows of one update must all fit in memory"),
        set("data.contextLength=100000", "longer than the model's 512"),
        set("device=cuda:77", "the device 'cuda:77' is unavailable on this machine"),
        BadInput("unknown recipe", "did you mean 'mm1-demo'?") { _ in ["recipe", "show", "mm1-dmo"] },
        BadInput(
            "recipe with an unknown key", "stranger.yaml, line",
            "unknown key 'colour'; the known keys are name, description, notes, seed", "stages, checkpoints"
        ) {
            ["train", $0("stranger.yaml"), "--dry-run"]
        },
        BadInput("recipe with a misspelt key", "misspelt.yaml, line", "did you mean 'globalBatchSize'?") {
            ["train", $0("misspelt.yaml"), "--dry-run"]
        },
        BadInput("recipe that is no YAML", "unclosed.yaml: not valid YAML") {
            ["train", $0("unclosed.yaml"), "--dry-run"]
        },
        BadInput("recipe of no bytes", "empty: the file is empty") { ["train", $0("empty"), "--dry-run"] },
        BadInput("recipe that is no text", "binary.yaml: not a text file") {
            ["train", $0("binary.yaml"), "--dry-run"]
        },
        BadInput("recipe that is a folder", "neither a recipe nor a readable file") {
            ["train", $0.corpus, "--dry-run"]
        },
        BadInput("training without a corpus", "ROOT/nowhere is not a corpus") {
            $0.train("data.corpus=\($0("nowhere"))", output: $0("out/lost"))
        },
        BadInput(
            "a checkpoint of another shape", "the checkpoint ROOT/run/model does not fit the model", "of another shape"
        ) {
            $0.train(
                "model.languageModel.hiddenSize=128", "model.languageModel.headSize=16",
                "initialize.checkpoint=\($0.model)", output: $0("out/misfit"))
        },
        BadInput("a model beyond the memory", "parameters alone need", "use a smaller model") {
            $0.train(
                "model.languageModel.layerCount=1024", "model.languageModel.intermediateSize=1048576",
                output: $0("out/huge"))
        },
        BadInput("a run where one is", "already has a run; give --resume") { $0.train(output: $0("run")) },
        BadInput("a run below a file", status: 1, "cannot make the run folder ROOT/text.png/run: Not a directory") {
            $0.train(output: $0("text.png/run"))
        },
        BadInput("a run where nothing can be written", status: 1, "cannot make the run folder /proc/run: ") {
            $0.train(output: "/proc/run")
        },
        BadInput("a run among somebody's files", "contains thesis.txt, which is not part of a run") {
            $0.train(output: $0("out/foreign")) + ["--resume"]
        },
        BadInput("more seeds than a study has", "it must be from 1 to 1000") { _ in
            ["study", "owl2-from-owl", "--seeds", "9223372036854775807"]
        },
        BadInput("no seeds for the demo", "--seeds is 0; it must be at least 1") { _ in ["demo", "--seeds", "0"] },
        BadInput("unknown precision", "--precision 'float23' is not one of float32, bfloat16; did you mean 'float32'?")
        { _ in
            ["bench", "--precision", "float23"]
        },
    ]

    private static func batch(_ what: String, _ expected: String..., with arguments: String...) -> BadInput {
        BadInput(
            copying: BadInput(what) { ["batch", "--model", $0.model] + arguments.map($0.resolved) }, expected)
    }

    static let batches: [BadInput] = [
        batch(
            "batch of nothing", "give one of --input (questions), --image or --video", with: "--output", "ROOT/out/a"),
        batch(
            "batch of a file that is missing", "ROOT/none.jsonl: ", "No such file", with: "--input", "ROOT/none.jsonl",
            "--output", "ROOT/out/a"),
        batch(
            "batch of no bytes", "ROOT/empty has no questions", with: "--input", "ROOT/empty", "--output", "ROOT/out/a"),
        batch(
            "batch of a folder as a file", "it is a folder; name a file in it", with: "--input", "ROOT/corpus",
            "--output",
            "ROOT/out/a"),
        batch(
            "batch of a folder without images", "has no JPEG, PNG, WebP, GIF", with: "--image", "ROOT/run/model",
            "--output", "ROOT/out/a"),
        batch(
            "batch with two kinds of input", "give one of --input (questions), --image or --video", with: "--input",
            "ROOT/empty", "--image", "x", "--output", "ROOT/out/a"),
        batch(
            "batch with a question beside a file", "--input and a question cannot be combined", with: "--input",
            "ROOT/empty", "--output",
            "ROOT/out/a", "What?"),
        batch(
            "batch of no rows", "--batch-size is 0; it must be from 1 to 1024", with: "--input", "ROOT/text.png",
            "--output", "ROOT/out/a", "--batch-size", "0"),
        batch(
            "batch over somebody's file", "exists without ROOT/out/foreign/thesis.txt.batch.json", with: "--input",
            "ROOT/text.png", "--output", "ROOT/out/foreign/thesis.txt"),
        batch(
            "batch below a file", "cannot be written: Not a directory", with: "--input", "ROOT/text.png", "--output",
            "ROOT/text.png/answers"),
        batch(
            "batch of no frames", "--frames is 0; it must be from 1 to 1024", with: "--input", "ROOT/text.png",
            "--output", "ROOT/out/a", "--frames", "0"),
        generate("video that is missing", "ROOT/none.mp4: the file cannot be read", with: "--video", "ROOT/none.mp4"),
        generate("video from a pipe", "a video cannot come from standard input", with: "--video", "-", "x"),
        generate(
            "text as a video", "ROOT/text.png: not a readable video", "expected MP4", with: "--video", "ROOT/text.png"),
        generate(
            "video of no bytes", "ROOT/empty: not a readable video", "no bytes at all", with: "--video", "ROOT/empty"),
        generate(
            "more video marks than videos", "2 <video> placeholders, but 0 videos", with: "<video> and <video>"),
    ]

    static let all = batches + prompts + models + corpora + runs
}
