internal import Torch

/// A tensor name with `{}` for decimal indices.
struct NamePattern: Hashable, Sendable {
    let text: String
    private let parts: [String]

    init(_ text: String) {
        self.text = text
        var parts: [String] = [""]
        var rest = text[...]
        while let character = rest.first {
            if rest.hasPrefix("{}") {
                parts.append("")
                rest = rest.dropFirst(2)
            } else {
                parts[parts.count - 1].append(character)
                rest = rest.dropFirst()
            }
        }
        self.parts = parts
    }

    /// How many indices the name has.
    var indexCount: Int { parts.count - 1 }

    /// The indices at which this pattern is the name; nil when it is another name.
    func indices(in name: String) -> [String]? {
        var rest = Array(name.utf8)[...]
        guard rest.starts(with: parts[0].utf8) else { return nil }
        rest = rest.dropFirst(parts[0].utf8.count)
        var indices: [String] = []
        for part in parts.dropFirst() {
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            // "007" is no index: written back it would be another name.
            guard !digits.isEmpty, digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
            indices.append(String(decoding: digits, as: UTF8.self))
            rest = rest.dropFirst(digits.count)
            guard rest.starts(with: part.utf8) else { return nil }
            rest = rest.dropFirst(part.utf8.count)
        }
        return rest.isEmpty ? indices : nil
    }

    /// The name with these indices in place.
    func name(with indices: [String]) -> String {
        zip(parts.dropFirst(), indices).reduce(parts[0]) { $0 + $1.1 + $1.0 }
    }
}

/// A rule with its patterns taken apart.
struct CompiledRule: Sendable {
    let published: [NamePattern]
    let own: [NamePattern]
    private let transform: TensorTransform
    private let dim: Int
    private let sizes: [Int]?

    var isIgnored: Bool { own.isEmpty }

    init(_ rule: StateDictAdapter.Rule) {
        switch rule {
        case .name(let published, let own, let transform):
            self.init([published], [own], transform)
        case .ignored(let published):
            self.init([published], [])
        case .split(let published, let own, let dim, let sizes):
            self.init([published], own, dim: dim, sizes: sizes)
        case .joined(let published, let own, let dim, let sizes):
            self.init(published, [own], dim: dim, sizes: sizes)
        }
        let counts = Set((published + own).map(\.indexCount))
        precondition(counts.count == 1, "the names \((published + own).map(\.text)) differ in their number of {}")
        if let sizes {
            let partCount = max(published.count, own.count)
            precondition(
                sizes.count == partCount,
                "\(sizes.count) sizes are given for the \(partCount) parts of \(published[0].text)")
        }
    }

    private init(
        _ published: [String], _ own: [String], _ transform: TensorTransform = .identity, dim: Int = 0,
        sizes: [Int]? = nil
    ) {
        self.published = published.map(NamePattern.init)
        self.own = own.map(NamePattern.init)
        self.transform = transform
        self.dim = dim
        self.sizes = sizes
    }

    func toOwn(_ tensors: [Tensor]) -> Result<[Tensor], CheckpointError> {
        rearranged(tensors, count: own.count).map { $0.map(transform.toOwn) }
    }

    func toPublished(_ tensors: [Tensor]) -> Result<[Tensor], CheckpointError> {
        rearranged(tensors.map(transform.toPublished), count: published.count)
    }

    /// One to one, one cut into several, or several joined into one.
    private func rearranged(_ tensors: [Tensor], count: Int) -> Result<[Tensor], CheckpointError> {
        if tensors.count == count { return .success(tensors) }
        if count == 1 { return join(tensors) }
        let whole = tensors[0]
        guard dim < whole.rank else {
            return .failure(
                .unadaptable(reason: "\(published[0].text) has the shape \(whole.shape), no dimension \(dim)"))
        }
        let size = whole.shape[dim]
        let sizes = sizes ?? Array(repeating: size / count, count: count)
        guard sizes.reduce(0, +) == size else {
            return .failure(
                .unadaptable(
                    reason: "\(published[0].text) has the size \(size) in dimension \(dim), expected parts of \(sizes)")
            )
        }
        return .success(whole.split(sizes, dim: dim).map { $0.contiguous() })
    }

    private func join(_ tensors: [Tensor]) -> Result<[Tensor], CheckpointError> {
        let shapes = tensors.map { tensor in
            var shape = tensor.shape
            if dim < shape.count { shape[dim] = 0 }
            return shape
        }
        guard Set(shapes).count == 1, dim < tensors[0].rank, Set(tensors.map(\.dtype)).count == 1 else {
            let found = tensors.map { "\($0.dtype)\($0.shape)" }.joined(separator: ", ")
            return .failure(
                .unadaptable(
                    reason: "\(published[0].text) and its like cannot be joined along dimension \(dim): \(found)"))
        }
        if let sizes, sizes != tensors.map({ $0.shape[dim] }) {
            return .failure(
                .unadaptable(
                    reason: "\(published[0].text) and its like have the sizes \(tensors.map { $0.shape[dim] }) in "
                        + "dimension \(dim), expected \(sizes)"))
        }
        return .success([Tensor.cat(tensors, dim: dim)])
    }
}
