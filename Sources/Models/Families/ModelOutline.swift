/// The parts of a model and their sizes, for plans, checks and reports that serve every family.
public struct ModelOutline: Sendable, Hashable {
    /// A stack of transformer layers; of no layers where a part has another form.
    public struct Stack: Sendable, Hashable {
        public var layerCount: Int
        public var hiddenSize: Int
        public var intermediateSize: Int

        public init(layerCount: Int, hiddenSize: Int, intermediateSize: Int) {
            self.layerCount = layerCount
            self.hiddenSize = hiddenSize
            self.intermediateSize = intermediateSize
        }
    }

    /// What reads images.
    public struct ImageEncoder: Sendable, Hashable {
        /// Name prefix of its parameters.
        public var prefix: String
        public var layers: Stack
        /// Side of the square images it reads, in pixels.
        public var imageSize: Int
        /// Positions an image has inside it.
        public var patchCount: Int
        /// Positions an image takes among the text.
        public var tokenCount: Int

        public init(prefix: String, layers: Stack, imageSize: Int, patchCount: Int, tokenCount: Int) {
            self.prefix = prefix
            self.layers = layers
            self.imageSize = imageSize
            self.patchCount = patchCount
            self.tokenCount = tokenCount
        }

        /// Bytes of one image at the model's size, float32.
        public var imageBytes: Int { 3 * imageSize * imageSize * 4 }
    }

    /// What reads and writes text.
    public struct Decoder: Sendable, Hashable {
        /// Name prefixes of its parameters without embedding and head: the N of the learning-rate law.
        public var body: [String]
        public var layers: Stack
        public var vocabularySize: Int
        /// The most positions of one sequence.
        public var contextLength: Int

        public init(body: [String], layers: Stack, vocabularySize: Int, contextLength: Int) {
            self.body = body
            self.layers = layers
            self.vocabularySize = vocabularySize
            self.contextLength = contextLength
        }
    }

    /// Name prefixes of the parts that audits and reports tell apart; the longest matching one counts.
    public var parts: [String]
    public var imageEncoder: ImageEncoder
    public var decoder: Decoder

    public init(parts: [String], imageEncoder: ImageEncoder, decoder: Decoder) {
        self.parts = parts
        self.imageEncoder = imageEncoder
        self.decoder = decoder
    }
}

extension ModelOutline.Decoder {
    /// The outline of a ``LLaMADecoder``.
    public init(_ config: LLaMADecoder.Config, body: [String]) {
        self.init(
            body: body,
            layers: .init(
                layerCount: config.layerCount, hiddenSize: config.hiddenSize, intermediateSize: config.intermediateSize),
            vocabularySize: config.vocabularySize, contextLength: config.contextLength)
    }
}

extension ModelOutline.ImageEncoder {
    /// The outline of a ``VisionTransformer``.
    public init(_ config: VisionTransformer.Config, prefix: String, tokenCount: Int) {
        self.init(
            prefix: prefix,
            layers: .init(
                layerCount: config.layerCount, hiddenSize: config.hiddenSize, intermediateSize: config.intermediateSize),
            imageSize: config.imageSize, patchCount: config.gridSize * config.gridSize, tokenCount: tokenCount)
    }
}
