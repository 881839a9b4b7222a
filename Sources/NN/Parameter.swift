import Synchronization
public import Torch

/// One named tensor of a model: declared without memory, then filled once from a seed or a checkpoint.
public final class Parameter: Sendable {
    /// The full published name, such as `model.layers.0.self_attn.q_proj.weight`.
    public let name: String
    public let shape: [Int]
    public let initializer: Initializer
    enum Kind: Sendable { case trained, buffer, adapter }
    private let kind: Kind

    private struct Storage: Sendable {
        var tensor: Tensor?
        var isTrainable: Bool
        var isHeld = false
    }
    private let storage: Mutex<Storage>

    init(name: String, shape: [Int], initializer: Initializer, kind: Kind) {
        self.name = name
        self.shape = shape
        self.initializer = initializer
        self.kind = kind
        storage = Mutex(Storage(tensor: nil, isTrainable: kind != .buffer))
    }

    /// False for state that is saved but never trained.
    public var isTrainedState: Bool { kind != .buffer }

    /// Whether it belongs to a low-rank adapter instead of the model itself.
    public var isAdapter: Bool { kind == .adapter }

    /// The values; a leaf that requires gradients while the parameter is trainable.
    ///
    /// - Precondition: the store has been initialised or loaded.
    public var tensor: Tensor {
        guard let tensor = storage.withLock({ $0.tensor }) else {
            fatalError("the parameter \(name) has no values: initialise its store or load a checkpoint first")
        }
        return tensor
    }

    /// Whether the parameter has been filled.
    public var isFilled: Bool { storage.withLock { $0.tensor != nil } }

    /// Whether training changes it: not frozen, and not a buffer.
    public var isTrainable: Bool { storage.withLock { $0.isTrainable } }

    public var elementCount: Int { shape.reduce(1, *) }

    func setTrainable(_ trainable: Bool) {
        storage.withLock {
            $0.isTrainable = trainable && isTrainedState && !$0.isHeld
            if let tensor = $0.tensor, tensor.dtype.isFloatingPoint { tensor.setRequiresGrad($0.isTrainable) }
        }
    }

    /// Keeps it from training for good: the frozen base of an adapter, which no later unfreezing may touch.
    func hold() {
        storage.withLock { $0.isHeld = true }
        setTrainable(false)
    }

    /// Installs other values, such as a bfloat16 working copy of a float32 master.
    ///
    /// Nobody may keep the tensor from before: read ``tensor`` again.
    package func replace(with tensor: Tensor) {
        precondition(
            tensor.shape == shape, "the parameter \(name) has shape \(shape), not \(tensor.shape)")
        storage.withLock {
            let leaf = tensor.detach()
            if leaf.dtype.isFloatingPoint { leaf.setRequiresGrad($0.isTrainable) }
            $0.tensor = leaf
        }
    }
}

/// Where in the state dict a module lives; the only thing that can make a parameter.
public struct ParameterPath {
    let store: ParameterStore
    let prefix: String

    func joined(_ name: String) -> String {
        precondition(!name.isEmpty && name != ".", "a parameter path needs a name")
        return prefix.isEmpty ? name : prefix + "." + name
    }

    public static func / (path: ParameterPath, name: String) -> ParameterPath {
        ParameterPath(store: path.store, prefix: path.joined(name))
    }

    public static func / (path: ParameterPath, index: Int) -> ParameterPath { path / String(index) }

    /// Declares a parameter here under `name`.
    ///
    /// - Precondition: no parameter has that full name yet.
    public func parameter(_ name: String, shape: [Int], initializer: Initializer) -> Parameter {
        store.declare(
            Parameter(name: joined(name), shape: shape, initializer: initializer, kind: .trained))
    }

    /// Declares state that is saved but not trained.
    public func buffer(_ name: String, shape: [Int], initializer: Initializer) -> Parameter {
        store.declare(
            Parameter(name: joined(name), shape: shape, initializer: initializer, kind: .buffer))
    }

    /// Elements declared so far under a name below this path.
    public func elementCount(under name: String) -> Int { store.elementCount(under: joined(name)) }

    /// Gives a parameter a second name that checkpoints may carry, as for a head tied to the embedding.
    public func alias(_ name: String, to parameter: Parameter) {
        store.declareAlias(joined(name), of: parameter)
    }
}
