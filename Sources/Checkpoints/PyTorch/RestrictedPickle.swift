/// Reads the pickle of a PyTorch archive without being able to do anything but describe tensors.
///
/// A pickle is a program for a stack machine whose instructions may call any function by name. This machine knows the
/// instructions that `torch.save` emits for tensors and containers, and of functions only those that rebuild tensors and
/// ordered dictionaries; every other name is refused before anything is built. Instructions: Python's `pickletools`.
struct RestrictedPickle {
    /// Why a pickle was refused.
    struct Refused: Error { let reason: String }

    private static let storagePrefix = "torch "
    private static let storageSuffix = "Storage"
    private static let orderedDictionary = "collections OrderedDict"
    private static let rebuildTensor = "torch._utils _rebuild_tensor_v2"
    private static let rebuildParameter = "torch._utils _rebuild_parameter"
    private static let storageTypes: Set<String> = [
        "Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool",
    ]
    private static let depthLimit = 32

    private let bytes: UnsafeRawBufferPointer
    private var place = 0
    private var stack: [PickleValue] = []
    /// How high the stack was at each open mark.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]

    /// The value that the pickle builds.
    ///
    /// - Throws: ``Refused`` when it is cut short, asks for anything but tensors and containers, or nests too deep.
    static func value(of bytes: UnsafeRawBufferPointer) throws(Refused) -> PickleValue {
        var machine = RestrictedPickle(bytes: bytes)
        return try machine.run()
    }

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private mutating func run() throws(Refused) -> PickleValue {
        while true {
            let code = try byte()
            if code == UInt8(ascii: ".") { return try pop() }
            var isKnown = try pushesConstant(code)
            if !isKnown { isKnown = try pushesContainer(code) }
            if !isKnown { isKnown = try remembers(code) }
            if !isKnown { try changes(code) }
            if let top = stack.last, top.depth > Self.depthLimit {
                throw Refused(reason: "its containers nest deeper than \(Self.depthLimit)")
            }
        }
    }

    // MARK: Reading

    private mutating func byte() throws(Refused) -> UInt8 { try take(1)[0] }

