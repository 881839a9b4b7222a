public import NN
public import Torch

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// Shapes: N images, Q queries, S features of an image, W width, D width of the language model.

/// mPLUG-Owl's visual abstractor: learned queries read an image's features in six layers of cross-attention.
///
/// In every layer keys and values are the normalised queries followed by the normalised features; the residual starts
/// from the *normalised* query; the feed-forward is SwiGLU with a layer norm before its last projection. mPLUG-Owl2 adds
/// fixed sine-cosine positions to queries and keys. Names follow `MplugOwlVisualAbstractorModel` of the published code.
public struct VisualAbstractor: Sendable {
    /// The shape of the abstractor; the defaults are those of the published 7B models.
    public struct Config: Sendable, Hashable, Codable {
        public var queryCount = 64
        /// The queries' width, which must be the features' too: both stand in one sequence.
        public var hiddenSize = 1024
        public var intermediateSize = 2816
        public var layerCount = 6
        public var headCount = 16
        /// Of the norm inside the feed-forward; the others use 1e-5 whatever the configuration says.
        public var innerNormEpsilon = 1e-6
        /// Patches along a side of the fixed position table (mPLUG-Owl2); nil for no positions (mPLUG-Owl).
        public var positionGrid: Int?
        /// Whether the features begin with a class token, which the position table then leaves at zero.
        public var hasClassToken = true

        public init() {}
    }

    public let config: Config
    private let layers: [Layer]
    private let positions: SineCosinePositions?

    /// - Parameter storesPositions: whether each layer reads its tables from the checkpoint, as the published code does where
    ///   one has them; otherwise they are recomputed.
    public init(_ config: Config, storesPositions: Bool = false, at path: ParameterPath) {
        self.config = config
        positions = config.positionGrid.map {
            SineCosinePositions(
                width: config.hiddenSize, queryCount: config.queryCount, grid: $0, hasClassToken: config.hasClassToken)
        }
        let shapes = storesPositions ? positions.map { ($0.queries.shape, $0.keys.shape) } : nil
        layers = (0..<config.layerCount).map {
            Layer(config, positions: shapes, at: path / "encoder" / "layers" / $0 / "crossattention")
        }
    }

    /// Whether a tensor of a checkpoint is one of the position tables.
    static func isPositionTable(_ name: String) -> Bool {
        name.hasSuffix("attention.q_pos_embed") || name.hasSuffix("attention.k_pos_embed")
    }

    /// What the queries [1 or N, Q, W] become after reading features [N, S, W]: [N, Q, W].
    public func callAsFunction(queries: Tensor, features: Tensor) -> Tensor {
        var x = queries.expand([features.size(0), queries.size(1), config.hiddenSize])
        let tables = positions.map {
            (queries: $0.queries.to(x.device).to(x.dtype), keys: $0.keys.to(x.device).to(x.dtype))
        }
        for layer in layers { x = layer(x, features: features, positions: layer.stored(x.dtype) ?? tables) }
        return x
    }

    private struct Layer: Sendable {
        private let queryNorm, featureNorm, feedForwardNorm: LayerNorm
        private let query, key, value, output: Linear
        private let feedForward: InnerNormSwiGLU
        private let heads: AttentionHeads
        /// The published buffers: the queries' table [Q, W] and the features' [S, W].
        private let tables: (queries: Parameter, features: Parameter)?

