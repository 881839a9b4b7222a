public import Torch

/// Low-rank adapters: parameters beside a model's own, which learn and travel separately.
extension ParameterStore {
    /// The parameters that adapters added.
    public var adapterParameters: [Parameter] { parameters.filter(\.isAdapter) }

    /// Targets of the adaptation that no linear layer of the model has; to be reported once the model is declared.
    public var unmatchedTargets: [String] {
        (adaptation?.targets ?? []).filter { target in
            !linearPaths.contains { LowRankAdaptation.matches(target, $0) }
        }
    }

    /// Fills the adapters as they start: what a model begins to learn from, once its own parameters are loaded.
    public func initializeAdapters(seed: UInt64, dtype: DType = .float32, device: Device = .cpu) {
        initialize(adapterParameters, seed: seed, dtype: dtype, device: device)
    }
}

extension ParameterPath {
    /// Declares the low-rank term of a linear layer here if the store's adaptation targets it.
    ///
    /// - Parameter base: the layer's own parameters, which are held still for as long as the term is there.
    func lowRankTerm(from inputSize: Int, to outputSize: Int, over base: [Parameter]) -> LowRankTerm? {
        store.addLinear(at: prefix)
        guard let adaptation = store.adaptation, adaptation.adapts(prefix) else { return nil }
        for parameter in base { parameter.hold() }
        return LowRankTerm(adaptation, from: inputSize, to: outputSize, at: self)
    }

    /// Declares a parameter of an adapter.
    func adapter(_ name: String, shape: [Int], initializer: Initializer) -> Parameter {
        store.declare(Parameter(name: joined(name), shape: shape, initializer: initializer, kind: .adapter))
    }
}
