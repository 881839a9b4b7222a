public import NN
public import Torch

/// Attention pooling (arXiv 2403.09611, section 3.1): learned queries attend to the patches.
///
/// The paper leaves the block open. This is AXLearn's `AttentionPooling` (`axlearn/common/poolings.py`): cross-attention
/// whose queries are normalised and whose source is not, then a pre-norm feed-forward, each added to its input.
public struct AttentionPoolConnector: Connector {
    public let tokenCount: Int
    private let headCount, hiddenSize: Int
    private let queries: Parameter
    private let attentionNorm, feedForwardNorm: LayerNorm
    private let query, key, value, output: Linear
    private let expand, contract: Linear

    public init(tokenCount: Int, headCount: Int, visionWidth: Int, hiddenSize: Int, at path: ParameterPath) {
        self.tokenCount = tokenCount
        self.headCount = headCount
        self.hiddenSize = hiddenSize
        queries = path.parameter(
            "query_weight", shape: [tokenCount, hiddenSize],
            initializer: .normal(1 / Double(hiddenSize).squareRoot()))
        let cross = path / "cross_attention"
        attentionNorm = LayerNorm(hiddenSize, at: cross / "norm")
        query = Linear(hiddenSize, hiddenSize, bias: true, at: cross / "attention" / "q_proj")
        key = Linear(visionWidth, hiddenSize, bias: true, at: cross / "attention" / "k_proj")
        value = Linear(visionWidth, hiddenSize, bias: true, at: cross / "attention" / "v_proj")
        output = Linear(hiddenSize, hiddenSize, bias: true, at: cross / "attention" / "o_proj")
        let feedForward = path / "feed_forward"
        feedForwardNorm = LayerNorm(hiddenSize, at: feedForward / "norm")
        expand = Linear(hiddenSize, 4 * hiddenSize, bias: true, at: feedForward / "linear1")
        contract = Linear(4 * hiddenSize, hiddenSize, bias: true, at: feedForward / "linear2")
    }

    public func callAsFunction(_ features: Tensor) -> Tensor {
        let images = features.size(0)
        func heads(_ x: Tensor) -> Tensor {
            x.reshape([images, -1, headCount, hiddenSize / headCount]).transpose(1, 2)
        }
        var x = queries.tensor.unsqueeze(0).expand([images, tokenCount, hiddenSize])
        let attended = attention(heads(query(attentionNorm(x))), heads(key(features)), heads(value(features)))
        x = x + output(attended.transpose(1, 2).reshape([images, tokenCount, hiddenSize]))
        return x + contract(expand(feedForwardNorm(x)).gelu())
    }
}
