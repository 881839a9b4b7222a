import Checkpoints
import Foundation
import NN
import Processors
import SyrinxModels
import Testing
import TinyModels
import Torch

/// What a published `config.json` of the mPLUG-Owls says about its numbers is read, or refused by name.
struct OwlConfigurationTests {
    /// A change of a fixture's configuration, and words that its refusal must have.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let system: String
        let path: [String]
        let json: String
        let words: [String]
        var testDescription: String { "\(system) \(path.joined(separator: ".")) = \(json)" }

        init(_ system: String, _ path: String, _ json: String, _ words: String...) {
            (self.system, self.path, self.json, self.words) = (
                system, path.split(separator: ".").map(String.init), json, words
            )
        }
    }

    static let refusals: [Refusal] = [
        Refusal("mplug-owl2", "hidden_act", #""gelu""#, "language model's hidden_act", "\"gelu\"", "silu"),
        Refusal("mplug-owl", "text_config.hidden_act", #""gelu""#, "language model's hidden_act", "\"gelu\"", "silu"),
        Refusal("mplug-owl-video", "text_config.hidden_act", #""relu""#, "language model's hidden_act", "\"relu\""),
        Refusal("mplug-owl2", "rope_scaling", #"{"type": "yarn"}"#, "rope_scaling is yarn without a factor"),
        Refusal(
            "mplug-owl2", "rope_parameters", #"{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0}"#,
            "rope_parameters is llama3 without a high_freq_factor"),
        Refusal(
            "mplug-owl2", "rope_parameters", #"{"rope_type": "longrope", "long_factor": [1]}"#, "rope_parameters",
            "\"longrope\"", "linear"),
        Refusal(
            "mplug-owl2", "rope_parameters", #"{"rope_type": "default", "rope_theta": 500000.0}"#,
            "rope_theta is 5000.0, but rope_parameters.rope_theta is 500000.0"),
        Refusal(
            "mplug-owl", "text_config.rope_parameters", #"{"full_attention": {"rope_type": "default"}}"#,
            "rotary settings's full_attention is an object"),
        Refusal(
            "mplug-owl", "text_config.rope_parameters", #"{"rope_type": "default", "partial_rotary_factor": 0.5}"#,
            "partial_rotary_factor is 0.5"),
        Refusal(
            "mplug-owl2", "rope_scaling",
            #"{"type": "yarn", "factor": 4, "original_max_position_embeddings": 0}"#,
            "original_max_position_embeddings is 0"),
        Refusal("mplug-owl2", "sliding_window", "4096", "language model's sliding_window is 4096", "without it"),
        Refusal("mplug-owl2", "layer_types", #"["full_attention", "sliding_attention"]"#, "layer_types"),
        Refusal("mplug-owl", "text_config.final_logit_softcapping", "30.5", "final_logit_softcapping is 30.5"),
        Refusal("mplug-owl2", "quantization_config", #"{"bits": 4}"#, "quantization_config is an object"),
        Refusal("mplug-owl", "vision_config.num_channels", "4", "vision encoder's num_channels is 4"),
        Refusal(
            "mplug-owl2", "visual_config.visual_abstractor.add_v2t_pos_emb", "true",
            "abstractor's add_v2t_pos_emb is true"),
        Refusal(
            "mplug-owl2", "visual_config.visual_abstractor.encoder_hidden_size", "48", "encoder_hidden_size is 48", "24"
        ),
        Refusal("mplug-owl2", "rope_scaling", #"{"factor": 2.0}"#, "rope_scaling", "null"),
        Refusal("mplug-owl2", "rope_scaling", #"{"type": "linear"}"#, "rope_scaling", "factor"),
        Refusal("mplug-owl2", "rope_scaling", #"{"type": "linear", "factor": 0}"#, "rope_scaling factor is 0.0"),
        Refusal("mplug-owl", "text_config.rope_scaling", #"{"type": "longrope"}"#, "rope_scaling", "\"longrope\""),
        Refusal("mplug-owl", "text_config.model_type", #""bloom""#, "text_config.model_type is \"bloom\"", "llama"),
        Refusal("mplug-owl", "text_config", #"{"model_type": "bloom", "n_layer": 2, "n_head": 4}"#, "\"bloom\""),
        Refusal(
            "mplug-owl2", "visual_config.visual_model.hidden_act", #""mish""#, "vision encoder's hidden_act",
            "quick_gelu"),
    ]

    @Test(arguments: refusals)
    func `A setting that would change the numbers without a word is refused by name`(refusal: Refusal) throws {
        let value = try JSONSerialization.jsonObject(with: Data(refusal.json.utf8), options: .fragmentsAllowed)
        let configuration = try OwlFixture.configuration(refusal.system, [(refusal.path, value)])
        let error = #expect(throws: ModelError.self) { try ModelRegistry.declare(configuration: configuration) }
        let message = error?.message ?? ""
        for word in refusal.words { #expect(message.contains(word), "\(message)") }
        #expect(message.filter { $0 == "\n" }.isEmpty && message.hasPrefix("config.json: "))
    }

    @Test(arguments: [
        ("mplug-owl2", "hidden_act", "\"swish\""), ("mplug-owl2", "hidden_act", "null"),
        ("mplug-owl2", "attention_bias", "null"), ("mplug-owl2", "mlp_bias", "false"),
        ("mplug-owl2", "rope_parameters", #"{"rope_type": "default", "rope_theta": 5000.0}"#),
        ("mplug-owl2", "sliding_window", "null"), ("mplug-owl2", "layer_types", #"["full_attention"]"#),
        ("mplug-owl2", "dtype", "\"bfloat16\""), ("mplug-owl2", "quantization_config", "null"),
        ("mplug-owl2", "head_dim", "8"), ("mplug-owl2", "rope_scaling", #"{"rope_type": "default"}"#),
        ("mplug-owl", "text_config.model_type", "null"), ("mplug-owl", "text_config.model_type", "\"llama\""),
        // The published code of mPLUG-Owl computes quick GELU whatever stands here.
        ("mplug-owl", "vision_config.hidden_act", "\"gelu_new\""),
    ])
    func `Other words for the same numbers are taken`(system: String, path: String, json: String) throws {
        let value = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
        let changed = try OwlFixture.load(system, [(path.split(separator: ".").map(String.init), value)]).0
        let input = try OwlFixture.input(ParityFixture("\(system)/expected"), "one_image")
        let plain = try OwlFixture.load("\(system)/model").0
        #expect(OwlFixture.logits(changed, input).bytes() == OwlFixture.logits(plain, input).bytes())
    }

    @Test(arguments: [("linear", 2.5), ("dynamic", 2.0)])
    func `Scaled rotary positions give the published code's scores and greedy continuation`(
        type: String, factor: Double
    ) throws {
        let (fixture, scaled) = (try ParityFixture("mplug-owl2/expected"), try ParityFixture("mplug-owl2/rope_scaling"))
        let scaling: [String: Any] = ["type": type, "factor": factor]
        let model = try OwlFixture.load("mplug-owl2", [(["rope_scaling"], scaling)]).0
        let input = try OwlFixture.input(fixture, "two_images")
        try scaled.expect(OwlFixture.logits(model, input), equals: "output.\(type).logits")
        #expect(OwlFixture.greedy(model, input) == (try scaled("output.\(type).greedy")).array(of: Int64.self))
    }

    @Test func `A scaling of mPLUG-Owl's positions is the one of mPLUG-Owl2's, and both survive being written`() throws
    {
        var owl = MPLUGOwl.Config()
        owl.languageModel.ropeScalingFactor = 4
        #expect(try MPLUGOwl.config(from: MPLUGOwl.configuration(of: owl)) == owl)
        var owl2 = MPLUGOwl2.Config()
        owl2.languageModel.ropeScalingFactor = 2.5
        #expect(try MPLUGOwl2.config(from: MPLUGOwl2.configuration(of: owl2)) == owl2)
        let text = String(decoding: try MPLUGOwl2.configuration(of: MPLUGOwl2.Config()), as: UTF8.self)
        #expect(!text.contains("rope_scaling") && text.contains("\"model_type\" : \"mplug_owl2\""))

        let read = try MPLUGOwl.config(
            from: OwlFixture.configuration(
                "mplug-owl", [(["text_config", "rope_scaling"], ["type": "linear", "factor": 4])]))
        #expect(read.languageModel.ropeScalingFactor == 4)
    }

    @Test func `Positions twice as far apart and divided by two are the plain ones to mPLUG-Owl`() throws {
        let scaling: [String: Any] = ["type": "linear", "factor": 2]
        let scaled = try OwlFixture.load("mplug-owl", [(["text_config", "rope_scaling"], scaling)]).0
        let plain = try OwlFixture.load("mplug-owl/model").0
        let input = try OwlFixture.input(ParityFixture("mplug-owl/expected"), "one_image")
        var apart = input
        apart.positionIDs = input.positionIDs + input.positionIDs
        let expected = OwlFixture.logits(plain, input)
        #expect(OwlFixture.logits(scaled, apart).bytes() == expected.bytes())
        #expect(ParityFixture.error(OwlFixture.logits(scaled, input), expected) > 1e-2)
    }

    @Test func `mPLUG-Owl2 with tied embeddings needs no head of its own, as safetensors leave it out`() throws {
        let (untied, store) = try OwlFixture.load("mplug-owl2/model")
        var weights = store.stateDict()
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
        try store.load(weights)
        let (tied, _, tiedStore) = try ModelRegistry.declare(
            configuration: OwlFixture.configuration("mplug-owl2", [(["tie_word_embeddings"], true)]))
        try tiedStore.load(StateDict(weights.pairs.filter { $0.0 != "lm_head.weight" }))
        let input = try OwlFixture.input(ParityFixture("mplug-owl2/expected"), "one_image")
        #expect(OwlFixture.logits(tied, input).bytes() == OwlFixture.logits(untied, input).bytes())
        // Archives keep both names of the one tensor.
        try tiedStore.load(weights)
        #expect(tiedStore.elementCount() == store.elementCount() - 331 * 32)
    }

    @Test func `What published files hold is known, and any other key is named with its path`() throws {
        for system in ["mplug-owl", "mplug-owl2", "mplug-owl-video"] {
            #expect(ModelRegistry.remarks(onConfiguration: try OwlFixture.configuration(system, [])) == [])
        }
        let changed = try OwlFixture.configuration(
            "mplug-owl2",
            [(["a_new_mechanism"], 3), (["visual_config", "visual_model", "patch_norm"], true), (["eos_token_id"], 7)])
        let remark = try #require(ModelRegistry.remarks(onConfiguration: changed, named: "m/config.json").first)
        #expect(remark.hasPrefix("m/config.json has unknown keys, which are ignored: "))
        #expect(remark.contains("a_new_mechanism") && remark.contains("visual_config.visual_model.patch_norm"))
        #expect(!remark.contains("eos_token_id"))
        // It is read all the same.
        _ = try ModelRegistry.declare(configuration: changed)
    }

    @Test func `The tuned images' shape that a configuration notes is told with the option that gives it`() throws {
        let padded = try OwlFixture.configuration("mplug-owl2", [(["image_aspect_ratio"], "pad")])
        #expect(ModelRegistry.remarks(onConfiguration: padded).first?.contains("--image-mode padMean") == true)
    }

    @Test func `Every key that Syrinx writes is one that it knows`() throws {
        var owl = MPLUGOwl.Config()
        owl.languageModel.ropeBands = .yarn(
            factor: 4, fastTurns: 32, slowTurns: 1, trainedLength: 2048, attentionFactor: 1.1, roundsBounds: true)
        owl.languageModel.biases = .everywhere
        var owl2 = MPLUGOwl2.Config()
        owl2.isModalityAdaptive = false
        owl2.languageModel.ropeBands = .llama3(
            factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, trainedLength: 8192)
        owl2.languageModel.biases = .attention
        let artefacts = ModelArtefacts(imageProcessor: "a", tokenizer: "b", chatTemplate: "document")
        let files = try [
            MPLUGOwl.configuration(of: owl, artefacts: artefacts),
            MPLUGOwl2.configuration(of: owl2, artefacts: artefacts),
        ]
        for file in files { #expect(ModelRegistry.remarks(onConfiguration: file) == []) }
        #expect(try MPLUGOwl.config(from: files[0]) == owl)
        #expect(try MPLUGOwl2.config(from: files[1]) == owl2)
        for named in MM1.namedConfigs {
            var config = named.config
            config.languageModel.ropeBands = owl2.languageModel.ropeBands
            config.languageModel.ropeScalingFactor = 2
            config.languageModel.biases = .feedForward
            config.visionEncoder.projectionSize = 8
            let file = try MM1.configuration(of: config, artefacts: artefacts)
            _ = try ModelRegistry.declare(configuration: file)
            #expect(try MM1.config(from: file) == config)
        }
    }

    @Test func `A misspelt key of MM1's own form is refused with the one that is meant`() throws {
        let file = try MM1.configuration(of: MM1.demo(vocabularySize: 512, imagePlaceholder: 4))
        let text = String(decoding: file, as: UTF8.self)
        let wrong = text.replacing("\"rope_layout\"", with: "\"rope_layouts\" : 1, \"rope_layout\"")
        let error = #expect(throws: ModelError.self) { try ModelRegistry.declare(configuration: Data(wrong.utf8)) }
        #expect(
            error?.message == "config.json: unknown key \"language_model.rope_layouts\"; did you mean \"rope_layout\"?",
            "\(error?.message ?? "")")
    }
}
