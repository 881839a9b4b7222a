public import NN
internal import Settings
public import Torch

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A LoRA adapter in a folder of Hugging Face's PEFT: `adapter_config.json` and `adapter_model.safetensors`, or, of older
/// versions, the PyTorch archive `adapter_model.bin`.
///
/// Its tensors are named `base_model.model.PATH.lora_A.weight`, in older files `....lora_A.default.weight`, where PATH is a
/// linear layer's of the base model. Which layers are adapted, the tensors say; where the configuration lists targets, a model
/// is held to them too (``check(_:)``). What the tensors alone cannot express (DoRA, trained biases, whole modules saved
/// beside) is refused by name.
public struct AdapterFolder: Sendable {
    /// The files' published names.
    public enum FileName {
        public static let config = "adapter_config.json"
        public static let weights = "adapter_model.safetensors"
        public static let archive = "adapter_model.bin"
        /// Weights of the model itself that were trained beside the adapter, as LLaVA's scripts and their descendants write them.
        public static let trainedBase = "non_lora_trainables.bin"
    }

    /// The folder.
    public let path: String
    /// Rank, scale and the paths of the adapted layers.
    public let adaptation: LowRankAdaptation
    /// A and B of every layer by the names of a ``ParameterStore``: `PATH.lora_A.weight`. Mapped.
    public let weights: StateDict
    /// Weights of the model that were trained beside the adapter and take the place of the base's, by the model's names.
    /// Mapped; empty where the folder has none.
    public let trainedBase: StateDict
    /// What the adapter was trained on, as its trainer wrote it; nil where nobody did.
    public let baseModel: String?
    /// The targets its configuration lists; nil where that is a regular expression, which is not evaluated, or where the
    /// configuration leaves layers out that the list names.
    public let listedTargets: [String]?
    /// Values of the base, where the folder has them.
    let trainedOn: AdapterBase?
    private let stored: StoredWeights

    /// Whether a folder holds an adapter instead of a whole model.
    public static func isAdapter(_ path: String) -> Bool { ModelFolder.isFile("\(path)/\(FileName.config)") }

    /// - Throws: ``CheckpointError`` when a file is missing or damaged, or the adapter is of a kind that is not known here.
    public init(path: String) throws(CheckpointError) {
        let folder = try ModelFolder(path: path)
        let config = try Self.configuration(of: folder)
        guard let name = [FileName.weights, FileName.archive].first(where: folder.contains) else {
            throw .incomplete(folder: path, reason: "it has neither \(FileName.weights) nor \(FileName.archive)")
        }
        let stored = try ModelFolder.storedWeights(inFile: folder.path(of: name))
        func refuse(_ reason: String) -> CheckpointError { .incomplete(folder: path, reason: reason) }
        if let reason = config.refusal { throw refuse("its \(FileName.config) \(reason)") }
        var weights = StateDict()
        var strangers: [String] = []
        for entry in stored.entries {
            guard let own = Self.ownName(entry.name) else {
                strangers.append(entry.name)
                continue
            }
            guard weights[own] == nil else { throw refuse("two of its tensors belong to \(own)") }
            weights[own] = try stored.tensor(entry.name)
        }
        guard strangers.isEmpty else {
            throw refuse(
                "\(strangers.count) of its \(stored.entries.count) tensors do not belong to a LoRA adapter: "
                    + strangers.prefix(8).joined(separator: ", ") + (strangers.count > 8 ? ", ..." : ""))
        }
        try folder.verifyChecksums(upTo: ModelFolder.alwaysVerifiedByteCount)
        self.path = path
        self.weights = weights
        self.stored = stored
        trainedBase = try Self.trainedBase(in: folder)
        trainedOn = try Self.base(in: folder)
        baseModel = config.baseModelNameOrPath
        listedTargets = config.listedTargets
        adaptation = LowRankAdaptation(
            rank: config.r ?? 8, alpha: config.loraAlpha ?? 8, dropout: config.loraDropout ?? 0,
            targets: Self.layers(of: weights), scalesByRootOfRank: config.useRslora ?? false)
        if let mistake = adaptation.mistake { throw refuse(mistake) }
    }

    private static func configuration(of folder: ModelFolder) throws(CheckpointError) -> PEFTConfiguration {
        let bytes = try folder.bytes(of: FileName.config)
        do { return try StrictJSON.decode(PEFTConfiguration.self, from: bytes, keys: .snakeCase) } catch {
            let reason = (error as? StrictJSON.Malformed)?.reason ?? "\(error)"
            throw .malformed(path: folder.path(of: FileName.config), reason: reason)
        }
    }

    private typealias Suffix = LowRankAdaptation.Suffix

    /// `base_model.model.a.b.lora_A.default.weight` as `a.b.lora_A.weight`; nil for names of another form.
    private static func ownName(_ name: String) -> String? {
        let prefix = "base_model.model."
        let parts = (name.hasPrefix(prefix) ? name.dropFirst(prefix.count) : name[...])
            .split(separator: ".", omittingEmptySubsequences: false)
        guard let place = parts.lastIndex(where: { $0 == "lora_A" || $0 == "lora_B" }), place > 0,
            parts.last == "weight", (2...3).contains(parts.count - place)
        else { return nil }
        return (parts[...place] + ["weight"]).joined(separator: ".")
    }