        init(_ config: Config, positions: (queries: [Int], keys: [Int])?, at path: ParameterPath) {
            tables = positions.map { shapes in
                let attention = path / "attention", count = shapes.keys[0] - shapes.queries[0]
                return (
                    attention.buffer("q_pos_embed", shape: shapes.queries, initializer: .zeros),
                    attention.buffer("k_pos_embed", shape: [count, shapes.keys[1]], initializer: .zeros)
                )
            }
            let width = config.hiddenSize
            func projection(_ place: ParameterPath) -> Linear {
                Linear(width, width, bias: true, at: place, initializer: .normal(0.02))
            }
            heads = AttentionHeads(headCount: config.headCount, headSize: width / config.headCount)
            query = projection(path / "attention" / "query")
            key = projection(path / "attention" / "key")
            value = projection(path / "attention" / "value")
            output = projection(path / "output" / "out_proj")
            feedForwardNorm = LayerNorm(width, epsilon: 1e-5, at: path / "output" / "norm2")
            feedForward = InnerNormSwiGLU(
                width, config.intermediateSize, epsilon: config.innerNormEpsilon, at: path / "output" / "mlp")
            queryNorm = LayerNorm(width, epsilon: 1e-5, at: path / "norm1")
            featureNorm = LayerNorm(width, epsilon: 1e-5, at: path / "normk")
        }

        /// The tables of the checkpoint, as a layer adds them; nil where they are recomputed.
        func stored(_ dtype: DType) -> (queries: Tensor, keys: Tensor)? {
            tables.map { tables in
                let queries = tables.queries.tensor.to(dtype)
                return (queries, Tensor.cat([queries, tables.features.tensor.to(dtype)], dim: 0))
            }
        }

        func callAsFunction(
            _ x: Tensor, features: Tensor, positions: (queries: Tensor, keys: Tensor)?
        ) -> Tensor {
            let normed = queryNorm(x)
            let sources = Tensor.cat([normed, featureNorm(features)], dim: 1)  // [N, Q + S, W]
            let attended = heads(
                queries: query(positions.map { normed + $0.queries } ?? normed),
                keys: key(positions.map { sources + $0.keys } ?? sources), values: value(sources), mask: .full)
            let h = normed + output(attended)
            return h + feedForward(feedForwardNorm(h))
        }
    }

    /// w2(norm(silu(w1 x) * w3 x)), with biases.
    private struct InnerNormSwiGLU: Sendable {
        private let gate, down, up: Linear
        private let norm: LayerNorm

        init(_ width: Int, _ innerWidth: Int, epsilon: Double, at path: ParameterPath) {
            let start = Initializer.normal(0.02)
            gate = Linear(width, innerWidth, bias: true, at: path / "w1", initializer: start)
            down = Linear(innerWidth, width, bias: true, at: path / "w2", initializer: start)
            up = Linear(width, innerWidth, bias: true, at: path / "w3", initializer: start)
            norm = LayerNorm(innerWidth, epsilon: epsilon, at: path / "ffn_ln")
        }

        func callAsFunction(_ x: Tensor) -> Tensor { down(norm(swiGLU(gate: gate(x), up: up(x)))) }
    }
}

/// The fixed position tables of mPLUG-Owl2's abstractor, recomputed in float32: the published checkpoint holds none.
///
/// Folders that the published code saved again do, rounded where it computed in 16 bit; it then reads those.
///
/// The queries count 0, 1, 2, ...; a patch's first half says its column, its second half its row (MAE's order).
package struct SineCosinePositions: Sendable {
    /// float32[Q, W].
    package let queries: Tensor
    /// float32[Q + S, W]: the queries' rows, then the features'; zeros for the class token.
    package let keys: Tensor

    package init(width: Int, queryCount: Int, grid: Int, hasClassToken: Bool) {
        let table = (0..<queryCount).flatMap { Self.row(Float($0), width: width) }
        queries = Tensor(table, shape: [queryCount, width])
        var features = hasClassToken ? [Float](repeating: 0, count: width) : []
        for row in 0..<grid {
            for column in 0..<grid {
                features += Self.row(Float(column), width: width / 2) + Self.row(Float(row), width: width / 2)
            }
        }
        keys = Tensor.cat([queries, Tensor(features, shape: [features.count / width, width])], dim: 0)
    }

    /// The sines, then the cosines, of a position at `width / 2` frequencies 10000^(-2j / width).
    private static func row(_ position: Float, width: Int) -> [Float] {
        let half = width / 2
        let angles = (0..<half).map { position * (1 / powf(10_000, Float($0) / Float(half))) }
        return angles.map { sinf($0) } + angles.map { cosf($0) }
    }
}
