import Foundation
import NN
import SyrinxModels
import Testing
import TinyModels
import Torch

/// Settings of a decoder and an encoder that no published system of ours has, against transformers 5.
///
/// Fixture: `scripts/reference/llama_variants.py`, over the weights of `llama` and `clip`.
struct VariantParityTests {
    /// What a `config.json` says beside the sizes of the fixture's Llama.
    private static let settings: [(name: String, json: String)] = [
        ("default", #""rope_parameters": {"rope_type": "default", "rope_theta": 70.0}"#),
        ("linear", #""rope_parameters": {"rope_type": "linear", "rope_theta": 500.0, "factor": 2.5}"#),
        ("linear", #""rope_theta": 500.0, "rope_scaling": {"type": "linear", "factor": 2.5}"#),
        ("dynamic", #""rope_parameters": {"rope_type": "dynamic", "rope_theta": 500.0, "factor": 2.0}"#),
        (
            "llama3",
            #"""
            "rope_parameters": {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 0.2,
             "high_freq_factor": 0.8}
            """#
        ),
        (
            "yarn",
            #"""
            "rope_theta": 500.0, "rope_scaling": {"type": "yarn", "factor": 4.0, "beta_fast": 3.0, "beta_slow": 0.1,
             "original_max_position_embeddings": 24}
            """#
        ),
        (
            "yarn-exact",
            #"""
            "rope_parameters": {"rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0, "beta_fast": 3.0, "beta_slow": 0.1,
             "original_max_position_embeddings": 24, "truncate": false, "mscale": 0.7, "mscale_all_dim": 1.3}
            """#
        ),
        ("attention_bias", #""rope_theta": 70.0, "attention_bias": true"#),
        ("mlp_bias", #""rope_theta": 70.0, "mlp_bias": true"#),
    ]

    private func decoder(_ json: String, layout: RotaryEmbedding.Layout) throws -> LLaMADecoder.Config {
        let text = """
            {"model_type": "mplug-owl", "text_config": {"vocab_size": 37, "hidden_size": 24, "intermediate_size": 40,
             "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 4,
             "max_position_embeddings": 64, "rms_norm_eps": 1e-5, \(json)}}
            """
        var config = try MPLUGOwl.config(from: Data(text.utf8)).languageModel
        config.ropeLayout = layout
        return config
    }

    @Test(arguments: settings.indices, [RotaryEmbedding.Layout.halfSplit, .interleaved])
    func `A config.json's rotation and biases give transformers' scores`(
        index: Int, layout: RotaryEmbedding.Layout
    ) throws {
        let (name, json) = Self.settings[index]
        let fixture = try ParityFixture("variants"), base = try ParityFixture("llama")
        let config = try decoder(json, layout: layout)
        let store = ParameterStore()
        let decoder = LLaMADecoder(config, at: store.root)
        var weights = base.weights
        for (name, bias) in fixture.all.under("bias").pairs where store[name] != nil { weights[name] = bias }
        try store.load(LLaMADecoder.stateDict(fromPublished: weights, for: config))
        let tokens = try base("tokens").narrow(dim: 0, start: 0, length: 1)
        let logits = decoder.logits(
            hiddenStates: decoder.hiddenStates(
                embeddings: decoder.embed(tokens), positionIDs: Tensor.arange(tokens.size(1)).unsqueeze(0), layout: nil,
                cache: nil))
        try fixture.expect(logits, equals: "\(name).logits")
    }

    @Test(arguments: [Activation.quickGELU, .tanhGELU])
    func `Images that the patch does not divide give transformers' features, with either activation`(
        activation: Activation
    ) throws {
        let fixture = try ParityFixture("variants")
        let config = VisionTransformer.Config(
            imageSize: 23, stem: .patch(size: 4), hiddenSize: 24, intermediateSize: 44, layerCount: 3, headCount: 3,
            activation: activation, projectionSize: 10)
        #expect(config.gridSize == 5)
        let store = ParameterStore()
        let encoder = VisionTransformer(config, at: store.root)
        try store.load(VisionTransformer.stateDict(fromPublished: ParityFixture("clip").weights, for: config))
        try fixture.expect(encoder.hiddenStates(try fixture("clip.pixels")), equals: "clip.\(activation.rawValue)")
    }

    @Test(arguments: [64, 63, 61, 50, 5]) func `A stem's grid is as large as its convolutions make it`(size: Int) throws
    {
        var config = MM1.demo(vocabularySize: 512, imagePlaceholder: 4)
        config.visionEncoder.imageSize = size
        config.connector = .averagePool(tokenCount: 1)
        try config.validate()
        let store = ParameterStore()
        let model = MM1(config, at: store.root)
        store.initialize(seed: 1)
        let features = withoutGrad { model.visionEncoder.patchFeatures(.zeros([1, 3, size, size])) }
        #expect(features.shape == [1, config.visionEncoder.patchCount, 192])
        #expect(withoutGrad { model.imageTokens(.zeros([1, 3, size, size])) }.shape == [1, 1, 256])
    }
}
