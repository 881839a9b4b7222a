public import Settings
public import Torch

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Rotary position embedding (Su et al., 2021): angles of position p and pair i are p theta^(-2i/D).
public struct RotaryEmbedding: Sendable {
    /// Which coordinates of a head form a rotated pair.
    public enum Layout: String, Sendable, Hashable, NamedChoice {
        /// (2i, 2i + 1), as GPT-J and AXLearn do.
        case interleaved
        /// (i, i + D/2), as Hugging Face's Llama does.
        case halfSplit = "half_split"
    }

    public let headSize: Int
    public let theta: Double
    public let layout: Layout
    /// What positions are divided by: linear scaling (Chen et al., 2023) stretches a context; 1 leaves them as they are.
    public let scalingFactor: Double
    /// What else stretches a context; nil for the frequencies as they are.
    public let bands: RotaryBands?

    public init(
        headSize: Int, theta: Double, layout: Layout, scalingFactor: Double = 1, bands: RotaryBands? = nil
    ) {
        precondition(headSize % 2 == 0, "rotary embedding needs an even head size, not \(headSize)")
        self.headSize = headSize
        self.theta = theta
        self.layout = layout
        self.scalingFactor = scalingFactor
        self.bands = bands
    }

    /// The tables of a forward pass, shared by all layers.
    public struct Tables: Sendable {
        /// Cosines and sines, [B, 1, T, D/2].
        let cosine, sine: Tensor
        let layout: Layout

        /// Rotates queries or keys [B, H, T, D].
        public func callAsFunction(_ x: Tensor) -> Tensor {
            rotary(x, cosine: cosine, sine: sine, interleaved: layout == .interleaved)
        }
    }

    /// The tables for positions int64[B, T]; angles are computed in float32 and rounded to `dtype`.
    public func tables(for positionIDs: Tensor, dtype: DType) -> Tables {
        withoutGrad {
            let frequencies = Tensor(frequencies.map { Float($0) }).to(positionIDs.device)
            let positions = positionIDs.to(.float32)
            let scaled = scalingFactor == 1 ? positions : positions / scalingFactor
            let angles = (scaled.unsqueeze(-1) * frequencies).unsqueeze(1)  // [B, 1, T, D/2]
            let factor = bands?.attentionFactor ?? 1
            func table(_ values: Tensor) -> Tensor { (factor == 1 ? values : values * factor).to(dtype) }
            return Tables(cosine: table(angles.cos()), sine: table(angles.sin()), layout: layout)
        }
    }

    /// Radians a position of every pair.
    private var frequencies: [Double] {
        let plain = (0..<headSize / 2).map { 1 / pow(theta, Double(2 * $0) / Double(headSize)) }
        return bands?.frequencies(plain, theta: theta) ?? plain
    }
}
