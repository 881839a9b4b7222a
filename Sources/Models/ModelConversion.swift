public import Checkpoints
internal import NN
public import Torch

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A model folder to be written anew as safetensors: from either form of weights, in another dtype, with an adapter added.
///
/// Everything is checked before the first byte is written. Then one tensor at a time is read, converted and written, so the
/// memory needed is that of the largest tensor, whatever the model's size.
public struct ModelConversion {
    /// The tensors in the order of the model.
    public let tensors: [PendingTensor]
    /// Bytes of all tensors as they will be written.
    public let byteCount: Int
    /// Why the adapter does not belong to these weights; nil where nothing speaks against it.
    public let adapterWarning: String?
    /// Tensors that are left out, because the model recomputes them and the published code does too.
    public let ignoredNames: [String]
    /// What a user should know of the two folders: files that may hold weights and are not read.
    public let remarks: [String]
    /// The files beside the weights, by name; the configuration names the new dtype where it names one.
    public let files: [String: [UInt8]]

    /// What is taken over from a folder besides its weights, as far as it is there.
    public static let fileNames = [
        ModelFolder.FileName.config, ModelFolder.FileName.generationConfig, ModelFolder.FileName.preprocessorConfig,
        ModelFolder.FileName.processorConfig, ModelFolder.FileName.tokenizerModel, ModelFolder.FileName.fastTokenizer,
        ModelFolder.FileName.addedTokens, "tokenizer_config.json", "special_tokens_map.json", "chat_template.json",
        "README.md", "LICENSE", "LICENSE.txt", "NOTICE",
    ]

    /// - Parameters:
    ///   - dtype: of all floating-point tensors; nil keeps each one's.
    ///   - adapter: merged into the weights.
    /// - Throws: `CheckpointError` or ``ModelError`` for a damaged folder, `LoadReport` with everything in which the weights
    ///   do not fit the configuration or the adapter the model.
    public init(_ folder: ModelFolder, dtype: DType? = nil, adapter: AdapterFolder? = nil) throws {
        let name = folder.path(of: ModelFolder.FileName.config)
        let configuration = try folder.bytes(of: ModelFolder.FileName.config)
        let family = try ModelRegistry.family(ofConfiguration: Data(configuration), named: name)
        let stored = try folder.storedWeights()
        let kept = stored.entries.filter { !family.isIgnored($0.name) }
        // The published code reads these where they are: a copy without them would not compute the same there.
        let tables = stored.entries.filter { family.isStoredTable($0.name) }
        let (_, _, store) = try ModelRegistry.declare(
            configuration: Data(configuration), named: name, weightShapes: stored.shapes,
            adaptation: adapter?.adaptation)
        do throws(LoadReport) { try store.check(kept.map { ($0.name, $0.shape) }, of: .model) } catch {
            throw error.named(folder.path, wanting: family.modelType)
        }
        try adapter?.check(store)
        try stored.verifyDescriptions()
        try adapter?.verifyArchive()
        try folder.verifyChecksums(upTo: ModelFolder.alwaysVerifiedByteCount)
        let order = Dictionary(
            uniqueKeysWithValues: store.parameters.enumerated().map { ($0.element.name, $0.offset) })
        tensors =
            try kept.sorted { (order[$0.name] ?? .max, $0.name) < (order[$1.name] ?? .max, $1.name) }
            .map { try Self.pending($0.name, of: stored, dtype: dtype, adapter: adapter) }
            + tables.map { try Self.pending($0.name, of: stored, dtype: nil, adapter: nil) }
        byteCount = tensors.reduce(0) { $0 + $1.byteCount }
        let base = StateDict(try kept.map { ($0.name, try stored.tensor($0.name)) })
        adapterWarning = adapter?.warning(on: base, named: folder.path)
        ignoredNames = stored.entries.map(\.name).filter { family.isIgnored($0) && !family.isStoredTable($0) }
        remarks = folder.remarks() + (adapter?.remarks() ?? [])
        files = try Self.files(of: folder, dtype: dtype)
    }

    private static func pending(
        _ name: String, of stored: StoredWeights, dtype: DType?, adapter: AdapterFolder?
    ) throws(CheckpointError) -> PendingTensor {
        let tensor = try stored.tensor(name)  // mapped: nothing is read yet
        guard tensor.dtype.isFloatingPoint else {
            throw .invalid(
                reason: "\(name) has the dtype \(tensor.dtype), as quantized weights have; use the "
                    + "unquantized weights")
        }
        let wanted = dtype ?? tensor.dtype
        return PendingTensor(
            name, dtype: wanted, shape: tensor.shape,
            make: { () throws(CheckpointError) in
                try stored.verifyChecksum(of: name)
                let original = try stored.tensor(name)
                let converted = original.to(wanted)
                let result = adapter?.merged(name, converted) ?? converted
                if wanted != original.dtype || adapter != nil {
                    try requireFinite(result, from: original, name, adapter)
                }
                return result
            }, release: { stored.giveBack(name) })
    }

    /// Refuses values that were finite numbers and are none any more: a model with infinity or NaN in it answers nothing.
    private static func requireFinite(
        _ tensor: Tensor, from original: Tensor, _ name: String, _ adapter: AdapterFolder?
    ) throws(CheckpointError) {
        guard tensor.dtype.isFloatingPoint, tensor.elementCount > 0, !magnitude(tensor).isFinite,
            magnitude(original).isFinite
        else { return }
        if magnitude(tensor).isNaN, let adapter {
            let culprit = adapter.firstNotANumber.map { ": its \($0) contains NaN, as after diverged training" }
            throw .invalid(
                reason: "\(name) becomes NaN with the adapter \(adapter.path)\(culprit ?? ""); choose another adapter")
        }
        throw .invalid(
            reason:
                "\(name) has values up to \(Float(magnitude(original))), and as \(tensor.dtype), or with the adapter, they "
                + "become infinite; choose --dtype bfloat16 or float32, or another adapter")
    }

    /// The greatest absolute value; NaN where there is one.
    private static func magnitude(_ tensor: Tensor) -> Double {
        let (low, high): (Double, Double) = (tensor.min().item(), tensor.max().item())
        return max(-low, high)
    }

    private static func files(of folder: ModelFolder, dtype: DType?) throws(CheckpointError) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in fileNames where folder.contains(name) { files[name] = try folder.bytes(of: name) }
        let config = ModelFolder.FileName.config
        if let dtype, let text = files[config] {
            // Text is exchanged, not keys: the rest of the file stays as its author wrote it.
            files[config] = Array(
                String(decoding: text, as: UTF8.self)
                    .replacing(/"(torch_dtype|dtype)"(\s*:\s*)"[a-z0-9]+"/) { "\"\($0.1)\"\($0.2)\"\(dtype)\"" }.utf8)
        }
        return files
    }

    /// Writes the folder, which takes its name only when everything in it is on the disk.
    ///
    /// - Parameter progress: told the bytes of every piece that is written; what it throws stops the writing, and nothing is
    ///   left behind.
    /// - Throws: `CheckpointError` when a PyTorch archive's checksum does not fit its bytes, there is not enough space or a file
    ///   cannot be written.
    @discardableResult
    public func write(
        to path: String, maximumShardByteCount: Int = ModelFolder.defaultMaximumShardByteCount,
        progress: (_ byteCount: Int) throws(CheckpointError) -> Void = { (_) throws(CheckpointError) in }
    ) throws(CheckpointError) -> ModelFolder {
        try ModelFolder.write(
            tensors, files: files, maximumShardByteCount: maximumShardByteCount, to: path, progress: progress)
    }
}
