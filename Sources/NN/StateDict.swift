public import Torch

/// Named tensors in a fixed order: what a checkpoint holds.
public struct StateDict: Sendable {
    /// The names in order.
    public private(set) var names: [String] = []
    private var tensors: [String: Tensor] = [:]

    public init() {}

    public init(_ pairs: [(String, Tensor)]) {
        for (name, tensor) in pairs { self[name] = tensor }
    }

    public var count: Int { names.count }
    public var isEmpty: Bool { names.isEmpty }

    /// The tensor of this name; assigning nil removes it.
    public subscript(name: String) -> Tensor? {
        get { tensors[name] }
        set {
            switch (tensors[name], newValue) {
            case (nil, .some): names.append(name)
            case (.some, nil): names.removeAll { $0 == name }
            default: break
            }
            tensors[name] = newValue
        }
    }

    /// Names and tensors in order.
    public var pairs: [(String, Tensor)] { names.compactMap { name in tensors[name].map { (name, $0) } } }

    /// The entries under `prefix.`, with the prefix removed.
    public func under(_ prefix: String) -> StateDict {
        StateDict(
            pairs.compactMap { name, tensor in
                name.hasPrefix(prefix + ".") ? (String(name.dropFirst(prefix.count + 1)), tensor) : nil
            })
    }

    /// The same entries under another prefix.
    public func prefixed(with prefix: String) -> StateDict { StateDict(pairs.map { (prefix + "." + $0, $1) }) }
}

/// Everything about a checkpoint that does not fit the model, in one report.
public struct LoadReport: InputError, Sendable, CustomStringConvertible {
    /// What the checkpoint is called in the description, such as its folder; nil where nobody said.
    public var checkpoint: String?
    /// Parameters the model has and the checkpoint lacks.
    public var missing: [String] = []
    /// Names the checkpoint has and the model does not know.
    public var unexpected: [String] = []
    /// Entries whose shapes differ.
    public var mismatched: [(name: String, expected: [Int], found: [Int])] = []
    /// Second names whose values differ from the parameter they stand for.
    public var divergentAliases: [String] = []
    /// Entries of whole numbers, as quantized weights are stored.
    public var integers: [String] = []
    /// Parameters of the model that were looked for, and names that were found; 0 where adapters were looked for.
    public var wantedCount = 0
    public var foundCount = 0
    /// The families of the model and of the checkpoint, where somebody knows them.
    public var wantedFamily: String?
    public var foundFamily: String?

    /// A report of nothing yet.
    public init() {}

    public var isEmpty: Bool {
        missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty && divergentAliases.isEmpty && integers.isEmpty
    }

    /// Whether the checkpoint has other things altogether than the model.
    public var isForeign: Bool {
        let shared = wantedCount - missing.count
        return wantedCount > 0 && !unexpected.isEmpty && shared * 4 < wantedCount && shared * 4 < foundCount
    }

    /// One sentence with the first names of each kind; names that differ only in their numbers count as one.
    public var description: String {
        if isForeign { return foreignDescription }
        var kinds: [String] = []
        func list(_ title: String, _ entries: [String]) {
            if !entries.isEmpty {
                kinds.append("\(entries.count) \(title): \(Self.listed(entries))")
            }
        }
        list("missing", missing)
        list("unexpected", unexpected)
        list("of another shape", mismatched.map { "\($0.name) (model \($0.expected), checkpoint \($0.found))" })
        list("aliases with values of their own", divergentAliases)
        list("of whole numbers, as in quantized weights, which are unsupported", integers)
        let name = checkpoint.map { " \($0)" } ?? ""
        return "the checkpoint\(name) does not fit the model; \(kinds.joined(separator: "; "))"
    }

    private var foreignDescription: String {
        let name = checkpoint.map { " \($0)" } ?? ""
        let wanted = wantedFamily.map { "of the family \($0)" } ?? "of the model's family"
        let found =
            foundFamily.map { "those of \($0)" } ?? "\(unexpected.count) others, such as \(Self.listed(unexpected))"
        return "the checkpoint\(name) is not \(wanted): of the \(wantedCount) tensors looked for it has "
            + "\(wantedCount - missing.count), and besides \(found); give a checkpoint of that family"
    }

