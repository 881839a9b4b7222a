public import NN
public import Settings

/// Which connector joins the encoder to the language model, and its shape.
public enum ConnectorConfig: Sendable, Hashable, Codable, ConfigChoices {
    case averagePool(tokenCount: Int)
    case attentionPool(tokenCount: Int, headCount: Int)
    case cAbstractor(tokenCount: Int, innerWidth: Int, depth: Int, readoutDepth: Int)

    public static var choiceNames: [String] { ["averagePool", "attentionPool", "cAbstractor"] }

    /// Tokens each image becomes.
    public var tokenCount: Int {
        switch self {
        case .averagePool(let count), .attentionPool(let count, _), .cAbstractor(let count, _, _, _): count
        }
    }

    /// Honeybee's C-Abstractor: width 1024, three bottlenecks on either side, two read-out layers.
    public static func honeybee(tokenCount: Int = 144) -> ConnectorConfig {
        .cAbstractor(tokenCount: tokenCount, innerWidth: 1024, depth: 3, readoutDepth: 2)
    }

    /// Declares the connector between `visionEncoder` and a language model of width `hiddenSize`.
    public func make(
        visionEncoder: VisionTransformer.Config, hiddenSize: Int, at path: ParameterPath
    ) -> any Connector {
        switch self {
        case .averagePool(let count):
            AveragePoolConnector(
                tokenCount: count, inputGrid: visionEncoder.gridSize, visionWidth: visionEncoder.hiddenSize,
                hiddenSize: hiddenSize, at: path)
        case .attentionPool(let count, let heads):
            AttentionPoolConnector(
                tokenCount: count, headCount: heads, visionWidth: visionEncoder.hiddenSize, hiddenSize: hiddenSize,
                at: path)
        case .cAbstractor(let count, let width, let depth, let readoutDepth):
            CAbstractor(
                tokenCount: count, inputGrid: visionEncoder.gridSize, visionWidth: visionEncoder.hiddenSize,
                innerWidth: width, hiddenSize: hiddenSize, depth: depth, readoutDepth: readoutDepth, at: path)
        }
    }
}
