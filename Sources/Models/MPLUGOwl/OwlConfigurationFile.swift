import NN

// The JSON objects that the published `config.json` files are made of. Keys left out have the published classes' defaults;
// keys that do not bear on the numbers are ignored.

/// LLaMA's keys: `text_config` of mPLUG-Owl, the top level of mPLUG-Owl2.
struct OwlTextConfiguration: Codable {
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
    }

    var decoder: LLaMADecoder.Config {
        let heads = numAttentionHeads ?? 32
        return LLaMADecoder.Config(
            vocabularySize: vocabSize ?? 32_000, hiddenSize: hiddenSize ?? 4096,
            intermediateSize: intermediateSize ?? 11_008, layerCount: numHiddenLayers ?? 32, headCount: heads,
            keyValueHeadCount: numKeyValueHeads, headSize: (hiddenSize ?? 4096) / max(1, heads),
            contextLength: maxPositionEmbeddings ?? 2048, normEpsilon: rmsNormEps ?? 1e-6,
            ropeTheta: ropeTheta ?? 10_000, ropeLayout: .halfSplit, tiesEmbeddings: tieWordEmbeddings ?? false)
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
    var hiddenAct: Activation?
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
        hiddenAct = config.activation
        layerNormEps = config.normEpsilon
        useClsToken = config.hasClassToken
        usePostLayernorm = config.hasPostNorm
    }

    func encoder(imageSize published: Int) -> OwlVisionTransformer.Config {
        var config = OwlVisionTransformer.Config(imageSize: imageSize ?? published)
        config.patchSize = patchSize ?? config.patchSize
        config.hiddenSize = hiddenSize ?? config.hiddenSize
        config.intermediateSize = intermediateSize ?? config.intermediateSize
        config.layerCount = numHiddenLayers ?? config.layerCount
        config.headCount = numAttentionHeads ?? config.headCount
        config.activation = hiddenAct ?? config.activation
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