    /// The first few kinds of names, and how many more there are.
    private static func listed(_ names: [String]) -> String {
        let kinds = folded(names)
        let rest = kinds.count - listLimit
        return kinds.prefix(listLimit).joined(separator: ", ") + (rest > 0 ? " and \(rest) more kinds" : "")
    }

    private static let listLimit = 6

    /// A name with `*` in place of its numbers: what all layers have in common.
    package static func pattern(_ name: String) -> String {
        name.split(separator: ".", omittingEmptySubsequences: false)
            .map { Int($0) == nil ? String($0) : "*" }.joined(separator: ".")
    }

    /// `layers.0.a`, `layers.1.a` and `b` as `layers.*.a (2)` and `b`.
    private static func folded(_ names: [String]) -> [String] {
        var order: [String] = []
        var members: [String: [String]] = [:]
        for name in names {
            let pattern = pattern(name)
            if members[pattern] == nil { order.append(pattern) }
            members[pattern, default: []].append(name)
        }
        return order.map { pattern in
            let names = members[pattern] ?? []
            return names.count == 1 ? names[0] : "\(pattern) (\(names.count))"
        }
    }
}

extension ParameterStore {
    /// Compares the parameters under `prefix` with names and shapes, without a value.
    ///
    /// - Throws: ``LoadReport`` with every missing, unexpected and mismatched name.
    public func check(
        _ shapes: [(name: String, shape: [Int])], under prefix: String = "", of part: Part = .everything
    ) throws(LoadReport) {
        let report = report(on: shapes, under: prefix, of: part)
        if !report.isEmpty { throw report }
    }

    private func report(
        on shapes: [(name: String, shape: [Int])], under prefix: String, of part: Part
    ) -> LoadReport {
        var report = LoadReport()
        let members = parameters(under: prefix).filter(part.contains)
        let known = Set(members.map(\.name))
        let found = Dictionary(shapes.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
        if part != .adapters { (report.wantedCount, report.foundCount) = (members.count, found.count) }
        for parameter in members {
            guard let shape = found[parameter.name] else {
                report.missing.append(parameter.name)
                continue
            }
            if shape != parameter.shape { report.mismatched.append((parameter.name, parameter.shape, shape)) }
        }
        for (name, _) in shapes where !known.contains(name) {
            if let target = aliases[name], known.contains(target.name) { continue }
            report.unexpected.append(name)
        }
        return report
    }

    /// Fills every parameter under `prefix` from a state dict, or changes nothing.
    ///
    /// The two complete sets of names are compared first. Tensors already in `dtype` on `device` are used as they are,
    /// without a copy, so that a mapped checkpoint stays mapped.
    /// - Parameters:
    ///   - part: which parameters the state dict is for; a base model's checkpoint has no adapters.
    ///   - dtype: the dtype of floating-point parameters; nil keeps the checkpoint's.
    /// - Throws: ``LoadReport`` with every missing, unexpected and mismatched name.
    public func load(
        _ stateDict: StateDict, under prefix: String = "", of part: Part = .everything, dtype: DType? = .float32,
        device: Device = .cpu
    ) throws(LoadReport) {
        var report = report(on: stateDict.pairs.map { ($0.0, $0.1.shape) }, under: prefix, of: part)
        for name in stateDict.names {
            guard let target = aliases[name], let original = stateDict[target.name], let copy = stateDict[name]
            else { continue }
            if !Self.same(original, copy) { report.divergentAliases.append(name) }
        }
        for parameter in parameters(under: prefix) where part.contains(parameter) {
            if let tensor = stateDict[parameter.name], !tensor.dtype.isFloatingPoint {
                report.integers.append(parameter.name)
            }
        }
        guard report.isEmpty else { throw report }
        withoutGrad {
            for parameter in parameters(under: prefix) where part.contains(parameter) {
                guard let tensor = stateDict[parameter.name] else { continue }
                let wanted = tensor.dtype.isFloatingPoint ? (dtype ?? tensor.dtype) : tensor.dtype
                parameter.replace(with: tensor.to(wanted).to(device))
            }
        }
    }

    private static func same(_ a: Tensor, _ b: Tensor) -> Bool {
        a.shape == b.shape && a.notEqual(to: b).any().item() == 0
    }
}
