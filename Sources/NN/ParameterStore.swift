public import Torch

/// All parameters of a model, in declaration order; the authority that fills, freezes and saves them.
///
/// Not `Sendable`: whoever trains or loads owns it, while models, which only read parameters, can be shared.
public final class ParameterStore {
    /// Every parameter, in the order the model declared them.
    public private(set) var parameters: [Parameter] = []
    private var byName: [String: Parameter] = [:]
    /// Second names and the parameters they stand for.
    public private(set) var aliases: [String: Parameter] = [:]
    /// The low-rank adapters that linear layers get when they are declared; nil for none.
    public let adaptation: LowRankAdaptation?
    /// Where the model's linear layers are, adapted or not, in declaration order.
    public private(set) var linearPaths: [String] = []

    /// - Parameter adaptation: gives matching linear layers an adapter; only the adapters are trainable at first then.
    public init(adaptation: LowRankAdaptation? = nil) { self.adaptation = adaptation }

    /// The path of the whole model.
    public var root: ParameterPath { ParameterPath(store: self, prefix: "") }

    func declare(_ parameter: Parameter) -> Parameter {
        precondition(
            byName[parameter.name] == nil && aliases[parameter.name] == nil,
            "two parameters are named \(parameter.name)")
        byName[parameter.name] = parameter
        parameters.append(parameter)
        if adaptation != nil, !parameter.isAdapter { parameter.setTrainable(false) }
        return parameter
    }

    func addLinear(at path: String) { linearPaths.append(path) }

    func declareAlias(_ name: String, of parameter: Parameter) {
        precondition(byName[name] == nil && aliases[name] == nil, "two parameters are named \(name)")
        aliases[name] = parameter
    }

    /// The parameter with this full name.
    public subscript(name: String) -> Parameter? { byName[name] }

    /// The parameters whose names are `prefix` or begin with `prefix.`; all of them for an empty prefix.
    public func parameters(under prefix: String) -> [Parameter] {
        parameters.filter { prefix.isEmpty || $0.name == prefix || $0.name.hasPrefix(prefix + ".") }
    }

    /// The number of elements under a prefix; aliases count once.
    public func elementCount(under prefix: String = "") -> Int {
        parameters(under: prefix).reduce(0) { $0 + $1.elementCount }
    }

    /// Stops training the parameters under a prefix.
    ///
    /// - Precondition: at least one parameter lies there.
    public func freeze(under prefix: String) { setTrainable(false, under: prefix) }

    /// Lets the parameters under a prefix train again; not those that an adapter stands beside, which stay as they are.
    public func unfreeze(under prefix: String) { setTrainable(true, under: prefix) }

    private func setTrainable(_ trainable: Bool, under prefix: String) {
        let members = parameters(under: prefix)
        precondition(!members.isEmpty, "no parameter is named \(prefix) or lies under it")
        for parameter in members { parameter.setTrainable(trainable) }
    }

    /// One line a parameter: name, shape, initializer. Golden files hold this text.
    public var specification: String {
        parameters.map { parameter in
            let shape = parameter.shape.map(String.init).joined(separator: ", ")
            let kind = parameter.isTrainedState ? "" : " buffer"
            return "\(parameter.name) [\(shape)] \(parameter.initializer)\(kind)\n"
        }.joined()
    }

    /// Fills every parameter under `prefix` from a seed.
    ///
    /// Each parameter draws from a generator of its own, made from the seed and its name: adding or removing a part
    /// leaves the others' starting values as they were.
    public func initialize(seed: UInt64, under prefix: String = "", dtype: DType = .float32, device: Device = .cpu) {
        initialize(parameters(under: prefix), seed: seed, dtype: dtype, device: device)
    }

    /// Fills from a seed what no checkpoint has filled, with the values that ``initialize(seed:under:dtype:device:)`` gives.
    ///
    /// - Parameter dtype: the dtype of each parameter.
    public func initializeUnfilled(seed: UInt64, dtype: (Parameter) -> DType) {
        for parameter in parameters where !parameter.isFilled {
            initialize([parameter], seed: seed, dtype: dtype(parameter), device: .cpu)
        }
    }

    func initialize(_ members: [Parameter], seed: UInt64, dtype: DType, device: Device) {
        withoutGrad {
            for parameter in members {
                let generator = Generator(seed: Self.seed(seed, of: parameter.name))
                let values = parameter.initializer.tensor(shape: parameter.shape, generator: generator)
                parameter.replace(with: values.to(dtype).to(device))
            }
        }
    }

    /// Converts every parameter to another dtype and device.
    public func convert(to dtype: DType, device: Device = .cpu) {
        withoutGrad {
            for parameter in parameters where parameter.isFilled {
                let tensor = parameter.tensor
                let converted = tensor.dtype.isFloatingPoint ? tensor.to(dtype) : tensor
                parameter.replace(with: converted.to(device))
            }
        }
    }

    /// The values of every parameter by name, sharing their memory.
    public func stateDict(under prefix: String = "", of part: Part = .everything) -> StateDict {
        var dictionary = StateDict()
        for parameter in parameters(under: prefix) where parameter.isFilled && part.contains(parameter) {
            dictionary[parameter.name] = parameter.tensor.detach()
        }
        return dictionary
    }

    /// The seed of one name: that of the store and the FNV-1a hash of the name's UTF-8, the same on every platform.
    static func seed(_ seed: UInt64, of name: String) -> UInt64 {
        name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 } ^ seed
    }

    /// Which of a store's parameters are meant.
    public enum Part: Sendable {
        case everything
        /// The model's own, without adapters.
        case model
        case adapters

        func contains(_ parameter: Parameter) -> Bool {
            switch self {
            case .everything: true
            case .model: !parameter.isAdapter
            case .adapters: parameter.isAdapter
            }
        }
    }
}
