import Digests
public import NN
public import Torch

/// The weights of a run: a float32 master for every parameter that trains, beside the working copy that the model computes
/// with, and nothing but the working copy for the others.
///
/// In float32 runs master and copy are the same memory. In bfloat16 runs each update happens on the masters and is copied
/// to the working copies: bfloat16 alone would lose updates smaller than 1/256 of a weight. What never changes has nothing
/// to lose: it lies in memory once, in the compute dtype, and stays in a mapped checkpoint whose dtype that is.
public final class MasterWeights {
    /// The model's parameters, in declaration order; frozen ones and buffers included.
    public let parameters: [Parameter]
    /// float32, one for each parameter; nil for those that nothing changes.
    public private(set) var masters: [Tensor?]
    /// What the model computes in: float32 or bfloat16.
    public let computeDType: DType
    public let device: Device
    private var frozen: [Int: String] = [:]

    /// Takes over the filled parameters of `store` and installs working copies of `computeDType` on `device`.
    ///
    /// - Parameter changing: names of the parameters that get a master, at full precision; nil for those that are trainable
    ///   now. One that is trained all the same later gets its master from its working copy then.
    public init(
        _ store: ParameterStore, changing: Set<String>? = nil, computeDType: DType, device: Device = .cpu
    ) {
        parameters = store.parameters
        masters = Array(repeating: nil, count: store.parameters.count)
        self.computeDType = computeDType
        self.device = device
        withoutGrad {
            // One after the other, so that what a parameter held before is freed at once.
            for (index, parameter) in parameters.enumerated() {
                if changing?.contains(parameter.name) ?? parameter.isTrainable {
                    makeMaster(index)
                } else {
                    let values = parameter.tensor.detach()
                    let isFloating = values.dtype.isFloatingPoint
                    parameter.replace(with: (isFloating ? values.to(computeDType) : values).to(device))
                }
            }
        }
    }

    private func makeMaster(_ index: Int) {
        let values = parameters[index].tensor.detach()
        let converted = values.to(.float32).to(device)
        // A private one: the values may be a read-only mapped file.
        let master = values.dtype == .float32 && values.device == device ? values.clone() : converted
        masters[index] = master
        parameters[index].replace(with: computeDType == .float32 ? master : master.to(computeDType))
    }

    /// Makes the masters that trainable parameters lack, from their working copies.
    func makeMissingMasters() {
        withoutGrad {
            for index in trainableIndices where masters[index] == nil {
                makeMaster(index)
                frozen[index] = nil
            }
        }
    }

    /// Indices of the parameters that training changes, as frozen at this moment.
    public var trainableIndices: [Int] { parameters.indices.filter { parameters[$0].isTrainable } }

    /// Copies masters over the working copies of the parameters at `indices`.
    func publish(_ indices: [Int]) {
        guard computeDType != .float32 else { return }
        let pairs = indices.compactMap { index in masters[index].map { (parameters[index].tensor.detach(), $0) } }
        if pairs.isEmpty { return }
        withoutGrad { Tensor.foreachCopy_(pairs.map(\.0), pairs.map(\.1)) }
    }

    /// The truest values there are of the parameter at `index`: its master, or its only copy.
    func values(_ index: Int) -> Tensor { masters[index] ?? parameters[index].tensor.detach() }

    /// Every parameter's truest values by name: what a trained model's folder holds. Shares memory with the run.
    public var stateDict: StateDict { StateDict(parameters.indices.map { (parameters[$0].name, values($0)) }) }

    /// The masters by name: what checkpoints hold. Shares memory with the run.
    public var trainedStateDict: StateDict {
        StateDict(parameters.indices.compactMap { index in masters[index].map { (parameters[index].name, $0) } })
    }

    /// Copies saved weights over masters and working copies; what has no master is not asked for.
    ///
    /// - Throws: `TrainingError` if a name is missing or a shape differs; nothing is changed then.
    public func restore(_ saved: (String) -> Tensor?) throws {
        var pairs: [(master: Tensor, source: Tensor)] = []
        for (parameter, master) in zip(parameters, masters) {
            guard let master else { continue }
            guard let source = saved(parameter.name) else {
                throw TrainingError(
                    "the checkpoint has no '\(parameter.name)'; another recipe or another version saved it")
            }
            guard source.shape == master.shape else {
                throw TrainingError(
                    "the checkpoint's '\(parameter.name)' has shape \(source.shape), this recipe's model needs \(master.shape)"
                )
            }
            pairs.append((master, source))
        }
        withoutGrad {
            for (master, source) in pairs { master.copy_(source) }
        }
        publish(Array(parameters.indices))
    }
}

// MARK: - Fingerprints

extension MasterWeights {
    /// The SHA-256 of each parameter without a master, by name: what stands in a checkpoint in place of their values.
    ///
    /// Computed once: nothing changes them.
    public var frozenDigests: [String: String] {
        for index in parameters.indices where masters[index] == nil && frozen[index] == nil {
            frozen[index] = digest(index)
        }
        return Dictionary(uniqueKeysWithValues: frozen.map { (parameters[$0.key].name, $0.value) })
    }

    /// SHA-256 over the bytes of the values at `index` as they are now.
    func digest(_ index: Int) -> String {
        values(index).to(.cpu).contiguous().withUnsafeBytes { Digest.sha256($0) }.hex
    }
}
