import NN

// The JSON objects that the published `config.json` files are made of. Keys left out have the published classes' defaults;
// keys that do not bear on the numbers are ignored.

/// LLaMA's keys: `text_config` of mPLUG-Owl, the top level of mPLUG-Owl2.
struct OwlTextConfiguration: Codable {
    /// How positions are stretched. Newer files call the type `rope_type`.
    struct RopeScaling: Codable {
        var type: String?
        var ropeType: String?
        var factor: Double?
    }

    /// The language model's of mPLUG-Owl; at the top level, where mPLUG-Owl2 has its keys, it is the system's.
    var modelType: String?
    var vocabSize: Int?
    var hiddenSize: Int?
    var intermediateSize: Int?
    var numHiddenLayers: Int?
    var numAttentionHeads: Int?
    var numKeyValueHeads: Int?
    var maxPositionEmbeddings: Int?
    var rmsNormEps: Double?
    var ropeTheta: Double?
    var tieWordEmbeddings: Bool?
    var hiddenAct: String?
    var attentionBias: Bool?
    var ropeScaling: RopeScaling?

    init(_ config: LLaMADecoder.Config) {
        vocabSize = config.vocabularySize
        hiddenSize = config.hiddenSize
        intermediateSize = config.intermediateSize
        numHiddenLayers = config.layerCount
        numAttentionHeads = config.headCount
        numKeyValueHeads = config.keyValueHeadCount
        maxPositionEmbeddings = config.contextLength
        rmsNormEps = config.normEpsilon
        ropeTheta = config.ropeTheta
        tieWordEmbeddings = config.tiesEmbeddings
        ropeScaling = config.ropeScalingFactor.map { RopeScaling(type: "linear", factor: $0) }
    }

    /// The kind of language model that `model_type` names; LLaMA where it names none, as in the published code.
    ///
    /// - Throws: ``ModelError`` naming a kind that Syrinx does not have.
    func kind() throws(ModelError) -> TextDecoderKind {
        guard let modelType else { return .llama }
        guard let kind = TextDecoderKind(rawValue: modelType) else {
            throw ModelError(
                message:
                    "text_config.model_type is \"\(modelType)\", a language model that Syrinx does not have; give a "
                    + "checkpoint with one of: \(TextDecoderKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return kind
    }

    /// - Throws: ``ModelError`` naming a setting that changes the numbers and that the decoder does not have.
    func decoder() throws(ModelError) -> LLaMADecoder.Config {
        if let hiddenAct, !["silu", "swish"].contains(hiddenAct) {
            throw ModelError(
                message:
                    "the language model's hidden_act is \"\(hiddenAct)\", but Syrinx's LLaMA has silu alone; give a "
                    + "checkpoint that was trained with silu")
        }
        if attentionBias == true {
            throw ModelError(
                message:
                    "the language model's attention_bias is true, but Syrinx's LLaMA has no biases; give a checkpoint "
                    + "without them")
        }
        let heads = numAttentionHeads ?? 32
        return LLaMADecoder.Config(
            vocabularySize: vocabSize ?? 32_000, hiddenSize: hiddenSize ?? 4096,
            intermediateSize: intermediateSize ?? 11_008, layerCount: numHiddenLayers ?? 32, headCount: heads,
            keyValueHeadCount: numKeyValueHeads, headSize: (hiddenSize ?? 4096) / max(1, heads),
            contextLength: maxPositionEmbeddings ?? 2048, normEpsilon: rmsNormEps ?? 1e-6,
            ropeTheta: ropeTheta ?? 10_000, ropeScalingFactor: try ropeScalingFactor(), ropeLayout: .halfSplit,
            tiesEmbeddings: tieWordEmbeddings ?? false)
    }

    /// What positions are divided by; nil for positions as they are.
    private func ropeScalingFactor() throws(ModelError) -> Double? {
        guard let scaling = ropeScaling else { return nil }
        switch scaling.type ?? scaling.ropeType {
        case "linear":
            guard let factor = scaling.factor else {
                throw ModelError(
                    message: "the language model's rope_scaling is linear without a factor; say what divides positions")
            }
            return factor
        // Dynamic scaling begins beyond `max_position_embeddings`, where prompts are refused.
        case "dynamic", "default": return nil
        case let type:
            throw ModelError(
                message:
                    "the language model's rope_scaling has the type \(type.map { "\"\($0)\"" } ?? "null"), which Syrinx "
                    + "does not have; give a checkpoint with linear or dynamic scaling, or with none")
        }
    }
}

