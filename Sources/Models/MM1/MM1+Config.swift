import NN

extension MM1 {
    /// The shape of an MM1.
    public struct Config: Sendable, Hashable, Codable {
        public var visionEncoder: VisionTransformer.Config
        public var connector: ConnectorConfig
        public var languageModel: LLaMADecoder.Config
        /// The token ID that stands where an image token goes.
        public var imagePlaceholder: Int

        enum CodingKeys: String, CodingKey, CaseIterable {
            case visionEncoder, connector, languageModel, imagePlaceholder
        }

        public init(
            visionEncoder: VisionTransformer.Config, connector: ConnectorConfig,
            languageModel: LLaMADecoder.Config, imagePlaceholder: Int
        ) {
            self.visionEncoder = visionEncoder
            self.connector = connector
            self.languageModel = languageModel
            self.imagePlaceholder = imagePlaceholder
        }
    }

    /// A named configuration of the paper or of our own.
    public struct NamedConfig: Sendable {
        public let name: String
        /// What it is, and which of its numbers are the paper's.
        public let summary: String
        /// The decoder's non-embedding parameters the paper gives; nil for our own sizes.
        public let publishedDecoderCount: Double?
        public let config: Config
    }

    /// Every named size. The paper states the encoder, 144 tokens, the context of 4096 and the decoder's parameter count;
    /// the decoder's layers and widths are inferred from AXLearn's public configurations with those counts.
    public static var namedConfigs: [NamedConfig] {
        [
            .init(
                name: "mm1-30b", summary: "final 30B model; decoder shape inferred",
                publishedDecoderCount: 30e9, config: final(decoder(7168, layers: 48, heads: 56))),
            .init(
                name: "mm1-7b", summary: "final 7B model; decoder shape inferred",
                publishedDecoderCount: 6.4e9, config: final(decoder(4096, layers: 32, heads: 32))),
            .init(
                name: "mm1-3b", summary: "final 3B model; decoder shape inferred",
                publishedDecoderCount: 2.9e9, config: final(decoder(3072, layers: 26, heads: 24))),
            .init(
                name: "mm1-ablation-2.9b",
                summary: "encoder ablations: ViT-L/14@336, 144 tokens; decoder shape inferred",
                publishedDecoderCount: 2.9e9, config: ablation(decoder(3072, layers: 26, heads: 24))),
            .init(
                name: "mm1-ablation-1.2b",
                summary: "data and connector ablations: ViT-L/14@336, 144 tokens; decoder shape inferred",
                publishedDecoderCount: 1.2e9, config: ablation(decoder(2048, layers: 24, heads: 32))),
            .init(
                name: "mm1-ablation-302m", summary: "learning-rate grid, 302M; decoder shape inferred",
                publishedDecoderCount: 302e6, config: ablation(decoder(1024, layers: 24, heads: 16))),
            .init(
                name: "mm1-ablation-85m", summary: "learning-rate grid, 85M; decoder shape inferred",
                publishedDecoderCount: 85e6, config: ablation(decoder(768, layers: 12, heads: 12))),
            .init(
                name: "mm1-ablation-9m", summary: "learning-rate grid, 9M; decoder shape a guess",
                publishedDecoderCount: 9e6, config: ablation(decoder(256, layers: 12, heads: 4, intermediateSize: 640))),
            .init(
                name: "mm1-demo", summary: "Syrinx's own six-million-parameter model of `make demo`",
                publishedDecoderCount: nil, config: demo(vocabularySize: 4096, imagePlaceholder: 4)),
        ]
    }

    /// ViT-H/14@378 and Honeybee's C-Abstractor with 144 tokens, as the final models have.
    private static func final(_ languageModel: LLaMADecoder.Config) -> Config {
        compose(.hugePatch14(imageSize: 378), languageModel)
    }

    /// ViT-L/14@336 with 144 tokens, as most ablations have.
    private static func ablation(_ languageModel: LLaMADecoder.Config) -> Config {
        compose(.largePatch14(imageSize: 336), languageModel)
    }

    private static func compose(
        _ visionEncoder: VisionTransformer.Config, _ languageModel: LLaMADecoder.Config
    ) -> Config {
        var visionEncoder = visionEncoder
        // The projection into CLIP's joint space plays no part behind a connector.
        visionEncoder.projectionSize = nil
        return Config(
            visionEncoder: visionEncoder, connector: .honeybee(), languageModel: languageModel,
            imagePlaceholder: languageModel.vocabularySize - 1)
    }

    /// AXLearn's decoder: SwiGLU of width 8/3 D rounded up to 256, interleaved rotary pairs, tied head.
    private static func decoder(
        _ hiddenSize: Int, layers: Int, heads: Int, intermediateSize: Int? = nil
    ) -> LLaMADecoder.Config {
        LLaMADecoder.Config(
            vocabularySize: 32_768, hiddenSize: hiddenSize,
            intermediateSize: intermediateSize ?? swiGLUWidth(hiddenSize),
            layerCount: layers, headCount: heads, contextLength: 4096, ropeLayout: .interleaved,
            tiesEmbeddings: true)
    }

    /// ceil(8/3 D / 256) * 256.
    static func swiGLUWidth(_ hiddenSize: Int) -> Int { (8 * hiddenSize + 3 * 256 - 1) / (3 * 256) * 256 }

    /// The demo's model: 64-pixel images on an 8 x 8 grid, 16 tokens an image, a decoder of four layers.
    ///
    /// As MM1 in kind; smaller in every number. The stem is convolutional because so small an encoder trained for
    /// minutes learns faster with one.
    public static func demo(vocabularySize: Int, imagePlaceholder: Int) -> Config {
        Config(
            visionEncoder: VisionTransformer.Config(
                imageSize: 64, stem: .convolutional(channels: [32, 64]), hiddenSize: 192, intermediateSize: 768,
                layerCount: 4, headCount: 6, activation: .gelu, hasClassToken: false, featureLayer: .postNorm),
            connector: .cAbstractor(tokenCount: 16, innerWidth: 192, depth: 1, readoutDepth: 2),
            languageModel: LLaMADecoder.Config(
                vocabularySize: vocabularySize, hiddenSize: 256, intermediateSize: 768, layerCount: 4, headCount: 8,
                contextLength: 512, ropeLayout: .interleaved, tiesEmbeddings: true),
            imagePlaceholder: imagePlaceholder)
    }
}