    /// The layers that have either matrix, each once.
    private static func layers(of weights: StateDict) -> [String] {
        var seen: Set<String> = []
        return weights.names.compactMap { name in
            let suffix = [Suffix.down, Suffix.up].first { name.hasSuffix($0) }
            let layer = String(name.dropLast(suffix?.count ?? 0))
            return seen.insert(layer).inserted ? layer : nil
        }
    }

    /// Compares the adapter with a model that was declared with its ``adaptation``.
    ///
    /// - Throws: `LoadReport` with every tensor that is missing (half of a pair, or of a listed target that the model has),
    ///   belongs to no linear layer of the model, or has another shape.
    public func check(_ store: ParameterStore) throws(LoadReport) {
        var report = LoadReport()
        report.checkpoint = path
        do throws(LoadReport) {
            try store.check(weights.pairs.map { (name: $0.0, shape: $0.1.shape) }, of: .adapters)
        } catch {
            report = error
            report.checkpoint = path
        }
        for (name, tensor) in trainedBase.pairs {
            guard let parameter = store[name] ?? store.aliases[name], !parameter.isAdapter else {
                report.unexpected.append(name)
                continue
            }
            guard parameter.shape != tensor.shape else { continue }
            report.mismatched.append((name, parameter.shape, tensor.shape))
        }
        for layer in store.linearPaths where !adaptation.adapts(layer) {
            guard let listedTargets, listedTargets.contains(where: { layer == $0 || layer.hasSuffix("." + $0) }) else {
                continue
            }
            report.missing += [layer + Suffix.down, layer + Suffix.up]
        }
        if !report.isEmpty { throw report }
    }

    /// Compares an archive's bytes with its checksums.
    ///
    /// - Throws: ``CheckpointError`` that names the entry and both checksums.
    public func verifyArchive() throws(CheckpointError) {
        try stored.verifyDescriptions()
        for entry in stored.entries { try stored.verifyChecksum(of: entry.name) }
    }

    /// A base weight as it is beside the adapter, with the adapter added for good; the weight itself where the adapter leaves
    /// it alone.
    ///
    /// - Parameters:
    ///   - name: the weight's name, `PATH.weight`.
    ///   - weight: its values [out, in].
    public func merged(_ name: String, _ weight: Tensor) -> Tensor {
        let path = name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name
        let weight = trainedBase[name]?.to(weight.dtype) ?? weight
        guard let down = weights[path + Suffix.down], let up = weights[path + Suffix.up] else { return weight }
        return adaptation.merged(weight, down: down, up: up)
    }
}

extension AdapterFolder {
    /// Writes an adapter folder that PEFT loads, which takes its name only when everything in it is on the disk.
    ///
    /// - Parameters:
    ///   - weights: A and B of every layer, by a store's names: ``ParameterStore/stateDict(under:of:)`` of its adapters.
    ///   - adaptation: rank, alpha and dropout; as targets the layers themselves are written, which names no other module of
    ///     the published code than was trained.
    ///   - baseModel: what the adapter belongs to, a folder or a published name.
    ///   - base: its weights, of which a few values are written too, so that others are told apart (``warning(on:named:)``).
    /// - Throws: ``CheckpointError`` when there is no adapter, not enough space, or a file cannot be written.
    public static func write(
        _ weights: StateDict, _ adaptation: LowRankAdaptation, baseModel: String? = nil, base: StateDict? = nil,
        to path: String
    ) throws(CheckpointError) {
        let layers = layers(of: weights)
        guard !layers.isEmpty, weights.count == 2 * layers.count else {
            throw .invalid(reason: "\(weights.count) tensors are not pairs of lora_A and lora_B")
        }
        let config = PEFTConfiguration(adaptation, layers: layers.sorted(), baseModel: baseModel)
        var files = [FileName.config: try json(config)]
        if let base {
            files[AdapterBase.fileName] = try json(AdapterBase(name: baseModel, layers: layers.sorted(), of: base))
        }
        let tensors = weights.pairs.map { ("base_model.model." + $0.0, $0.1) }
        let byteCount = tensors.reduce(files.values.reduce(0) { $0 + $1.count }) { $0 + $1.1.byteCount }
        try AtomicFolder.write(to: path, byteCount: byteCount) { (folder) throws(CheckpointError) in
            let digest = try Safetensors.write(tensors, to: "\(folder)/\(FileName.weights)")
            try ModelFolder.write(files, digests: [FileName.weights: digest], to: folder)
        }
    }

    private static func json(_ value: some Encodable) throws(CheckpointError) -> [UInt8] {
        do {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
        } catch { throw .invalid(reason: "its configuration is not valid JSON: \(error)") }
    }
}