/// The encoder's keys: `vision_config`, or `visual_config.visual_model`.
struct OwlVisionConfiguration: Codable {
    var hiddenSize: Int?
    var intermediateSize: Int?
    var numHiddenLayers: Int?
    var numAttentionHeads: Int?
    var imageSize: Int?
    var patchSize: Int?
    var hiddenAct: String?
    var layerNormEps: Double?
    var useClsToken: Bool?
    var usePostLayernorm: Bool?

    init() {}

    init(_ config: OwlVisionTransformer.Config) {
        hiddenSize = config.hiddenSize
        intermediateSize = config.intermediateSize
        numHiddenLayers = config.layerCount
        numAttentionHeads = config.headCount
        imageSize = config.imageSize
        patchSize = config.patchSize
        hiddenAct = config.activation.rawValue
        layerNormEps = config.normEpsilon
        useClsToken = config.hasClassToken
        usePostLayernorm = config.hasPostNorm
    }

    /// - Throws: ``ModelError`` naming an activation that Syrinx does not have.
    func encoder(imageSize published: Int) throws(ModelError) -> OwlVisionTransformer.Config {
        var config = OwlVisionTransformer.Config(imageSize: imageSize ?? published)
        config.patchSize = patchSize ?? config.patchSize
        config.hiddenSize = hiddenSize ?? config.hiddenSize
        config.intermediateSize = intermediateSize ?? config.intermediateSize
        config.layerCount = numHiddenLayers ?? config.layerCount
        config.headCount = numAttentionHeads ?? config.headCount
        if let hiddenAct {
            guard let activation = Activation(rawValue: hiddenAct) else {
                throw ModelError(
                    message:
                        "the vision encoder's hidden_act is \"\(hiddenAct)\", which Syrinx does not have; give a "
                        + "checkpoint with one of: \(Activation.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            config.activation = activation
        }
        config.normEpsilon = layerNormEps ?? config.normEpsilon
        config.hasClassToken = useClsToken ?? true
        config.hasPostNorm = usePostLayernorm ?? true
        return config
    }
}

/// The abstractor's keys: `visual_abstractor_config`, or `visual_config.visual_abstractor`.
struct OwlAbstractorConfiguration: Codable {
    var numLearnableQueries: Int?
    var hiddenSize: Int?
    var encoderHiddenSize: Int?
    var intermediateSize: Int?
    var numHiddenLayers: Int?
    var numAttentionHeads: Int?
    var layerNormEps: Double?
    var useClsToken: Bool?
    var gridSize: Int?

    init() {}

    init(_ config: VisualAbstractor.Config) {
        numLearnableQueries = config.queryCount
        hiddenSize = config.hiddenSize
        encoderHiddenSize = config.hiddenSize
        intermediateSize = config.intermediateSize
        numHiddenLayers = config.layerCount
        numAttentionHeads = config.headCount
        layerNormEps = config.innerNormEpsilon
        useClsToken = config.hasClassToken
        gridSize = config.positionGrid
    }

    /// - Parameter intermediateSize: the width found in the weights, which the published configurations misstate.
    func abstractor(intermediateSize found: Int?) -> VisualAbstractor.Config {
        var config = VisualAbstractor.Config()
        config.queryCount = numLearnableQueries ?? config.queryCount
        config.hiddenSize = hiddenSize ?? config.hiddenSize
        config.intermediateSize = found ?? intermediateSize ?? config.intermediateSize
        config.layerCount = numHiddenLayers ?? config.layerCount
        config.headCount = numAttentionHeads ?? config.headCount
        config.innerNormEpsilon = layerNormEps ?? config.innerNormEpsilon
        config.hasClassToken = useClsToken ?? true
        return config
    }
}
