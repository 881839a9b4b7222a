public import NN
public import Torch

/// The float32 truth of every parameter, beside the working copies that the model computes with.
///
/// In float32 runs both are the same memory. In bfloat16 runs each update happens on the masters and is copied to the
/// working copies: bfloat16 alone would lose updates smaller than 1/256 of a weight.
public final class MasterWeights {
    /// The model's parameters, in declaration order; frozen ones and buffers included.
    public let parameters: [Parameter]
    /// float32, one for each parameter (other dtypes for parameters that are not floating-point).
    public let masters: [Tensor]
    /// What the model computes in: float32 or bfloat16.
    public let computeDType: DType
    public let device: Device

    /// Takes over the filled parameters of `store` and installs working copies of `computeDType` on `device`.
    public init(_ store: ParameterStore, computeDType: DType, device: Device = .cpu) {
        parameters = store.parameters
        self.computeDType = computeDType
        self.device = device
        masters = withoutGrad {
            store.parameters.map { parameter in
                let values = parameter.tensor.detach()
                let master = values.dtype.isFloatingPoint ? values.to(.float32).to(device) : values.to(device)
                // A private copy: the values may be a read-only mapped file.
                return master.clone()
            }
        }
        withoutGrad {
            for (parameter, master) in zip(parameters, masters) { parameter.replace(with: workingCopy(of: master)) }
        }
    }

    private func workingCopy(of master: Tensor) -> Tensor {
        master.dtype.isFloatingPoint && computeDType != .float32 ? master.to(computeDType) : master
    }

    private var hasCopies: Bool { computeDType != .float32 }

    /// Indices of the parameters that training changes, as frozen at this moment.
    public var trainableIndices: [Int] { parameters.indices.filter { parameters[$0].isTrainable } }

    /// Copies masters over the working copies of the parameters at `indices`.
    func publish(_ indices: [Int]) {
        guard hasCopies else { return }
        let floating = indices.filter { masters[$0].dtype.isFloatingPoint }
        withoutGrad {
            Tensor.foreachCopy_(floating.map { parameters[$0].tensor.detach() }, floating.map { masters[$0] })
        }
    }

    /// The masters by name: what checkpoints hold. Shares memory with the run.
    public var stateDict: StateDict { StateDict(zip(parameters, masters).map { ($0.name, $1) }) }

    /// Copies saved weights over masters and working copies.
    ///
    /// - Throws: `TrainingError` if a name is missing or a shape differs; nothing is changed then.
    public func restore(_ saved: (String) -> Tensor?) throws {
        var sources: [Tensor] = []
        for (parameter, master) in zip(parameters, masters) {
            guard let source = saved(parameter.name) else {
                throw TrainingError(
                    "the checkpoint lacks '\(parameter.name)'; it was saved by another recipe or another version")
            }
            guard source.shape == master.shape else {
                throw TrainingError(
                    "the checkpoint's '\(parameter.name)' has shape \(source.shape), this recipe's model needs \(master.shape)"
                )
            }
            sources.append(source)
        }
        withoutGrad {
            for (master, source) in zip(masters, sources) { master.copy_(source) }
        }
        publish(Array(parameters.indices))
    }

    /// Installs the float32 masters in the model: for saving, or for use after training.
    public func installMasters() {
        withoutGrad {
            for (parameter, master) in zip(parameters, masters) { parameter.replace(with: master) }
        }
    }
}

/// Collects gradients over the micro-batches of a step, in float32.
final class GradientAccumulator {
    private let weights: MasterWeights
    private let indices: [Int]
    private var sums: [Tensor?]

    init(_ weights: MasterWeights, indices: [Int]) {
        self.weights = weights
        self.indices = indices
        sums = Array(repeating: nil, count: indices.count)
    }

    /// Adds what the last backward pass left on the working copies and removes it there.
    ///
    /// One after the other, so that gradients in the compute dtype are freed as their float32 copies are made.
    func collect() {
        withoutGrad {
            var added: (to: [Tensor], from: [Tensor]) = ([], [])
            for (position, index) in indices.enumerated() {
                let tensor = weights.parameters[index].tensor
                guard let gradient = tensor.grad else { continue }
                tensor.setGrad(nil)
                if let sum = sums[position] {
                    added.to.append(sum)
                    added.from.append(gradient)
                } else {
                    sums[position] = gradient.to(.float32)  // a float32 gradient was made for us alone
                }
            }
            if !added.to.isEmpty { Tensor.foreachAdd_(added.to, added.from) }
        }
    }

    /// The gradient of each trainable parameter; nil where no micro-batch reached it.
    var gradients: [Tensor?] { sums }

    func clear() {
        for position in sums.indices { sums[position] = nil }
        for index in indices { weights.parameters[index].tensor.setGrad(nil) }
    }
}