    private mutating func take(_ count: Int) throws(Refused) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= bytes.count - place else { throw Refused(reason: "its pickle is truncated") }
        defer { place += count }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
    }

    /// A little-endian unsigned number of up to eight bytes.
    private mutating func number(_ count: Int) throws(Refused) -> Int {
        let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard value <= UInt64(Int.max) else { throw Refused(reason: "it has the length \(value)") }
        return Int(value)
    }

    private mutating func text(_ count: Int) throws(Refused) -> String {
        guard let text = String(validating: try take(count), as: UTF8.self) else {
            throw Refused(reason: "it has text that is not UTF-8")
        }
        return text
    }

    private mutating func line() throws(Refused) -> String {
        guard let end = bytes[place...].firstIndex(of: 0x0A) else { throw Refused(reason: "its pickle is truncated") }
        defer { place = end + 1 }
        return try text(end - place)
    }

    private mutating func pop() throws(Refused) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw Refused(reason: "its pickle pops an empty stack")
        }
        return value
    }

    private mutating func popMark() throws(Refused) -> [PickleValue] {
        guard let mark = marks.popLast() else {
            throw Refused(reason: "its pickle closes a group that was never opened")
        }
        let items = Array(stack[mark...])
        stack.removeSubrange(mark...)
        return items
    }

    // MARK: Instructions

    private mutating func pushesConstant(_ code: UInt8) throws(Refused) -> Bool {
        switch UnicodeScalar(code) {
        case "\u{80}":  // PROTO
            let version = try byte()
            guard (2...5).contains(version) else { throw Refused(reason: "its pickle has the protocol \(version)") }
        case "\u{95}": _ = try take(8)  // FRAME
        case "N": stack.append(.none)
        case "\u{88}": stack.append(.bool(true))
        case "\u{89}": stack.append(.bool(false))
        case "K": stack.append(.int(Int(try byte())))
        case "M": stack.append(.int(try number(2)))
        case "J": stack.append(.int(Int(Int32(truncatingIfNeeded: try number(4)))))
        case "\u{8A}": stack.append(.int(try longInteger()))
        case "G":
            stack.append(.double(Double(bitPattern: try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })))
        case "X": stack.append(.string(try text(try number(4))))
        case "\u{8C}": stack.append(.string(try text(Int(try byte()))))
        case "\u{8D}": stack.append(.string(try text(try number(8))))
        case "c": stack.append(.global(try allowed("\(try line()) \(try line())")))
        case "\u{93}":  // STACK_GLOBAL
            guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
                throw Refused(reason: "it names a function without a string")
            }
            stack.append(.global(try allowed("\(module) \(name)")))
        default: return false
        }
        return true
    }

    /// LONG1: a two's complement number of up to eight bytes.
    private mutating func longInteger() throws(Refused) -> Int {
        let count = Int(try byte())
        guard count <= 8 else { throw Refused(reason: "it has an integer of \(count) bytes") }
        let raw = try take(count)
        let negative = (raw.last ?? 0) & 0x80 != 0
        return raw.reversed().reduce(negative ? -1 : 0) { $0 << 8 | Int($1) }
    }

    private mutating func pushesContainer(_ code: UInt8) throws(Refused) -> Bool {
        switch UnicodeScalar(code) {
        case "(": marks.append(stack.count)
        case ")": stack.append(.tuple(PickleSequence()))
        case "]": stack.append(.list(PickleSequence()))
        case "}": stack.append(.dictionary(PickleDictionary()))
        case "t": stack.append(.tuple(PickleSequence(try popMark())))
        case "\u{85}", "\u{86}", "\u{87}":  // TUPLE1, TUPLE2, TUPLE3
            var items: [PickleValue] = []
            for _ in 0..<Int(code) - 0x84 { items.insert(try pop(), at: 0) }
            stack.append(.tuple(PickleSequence(items)))
        default: return false
        }
        return true
    }

    private mutating func remembers(_ code: UInt8) throws(Refused) -> Bool {
        switch UnicodeScalar(code) {
        case "q": try memorise(Int(try byte()))
        case "r": try memorise(try number(4))
        case "\u{94}": try memorise(memo.count)  // MEMOIZE
        case "h": stack.append(try recall(Int(try byte())))
        case "j": stack.append(try recall(try number(4)))
        default: return false
        }
        return true
    }

    private mutating func memorise(_ index: Int) throws(Refused) {
        guard let top = stack.last else { throw Refused(reason: "its pickle stores an empty stack in its memo") }
        memo[index] = top
    }

    private func recall(_ index: Int) throws(Refused) -> PickleValue {
        guard let value = memo[index] else { throw Refused(reason: "its pickle reads an unset memo entry") }
        return value
    }

    private mutating func changes(_ code: UInt8) throws(Refused) {
        switch UnicodeScalar(code) {
        case "a": try append([try pop()])
        case "e": try append(try popMark())
        case "s":
            let value = try pop(), key = try pop()
            try set([key, value])
        case "u": try set(try popMark())
        case "Q": stack.append(.storage(try storage(try pop())))
        case "R":
            let arguments = try pop(), function = try pop()
            stack.append(try call(function, arguments))
        case "b":
            // A state for an object: ordered dictionaries get attributes, such as `_metadata`, that no tensor needs.
            _ = try pop()
            guard case .dictionary? = stack.last else { throw Refused(reason: "it sets the state of an object") }
        case "0": _ = try pop()
        default:
            throw Refused(
                reason:
                    "it uses the pickle instruction 0x\(String(code, radix: 16)), which no tensor needs; it may be malicious"
            )
        }
    }

    private mutating func append(_ items: [PickleValue]) throws(Refused) {
        guard case .list(let list)? = stack.last else {
            throw Refused(reason: "it appends to a value that is not a list")
        }
        list.append(items)
    }

    private mutating func set(_ items: [PickleValue]) throws(Refused) {
        guard case .dictionary(let dictionary)? = stack.last, items.count % 2 == 0 else {
            throw Refused(reason: "it sets a key on a value that is not a dictionary")
        }
        for index in stride(from: 0, to: items.count, by: 2) {
            switch items[index] {
            case .string(let key): dictionary.append(key, items[index + 1])
            case .int(let key): dictionary.append(String(key), items[index + 1])
            default: throw Refused(reason: "it has \(items[index].kind) as a key")
            }
        }
    }

    // MARK: Names and calls

    private func allowed(_ name: String) throws(Refused) -> String {
        if [Self.orderedDictionary, Self.rebuildTensor, Self.rebuildParameter].contains(name) { return name }
        if name.hasPrefix(Self.storagePrefix), name.hasSuffix(Self.storageSuffix),
            Self.storageTypes.contains(Self.type(name))
        {
            return name
        }
        throw Refused(
            reason:
                "it requests \(name.debugDescription), which no tensor needs; it may be malicious, and nothing was executed"
        )
    }

    private static func type(_ global: String) -> String {
        String(global.dropFirst(storagePrefix.count).dropLast(storageSuffix.count))
    }

    /// ('storage', type, key, device, number of elements).
    private func storage(_ identifier: PickleValue) throws(Refused) -> TorchStorage {
        guard case .tuple(let parts) = identifier, parts.items.count == 5, case .string("storage") = parts.items[0],
            case .global(let global) = parts.items[1], global.hasSuffix(Self.storageSuffix),
            case .string(let key) = parts.items[2], case .int(let count) = parts.items[4], count >= 0
        else { throw Refused(reason: "it refers to something that is not a storage") }
        return TorchStorage(key: key, typeName: Self.type(global), elementCount: count)
    }

    private func call(_ function: PickleValue, _ arguments: PickleValue) throws(Refused) -> PickleValue {
        guard case .global(let name) = function, case .tuple(let tuple) = arguments else {
            throw Refused(reason: "it calls \(function.kind)")
        }
        switch name {
        case Self.orderedDictionary where tuple.items.isEmpty: return .dictionary(PickleDictionary())
        case Self.rebuildTensor: return .tensor(try tensor(tuple.items))
        case Self.rebuildParameter:
            guard case .tensor(let tensor)? = tuple.items.first else {
                throw Refused(reason: "it makes a parameter of something that is not a tensor")
            }
            return .tensor(tensor)
        default: throw Refused(reason: "it calls \(name) with \(tuple.items.count) arguments")
        }
    }

    /// (storage, offset, shape, strides, ...).
    private func tensor(_ arguments: [PickleValue]) throws(Refused) -> TorchTensor {
        func integers(_ value: PickleValue) -> [Int]? {
            guard case .tuple(let tuple) = value else { return nil }
            let numbers = tuple.items.compactMap { item -> Int? in
                guard case .int(let number) = item, number >= 0 else { return nil }
                return number
            }
            return numbers.count == tuple.items.count ? numbers : nil
        }
        guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .int(let offset) = arguments[1],
            offset >= 0, let shape = integers(arguments[2]), let strides = integers(arguments[3]),
            shape.count == strides.count, shape.count <= 64
        else { throw Refused(reason: "it describes an invalid tensor") }
        return TorchTensor(storage: storage, offset: offset, shape: shape, strides: strides)
    }
}
