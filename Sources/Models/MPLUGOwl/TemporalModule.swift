public import NN
package import Torch

/// mPLUG-Owl video's exchange between the frames of a clip: a bottleneck whose middle is a depthwise convolution over time.
///
/// The patches are normalised, narrowed to half the width, mixed with their neighbours in time, and widened again. The
/// class token comes back unchanged; the caller adds the result to its input, so a class token is doubled in every layer.
/// That is what the published weights were trained with.
public struct TemporalModule: Sendable {
    private let norm: LayerNorm
    private let down, downBias, mix, mixBias, up, upBias: Parameter

    public init(_ hiddenSize: Int, gridSize: Int, at path: ParameterPath) {
        let inner = hiddenSize / 2
        norm = LayerNorm(hiddenSize, epsilon: 1e-5, at: path / "ln")
        func convolution(_ name: String, _ shape: [Int], _ initializer: Initializer) -> (Parameter, Parameter) {
            let place = path / name
            return (
                place.parameter("weight", shape: shape, initializer: initializer),
                place.parameter("bias", shape: [shape[0]], initializer: .zeros)
            )
        }
        (down, downBias) = convolution("down_proj", [inner, hiddenSize, 1, 1, 1], .fanInNormal)
        (mix, mixBias) = convolution("conv", [inner, 1, 3, 1, 1], .fanInNormal)
        (up, upBias) = convolution("up_proj", [hiddenSize, inner, 1, 1, 1], .zeros)
    }

    /// Frames [N * F, 1 + L, W], those of a clip together, to what is added to them.
    func callAsFunction(_ x: Tensor, frameCount: Int) -> Tensor {
        let shape = x.shape
        let patches = norm(x.narrow(dim: 1, start: 1, length: shape[1] - 1))
        // A 1 x 1 x 1 convolution is a linear layer over channels.
        let narrow = linear(patches, down.tensor.flatten(1), downBias.tensor)  // [N * F, L, W/2]
        let clips = narrow.reshape([shape[0] / frameCount, frameCount, shape[1] - 1, narrow.size(2)])
        let mixed = mixedOverTime(clips).quickGELU().reshape(narrow.shape)
        let wide = linear(mixed, up.tensor.flatten(1), upBias.tensor)
        return Tensor.cat([x.narrow(dim: 1, start: 0, length: 1), wide], dim: 1)
    }

    /// A depthwise convolution of three steps over dimension 1 of [N, F, L, C], zeros before the first and after the last.
    ///
    /// Sums in float32 and rounds once: in bfloat16 the sum of three terms and a bias would round at every step.
    package func mixedOverTime(_ input: Tensor) -> Tensor {
        let clips = input.to(.float32)
        let weights = mix.tensor.to(.float32).reshape([-1, 3])  // [C, 3]
        var shape = clips.shape
        let frameCount = shape[1]
        shape[1] = 1
        let nothing = Tensor.zeros(shape, dtype: clips.dtype, device: clips.device)
        let before = Tensor.cat([nothing, clips.narrow(dim: 1, start: 0, length: frameCount - 1)], dim: 1)
        let after = Tensor.cat([clips.narrow(dim: 1, start: 1, length: frameCount - 1), nothing], dim: 1)
        let terms = [before, clips, after].enumerated().map { $1 * weights.select(dim: 1, index: $0) }
        return (terms[0] + terms[1] + terms[2] + mixBias.tensor.to(.float32)).to(input.dtype)
    }
}
