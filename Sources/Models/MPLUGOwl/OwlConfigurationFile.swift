import NN

// The visual objects that the published `config.json` files are made of. Keys left out have the published classes' defaults.

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

    /// Its keys. mPLUG-Owl's published code passes `hidden_act` over; `PublishedDecoderConfig` has the rest.
    static let keys = PublishedKeys(
        part: "vision encoder",
        read: [
            "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size",
            "hidden_act", "layer_norm_eps", "use_cls_token", "use_post_layernorm",
        ],
        switches: ["num_channels": .number(3), "qkv_bias": .bool(true), "attention_bias": .bool(true)],
        harmless: [
            "projection_dim", "attention_dropout", "dropout", "drop_path_rate", "initializer_range",
            "initializer_factor", "use_flash_attn",
        ])

    /// - Throws: ``ModelError`` naming an activation that Syrinx does not have.
    func encoder(imageSize published: Int) throws(ModelError) -> OwlVisionTransformer.Config {
        var config = OwlVisionTransformer.Config(imageSize: imageSize ?? published)
        config.patchSize = patchSize ?? config.patchSize
        config.hiddenSize = hiddenSize ?? config.hiddenSize
        config.intermediateSize = intermediateSize ?? config.intermediateSize
        config.layerCount = numHiddenLayers ?? config.layerCount
        config.headCount = numAttentionHeads ?? config.headCount
        if let hiddenAct {
            guard let activation = Activation(published: hiddenAct) else {
                throw ModelError(
                    message:
                        "the vision encoder's hidden_act is \"\(hiddenAct)\", which is unsupported; give a "
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

    /// Its keys.
    static let keys = PublishedKeys(
        part: "abstractor",
        read: [
            "num_learnable_queries", "hidden_size", "encoder_hidden_size", "intermediate_size", "num_hidden_layers",
            "num_attention_heads", "layer_norm_eps", "use_cls_token", "grid_size",
        ],
        switches: ["add_v2t_pos_emb": .bool(false)],
        harmless: ["attention_probs_dropout_prob", "initializer_range"])

    /// - Parameter intermediateSize: the width found in the weights, which the published configurations misstate.
    /// - Throws: ``ModelError`` for features of another width than the queries.
    func abstractor(intermediateSize found: Int?) throws(ModelError) -> VisualAbstractor.Config {
        var config = VisualAbstractor.Config()
        if let encoderHiddenSize {
            // Queries and features stand in one sequence, in the published code too.
            try ConfigCheck.check(
                "abstractor encoder_hidden_size", encoderHiddenSize,
                (hiddenSize ?? config.hiddenSize)...(hiddenSize ?? config.hiddenSize))
        }
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
