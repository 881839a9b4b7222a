public import NN
public import Settings

extension VisionTransformer {
    /// How pixels become patches.
    public enum Stem: Sendable, Hashable, Codable, ConfigChoices {
        /// One convolution whose kernel and stride are the patch size, without bias.
        case patch(size: Int)
        /// 3 x 3 convolutions of stride 2 with these channels, then one to the width.
        case convolutional(channels: [Int])

        public static var choiceNames: [String] { ["patch", "convolutional"] }
    }

    /// Which features a connector reads.
    public enum FeatureLayer: String, Sendable, Hashable, NamedChoice {
        /// The last block's output as it is, as Honeybee does.
        case lastHidden
        /// The last block's output after `post_layernorm`.
        case postNorm
    }

    /// The shape of a vision transformer. Published sizes are static functions.
    ///
    /// | function | checkpoint it describes |
    /// |---|---|
    /// | ``largePatch14(imageSize:)`` | OpenAI CLIP ViT-L/14 and ViT-L/14@336, DFN-2B ViT-L/14 |
    /// | ``hugePatch14(imageSize:)`` | DFN-5B ViT-H/14 at 224 and 378 (final encoder of arXiv 2403.09611) |
    public struct Config: Sendable, Hashable, Codable {
        /// Side of the square image, in pixels.
        public var imageSize: Int
        public var stem: Stem
        public var hiddenSize: Int
        public var intermediateSize: Int
        public var layerCount: Int
        public var headCount: Int
        /// QuickGELU or GELU: a property of the checkpoint, not of the architecture.
        public var activation: Activation
        public var normEpsilon: Double
        public var hasClassToken: Bool
        public var hasPreNorm: Bool
        public var featureLayer: FeatureLayer
        /// Width of CLIP's joint space; nil leaves the projection out.
        public var projectionSize: Int?

        public init(
            imageSize: Int, stem: Stem, hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
            activation: Activation = .quickGELU, normEpsilon: Double = 1e-5, hasClassToken: Bool = true,
            hasPreNorm: Bool = true, featureLayer: FeatureLayer = .lastHidden, projectionSize: Int? = nil
        ) {
            self.imageSize = imageSize
            self.stem = stem
            self.hiddenSize = hiddenSize
            self.intermediateSize = intermediateSize
            self.layerCount = layerCount
            self.headCount = headCount
            self.activation = activation
            self.normEpsilon = normEpsilon
            self.hasClassToken = hasClassToken
            self.hasPreNorm = hasPreNorm
            self.featureLayer = featureLayer
            self.projectionSize = projectionSize
        }

        /// Pixels one patch covers along a side.
        public var patchSize: Int {
            switch stem {
            case .patch(let size): size
            case .convolutional(let channels): 1 << (channels.count + 1)
            }
        }

        /// Patches along a side: as in CLIP, pixels beyond the last whole patch are not read. The convolutions of a stem, which
        /// pad by one pixel, round up.
        public var gridSize: Int {
            switch stem {
            case .patch(let size): imageSize / size
            case .convolutional(let channels): (0...channels.count).reduce(imageSize) { side, _ in (side + 1) / 2 }
            }
        }
        /// Patches of an image.
        public var patchCount: Int { gridSize * gridSize }
        /// Rows of the position table.
        public var positionCount: Int { patchCount + (hasClassToken ? 1 : 0) }

        /// ViT-L/14: 24 layers, width 1024, 16 heads of 64; published at 224 and 336 pixels.
        public static func largePatch14(imageSize: Int = 336) -> Config {
            Config(
                imageSize: imageSize, stem: .patch(size: 14), hiddenSize: 1024, intermediateSize: 4096,
                layerCount: 24, headCount: 16, projectionSize: 768)
        }

        /// ViT-H/14: 32 layers, width 1280, 16 heads of 80; published at 224 and 378 pixels.
        public static func hugePatch14(imageSize: Int = 378) -> Config {
            Config(
                imageSize: imageSize, stem: .patch(size: 14), hiddenSize: 1280, intermediateSize: 5120,
                layerCount: 32, headCount: 16, projectionSize: 1024)
        }
    }
}
