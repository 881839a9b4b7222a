import NN

/// LLaMA's keys in a published `config.json`: an object `text_config`, or the top level.
///
/// Keys left out have the published classes' defaults.
struct PublishedDecoderConfig: Codable {
    /// The language model's under `text_config`; at the top level it is the system's.
    var modelType: String?
    var vocabSize: Int?
    var hiddenSize: Int?
    var intermediateSize: Int?
    var numHiddenLayers: Int?
    var numAttentionHeads: Int?
    var numKeyValueHeads: Int?
    var headDim: Int?
    var maxPositionEmbeddings: Int?
    var originalMaxPositionEmbeddings: Int?
    var rmsNormEps: Double?
    var ropeTheta: Double?
    var tieWordEmbeddings: Bool?
    var hiddenAct: String?
    var attentionBias: Bool?
    var mlpBias: Bool?
    var ropeScaling: PublishedRotaryConfig?
    /// What transformers 5 calls `rope_scaling`, with theta in it.
    var ropeParameters: PublishedRotaryConfig?

    init(_ config: LLaMADecoder.Config) {
        vocabSize = config.vocabularySize
        hiddenSize = config.hiddenSize
        intermediateSize = config.intermediateSize
        numHiddenLayers = config.layerCount
        numAttentionHeads = config.headCount
        numKeyValueHeads = config.keyValueHeadCount
        headDim = config.headSize * config.headCount == config.hiddenSize ? nil : config.headSize
        maxPositionEmbeddings = config.contextLength
        rmsNormEps = config.normEpsilon
        ropeTheta = config.ropeTheta
        tieWordEmbeddings = config.tiesEmbeddings
        attentionBias = config.hasAttentionBias ? true : nil
        mlpBias = config.hasFeedForwardBias ? true : nil
        ropeScaling = PublishedRotaryConfig(config)
    }

    /// The kind of language model that `model_type` names; LLaMA where it names none, as in the published code.
    ///
    /// - Throws: ``ModelError`` naming a kind that Syrinx does not have.
    func kind() throws(ModelError) -> TextDecoderKind {
        guard let modelType else { return .llama }
        guard let kind = TextDecoderKind(rawValue: modelType) else {
            throw ModelError(
                message:
                    "text_config.model_type is \"\(modelType)\", an unsupported language model; give a "
                    + "checkpoint with one of: \(TextDecoderKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return kind
    }

    /// - Throws: ``ModelError`` naming a setting that changes the numbers and that the decoder does not have.
    func decoder() throws(ModelError) -> LLaMADecoder.Config {
        if let hiddenAct, !["silu", "swish"].contains(hiddenAct) {
            throw ModelError(
                message:
                    "the language model's hidden_act is \"\(hiddenAct)\", but only silu is supported; give a "
                    + "checkpoint that was trained with silu")
        }
        let heads = numAttentionHeads ?? 32
        let contextLength = maxPositionEmbeddings ?? 2048
        let rotary = try rotary(contextLength: contextLength)
        var config = LLaMADecoder.Config(
            vocabularySize: vocabSize ?? 32_000, hiddenSize: hiddenSize ?? 4096,
            intermediateSize: intermediateSize ?? 11_008, layerCount: numHiddenLayers ?? 32, headCount: heads,
            keyValueHeadCount: numKeyValueHeads, headSize: headDim ?? (hiddenSize ?? 4096) / max(1, heads),
            contextLength: contextLength, normEpsilon: rmsNormEps ?? 1e-6, ropeTheta: rotary.theta,
            ropeScalingFactor: rotary.stretch.scalingFactor, ropeLayout: .halfSplit,
            tiesEmbeddings: tieWordEmbeddings ?? false)
        config.ropeBands = rotary.stretch.bands
        config.biases = biases
        return config
    }

    private var biases: DecoderBiases? {
        switch (attentionBias ?? false, mlpBias ?? false) {
        case (false, false): nil
        case (true, false): .attention
        case (false, true): .feedForward
        case (true, true): .everywhere
        }
    }

    /// The rotation in either spelling, which must not contradict each other.
    private func rotary(
        contextLength: Int
    ) throws(ModelError) -> (theta: Double, stretch: PublishedRotaryConfig.Stretch) {
        var thetas = [("rope_theta", ropeTheta)]
        var found: (name: String, stretch: PublishedRotaryConfig.Stretch)?
        for (name, settings) in [("rope_scaling", ropeScaling), ("rope_parameters", ropeParameters)] {
            guard var settings else { continue }
            thetas.append(("\(name).rope_theta", settings.ropeTheta))
            settings.originalMaxPositionEmbeddings =
                originalMaxPositionEmbeddings ?? settings.originalMaxPositionEmbeddings
            let stretch = try settings.stretch(named: name, contextLength: contextLength)
            if let found, found.stretch != stretch {
                throw ModelError(
                    message:
                        "the language model's \(found.name) and \(name) scale positions differently; keep the one that "
                        + "it was trained with")
            }
            found = (name, stretch)
        }
        let known = thetas.compactMap { name, value in value.map { (name: name, value: $0) } }
        if let first = known.first, let other = known.first(where: { $0.value != first.value }) {
            throw ModelError(
                message:
                    "the language model's \(first.name) is \(first.value), but \(other.name) is \(other.value); keep the "
                    + "one that it was trained with")
        }
        return (known.first?.value ?? 10_000, found?.stretch ?? PublishedRotaryConfig.Stretch())
    }
}

extension PublishedDecoderConfig {
    /// Its keys.
    static let keys = PublishedKeys(
        part: "language model",
        read: [
            "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
            "num_key_value_heads", "head_dim", "max_position_embeddings", "original_max_position_embeddings",
            "rms_norm_eps", "rope_theta", "tie_word_embeddings", "hidden_act", "attention_bias", "mlp_bias",
        ],
        switches: [
            "sliding_window": .nothing, "use_sliding_window": .bool(false), "layer_types": .text(["full_attention"]),
            "attn_logit_softcapping": .nothing, "final_logit_softcapping": .nothing, "query_pre_attn_scalar": .nothing,
            "logit_scale": .number(1), "logits_scaling": .number(1), "residual_multiplier": .number(1),
            "embedding_multiplier": .number(1), "attention_multiplier": .nothing, "partial_rotary_factor": .number(1),
            "rotary_pct": .number(1), "clip_qkv": .nothing, "qk_layernorm": .bool(false), "qk_norm": .bool(false),
            "use_qk_norm": .bool(false), "rope_interleaved": .bool(false), "rope_interleave": .bool(false),
            "no_rope_layers": .nothing, "use_logn_attn": .bool(false), "use_dynamic_ntk": .bool(false),
            "alibi": .bool(false), "use_parallel_residual": .bool(false), "num_local_experts": .nothing,
            "num_experts": .nothing, "lm_head_bias": .bool(false), "normalize_embedding": .bool(false),
        ],
        // Of training, of memory, or the same sum in pieces.
        harmless: [
            "attention_dropout", "hidden_dropout", "attn_pdrop", "initializer_range", "pretraining_tp", "use_cache",
            "max_sequence_length", "max_window_layers", "rope_scaling_type",
        ],
        objects: ["rope_scaling": PublishedRotaryConfig.keys, "rope_parameters": PublishedRotaryConfig.keys])
}
