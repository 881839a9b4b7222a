public import Checkpoints
import Generation
import NN
import SyrinxModels
import Torch

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a loaded model can be declared from a second time: its configuration and its weights, which both then share.
struct ModelBase: Sendable {
    private let configuration: Data
    private let name: String
    private let shapes: [String: [Int]]
    private let dtype: DType?
    private let storedTables: Bool
    private var weights = StateDict()

    /// - Parameters:
    ///   - name: what messages call the configuration.
    ///   - store: the declared model's, filled or not.
    ///   - dtype: of adapters; nil keeps each file's.
    ///   - storedTables: whether the model was declared with the tables of its folder.
    init(configuration: Data, name: String, store: ParameterStore, dtype: DType?, storedTables: Bool) {
        self.storedTables = storedTables
        self.configuration = configuration
        self.name = name
        self.dtype = dtype
        shapes = Dictionary(uniqueKeysWithValues: store.parameters.map { ($0.name, $0.shape) })
    }

    /// The same with the weights of a store, which are shared and not copied.
    func filled(from store: ParameterStore) -> ModelBase {
        var filled = self
        filled.weights = store.stateDict()
        return filled
    }

    /// Declares the model with an adapter beside it, or without one; nothing is allocated.
    ///
    /// - Throws: `LoadReport` with everything in which the adapter does not fit the model.
    func declare(
        with adapter: AdapterFolder?
    ) throws -> (model: any MultimodalLanguageModel, store: ParameterStore) {
        let (model, _, store) = try ModelRegistry.declare(
            configuration: configuration, named: name, weightShapes: shapes, adaptation: adapter?.adaptation,
            storedTables: storedTables)
        try adapter?.check(store)
        return (model, store)
    }

    /// Why an adapter does not belong to these weights.
    func warning(about adapter: AdapterFolder, named name: String) -> String? {
        adapter.warning(on: weights, named: name)
    }

    /// The model with an adapter or without one, over the same weights.
    func model(with adapter: AdapterFolder?, on device: Device) throws -> any MultimodalLanguageModel {
        let (model, store) = try declare(with: adapter)
        try store.load(base(of: adapter, on: device), of: .model, dtype: nil, device: device)
        if let adapter { try store.load(adapter.weights, of: .adapters, dtype: dtype, device: device) }
        return model
    }
}

extension ModelBase {
    /// The weights, with those that were trained beside an adapter in their places.
    private func base(of adapter: AdapterFolder?, on device: Device) -> StateDict {
        var weights = weights
        for (name, tensor) in adapter?.trainedBase.pairs ?? [] {
            weights[name] = tensor.to(dtype ?? tensor.dtype).to(device)
        }
        return weights
    }
}

extension SyrinxModel {
    /// This model with an adapter of PEFT's form instead of the one in use, or, for nil, without any.
    ///
    /// Both models share the base's weights, so an exchange costs the adapter alone, and both may be used at the same time.
    /// Weights that were trained beside the adapter take the places of the base's while it is in use. Without an adapter the
    /// answers are the base's to the last bit.
    /// - Throws: `LoadReport` with every tensor of the adapter that does not fit the model, or `SyrinxError` for a model
    ///   that was not loaded from a folder.
    public func adapted(by adapter: AdapterFolder?) throws -> SyrinxModel {
        guard let base else { throw SyrinxError("\(name) was not loaded from a folder, so it cannot use an adapter") }
        var model = self
        model.model = try base.model(with: adapter, on: device)
        model.engine = GenerationEngine(model.model, pieceCount: engine.pieceCount)
        model.adapter = adapter?.path
        model.adapterWarning = adapter.flatMap { base.warning(about: $0, named: name) }
        model.adapterRemarks = adapter?.remarks() ?? []
        return model
    }
}
