public import NN
internal import Torch

/// One table that translates a published checkpoint's names into ours and back.
///
/// In names, `{}` stands for a decimal index, the same one in the same place on both sides:
///
/// ```swift
/// let adapter: StateDictAdapter = [
///     "model.embed_tokens.weight": "embedding.weight",
///     "model.layers.{}.self_attn.q_proj.weight": "layers.{}.attention.q.weight",
///     "model.layers.{}.self_attn.rotary_emb.inv_freq": nil,  // recomputed
/// ]
/// ```
///
/// Nothing is dropped silently: a name that the table does not list is an error, and all such names are reported at once.
public struct StateDictAdapter: Sendable {
    /// One line of the table.
    public enum Rule: Sendable {
        /// One tensor under two names.
        case name(published: String, own: String, TensorTransform = .identity)
        /// A published tensor that is left out on purpose.
        case ignored(String)
        /// One published tensor that holds several of ours one after the other along a dimension.
        ///
        /// `sizes` are theirs along the dimension; nil for equal parts.
        case split(published: String, own: [String], dim: Int = 0, sizes: [Int]? = nil)
        /// Several published tensors that are one of ours, one after the other along a dimension.
        ///
        /// `sizes` are theirs along the dimension; nil for equal parts.
        case joined(published: [String], own: String, dim: Int = 0, sizes: [Int]? = nil)
    }

    let rules: [CompiledRule]

    /// - Precondition: the two sides of every rule have equally many `{}`, no name stands on the same side twice, and
    ///   sizes are as many as parts.
    public init(_ rules: [Rule]) {
        self.rules = rules.map(CompiledRule.init)
        for side in [\CompiledRule.published, \CompiledRule.own] {
            var seen: Set<String> = []
            for pattern in self.rules.flatMap({ $0[keyPath: side] }) {
                precondition(seen.insert(pattern.text).inserted, "the name table lists \(pattern.text) twice")
            }
        }
    }

    /// Translates a published checkpoint.
    ///
    /// - Throws: ``CheckpointError/unadaptable(reason:)`` with the first names the table does not list, or the parts that are
    ///   missing of a tensor that is split or joined.
    public func ownStateDict(from published: StateDict) throws(CheckpointError) -> StateDict {
        try translate(published, from: \.published, to: \.own) { rule, tensors in rule.toOwn(tensors) }
    }

    /// Translates our tensors into the published form; ignored tensors do not come back.
    ///
    /// - Throws: ``CheckpointError/unadaptable(reason:)`` as ``ownStateDict(from:)``.
    public func publishedStateDict(from own: StateDict) throws(CheckpointError) -> StateDict {
        try translate(own, from: \.own, to: \.published) { rule, tensors in rule.toPublished(tensors) }
    }

    private func translate(
        _ source: StateDict, from: KeyPath<CompiledRule, [NamePattern]>, to: KeyPath<CompiledRule, [NamePattern]>,
        _ transform: (CompiledRule, [Tensor]) -> Result<[Tensor], CheckpointError>
    ) throws(CheckpointError) -> StateDict {
        var result = StateDict()
        var origins: [String: String] = [:]
        var unlisted: [String] = []
        var done: Set<String> = []
        for name in source.names where !done.contains(name) {
            guard let (rule, indices) = match(name, on: from) else {
                unlisted.append(name)
                continue
            }
            let sourceNames = rule[keyPath: from].map { $0.name(with: indices) }
            let missing = sourceNames.filter { source[$0] == nil }
            guard missing.isEmpty else {
                throw .unadaptable(
                    reason: "\(name) must be joined with \(missing.joined(separator: ", ")), which the checkpoint lacks"
                )
            }
            done.formUnion(sourceNames)
            if rule.isIgnored { continue }
            let tensors = try transform(rule, sourceNames.compactMap { source[$0] }).get()
            for (pattern, tensor) in zip(rule[keyPath: to], tensors) {
                let target = pattern.name(with: indices)
                if let other = origins.updateValue(name, forKey: target) {
                    throw .unadaptable(reason: "both \(other) and \(name) become \(target)")
                }
                result[target] = tensor
            }
        }
        guard unlisted.isEmpty else {
            throw .unadaptable(
                reason: "the name table does not list \(unlisted.count) of \(source.count) names: "
                    + unlisted.prefix(8).joined(separator: ", ") + (unlisted.count > 8 ? ", ..." : ""))
        }
        return result
    }

    private func match(_ name: String, on side: KeyPath<CompiledRule, [NamePattern]>) -> (CompiledRule, [String])? {
        // A literal name wins over one with indices.
        var best: (CompiledRule, [String])?
        for rule in rules {
            for pattern in rule[keyPath: side] {
                guard let indices = pattern.indices(in: name) else { continue }
                if indices.isEmpty { return (rule, indices) }
                if best == nil { best = (rule, indices) }
            }
        }
        return best
    }
}

extension StateDictAdapter: ExpressibleByDictionaryLiteral {
    /// A table of plain renamings; nil leaves a published tensor out on purpose.
    public init(dictionaryLiteral elements: (String, String?)...) {
        self.init(
            elements.map { published, own in own.map { .name(published: published, own: $0) } ?? .ignored(published) })
    }
}
