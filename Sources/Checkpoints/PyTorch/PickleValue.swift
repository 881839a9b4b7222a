/// What a PyTorch archive's pickle may build: plain values, containers, and descriptions of tensors.
enum PickleValue {
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case tuple(PickleSequence)
    case list(PickleSequence)
    case dictionary(PickleDictionary)
    /// A name of the allowed list, `module name`.
    case global(String)
    /// A storage of the archive: the key of its file, its element type and its number of elements.
    case storage(TorchStorage)
    case tensor(TorchTensor)

    /// Containers within containers.
    var depth: Int {
        switch self {
        case .tuple(let items), .list(let items): items.depth
        case .dictionary(let dictionary): dictionary.depth
        default: 0
        }
    }

    /// What error messages call it.
    var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a boolean"
        case .int: "an integer"
        case .double: "a number"
        case .string: "a string"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dictionary: "a dictionary"
        case .global(let name): "the name \(name)"
        case .storage: "a storage"
        case .tensor: "a tensor"
        }
    }
}

/// A tuple or list, shared by reference as the pickle's memo demands.
final class PickleSequence {
    private(set) var items: [PickleValue] = []
    private(set) var depth = 1

    init(_ items: [PickleValue] = []) { append(items) }

    func append(_ more: [PickleValue]) {
        items += more
        for item in more { depth = max(depth, item.depth + 1) }
    }
}

/// A dictionary in the order of its keys; only strings and integers can be keys.
final class PickleDictionary {
    private(set) var pairs: [(key: String, value: PickleValue)] = []
    private(set) var depth = 1

    func append(_ key: String, _ value: PickleValue) {
        pairs.append((key, value))
        depth = max(depth, value.depth + 1)
    }
}

/// A storage: a file of the archive seen as elements of one type.
struct TorchStorage: Hashable, Sendable {
    var key: String
    /// libtorch's name without `Storage`, such as `BFloat16`.
    var typeName: String
    var elementCount: Int
}

/// A tensor as a view of a storage; sizes, strides and offset count elements.
struct TorchTensor: Hashable, Sendable {
    var storage: TorchStorage
    var offset: Int
    var shape: [Int]
    var strides: [Int]
}
