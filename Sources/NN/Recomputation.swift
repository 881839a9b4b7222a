public import Settings
public import Torch

/// Which activations training keeps between the forward and the backward pass.
public enum Recomputation: String, Hashable, Sendable, NamedChoice {
    /// All of them.
    case none
    /// The inputs of the layers alone; backward computes each layer once more (Chen et al., 2016).
    case layers
}

/// A layer of a stack, which may be computed a second time in backward instead of keeping its activations.
///
/// Whether it is, the pass's ``ForwardContext`` says. The result is that of the layer itself, and so are the gradients.
public struct Recomputable<Layer: Sendable>: Sendable {
    private let layer: Layer
    private let parameters: [Parameter]

    /// - Parameter make: declares the layer at `path`.
    public init(at path: ParameterPath, _ make: (ParameterPath) -> Layer) {
        layer = make(path)
        parameters = path.store.parameters(under: path.prefix)
    }

    /// Applies the layer, never a second time: for passes that leave something behind, such as keys in a cache.
    public func once(_ apply: (Layer) -> Tensor) -> Tensor { apply(layer) }

    /// Applies the layer to `input`.
    ///
    /// - Parameter apply: gives the same result each time, and changes nothing.
    public func callAsFunction(_ input: Tensor, _ apply: @escaping @Sendable (Layer, Tensor) -> Tensor) -> Tensor {
        self(input, resultCount: 1) { [apply($0, $1)] }[0]
    }

    /// Applies the layer to `input`, where it gives several tensors: its output, and terms of the loss.
    ///
    /// - Parameter apply: gives `resultCount` tensors, the same each time, and changes nothing.
    public func callAsFunction(
        _ input: Tensor, resultCount: Int, _ apply: @escaping @Sendable (Layer, Tensor) -> [Tensor]
    ) -> [Tensor] {
        // Without anything to learn in it or before it, nothing would be kept either way.
        let learns = input.requiresGrad || parameters.contains(where: \.isTrainable)
        let context = ForwardContext.current
        guard context.recomputation == .layers, isGradEnabled, learns else { return apply(layer, input) }
        let segment = { @Sendable [layer] (inputs: [Tensor]) in
            // In backward the pass is over: the second time must drop what the first did.
            context.run { apply(layer, inputs[0]) }
        }
        // A frozen embedding gives the first layer an input without gradients, for which nothing would be recorded.
        return checkpoint([input.requiresGrad ? input : input.withGrad()], resultCount: resultCount, segment)
    }
}
