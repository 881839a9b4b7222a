import NN

extension MPLUGOwl {
    /// The shape of an mPLUG-Owl; the defaults are the published 7B model.
    public struct Config: Sendable, Hashable, Codable {
        public var visionEncoder = OwlVisionTransformer.Config(imageSize: 224)
        public var abstractor = VisualAbstractor.Config()
        public var languageModel = LLaMADecoder.Config.llama7B
        /// Which language model has that shape.
        public var languageModelKind = TextDecoderKind.llama

        /// What recipes state; which language model it is, only published files say.
        enum CodingKeys: String, CodingKey, CaseIterable {
            case visionEncoder, abstractor, languageModel
        }

        public init() {}

        /// Whether it reads clips: the encoder's temporal modules, and queries and a projection for time.
        public var isVideo: Bool {
            get { visionEncoder.isTemporal }
            set { visionEncoder.isTemporal = newValue }
        }

        /// Checks that the numbers describe a model that can be built.
        ///
        /// - Throws: ``ModelError`` that names the first value out of its range, and the range.
        public func validate() throws(ModelError) {
            try visionEncoder.validate()
            try abstractor.validate(featureWidth: visionEncoder.hiddenSize)
            try languageModel.validate()
        }
    }
}

extension MPLUGOwl2 {
    /// The shape of an mPLUG-Owl2; the defaults are the published 7B model.
    public struct Config: Sendable, Hashable, Codable {
        public var visionEncoder = OwlVisionTransformer.Config(imageSize: 448)
        public var abstractor: VisualAbstractor.Config
        public var languageModel = LLaMADecoder.Config.llama7B
        /// Whether norms, keys and values exist twice; without, the decoder is a plain LLaMA under the same names: the
        /// control of the paper's ablation, of which nothing was published.
        public var isModalityAdaptive = true
        /// Whether the abstractor's positions are tables of the checkpoint; otherwise they are recomputed.
        public var storesPositions = false

        /// What recipes state; whether tables are stored, only weights say.
        enum CodingKeys: String, CodingKey, CaseIterable {
            case visionEncoder, abstractor, languageModel, isModalityAdaptive
        }

        public init() {
            abstractor = VisualAbstractor.Config()
            abstractor.positionGrid = visionEncoder.gridSize
        }

        /// Checks that the numbers describe a model that can be built.
        ///
        /// - Throws: ``ModelError`` that names the first value out of its range, and the range.
        public func validate() throws(ModelError) {
            try visionEncoder.validate()
            try abstractor.validate(featureWidth: visionEncoder.hiddenSize)
            try languageModel.validate()
            guard abstractor.positionGrid == visionEncoder.gridSize else {
                throw ModelError(
                    message:
                        "the abstractor's grid_size is \(abstractor.positionGrid ?? 0), but the encoder makes a grid of "
                        + "\(visionEncoder.gridSize); set grid_size to image_size / patch_size")
            }
        }
    }
}

extension LLaMADecoder.Config {
    /// LLaMA 7B with the epsilon that both systems were published with.
    static var llama7B: LLaMADecoder.Config {
        LLaMADecoder.Config(
            vocabularySize: 32_000, hiddenSize: 4096, intermediateSize: 11_008, layerCount: 32, headCount: 32,
            contextLength: 2048, normEpsilon: 1e-6, ropeLayout: .halfSplit, tiesEmbeddings: false)
    }
}

extension OwlVisionTransformer.Config {
    func validate() throws(ModelError) {
        let part = "vision encoder"
        try ConfigCheck.check("\(part) image_size", imageSize, 1...16_384)
        try ConfigCheck.check("\(part) patch_size", patchSize, 1...imageSize)
        try ConfigCheck.check("\(part) hidden_size", hiddenSize, 2...65_536)
        try ConfigCheck.check("\(part) intermediate_size", intermediateSize, 1...1_048_576)
        try ConfigCheck.check("\(part) num_hidden_layers", layerCount, 1...1024)
        try ConfigCheck.check("\(part) num_attention_heads", headCount, 1...1024)
        try ConfigCheck.divides("\(part) hidden_size", hiddenSize, "num_attention_heads", headCount)
        try ConfigCheck.check(positive: "\(part) layer_norm_eps", normEpsilon)
    }
}

extension VisualAbstractor.Config {
    func validate(featureWidth: Int) throws(ModelError) {
        let part = "abstractor"
        try ConfigCheck.check("\(part) number of queries", queryCount, 1...65_536)
        // Queries and features stand in one sequence, so the published code needs equal widths too.
        try ConfigCheck.check("\(part) hidden_size", hiddenSize, featureWidth...featureWidth)
        try ConfigCheck.check("\(part) intermediate_size", intermediateSize, 1...1_048_576)
        try ConfigCheck.check("\(part) num_hidden_layers", layerCount, 1...1024)
        try ConfigCheck.check("\(part) num_attention_heads", headCount, 1...1024)
        try ConfigCheck.divides("\(part) hidden_size", hiddenSize, "num_attention_heads", headCount)
        if positionGrid != nil {
            try ConfigCheck.divides("\(part) hidden_size", hiddenSize, "the sines and cosines of two axes,", 4)
        }
        try ConfigCheck.check(positive: "\(part) layer_norm_eps", innerNormEpsilon)
    }
}
