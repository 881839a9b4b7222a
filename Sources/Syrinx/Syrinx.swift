import Checkpoints
import Digests
import Machine
public import Media
import NN
import Processors
import SyrinxModels
import Tokenizers
public import Torch

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where a program that uses Syrinx begins.
///
///     let model = try Syrinx.load("demo/seed-0/model")
///     print(try await model.describe(imageAt: "apple.png"))
public enum Syrinx {
    /// Loads the model in a folder of Hugging Face's layout: `config.json`, safetensors, `tokenizer.model`,
    /// `preprocessor_config.json`.
    ///
    /// The family follows from `model_type` in `config.json`. Weights stay mapped where no conversion is needed.
    /// - Parameters:
    ///   - folder: path of the folder.
    ///   - adapter: path of a PEFT folder whose adapter is used from the start; ``SyrinxModel/adapted(by:)`` exchanges it.
    ///   - dtype: the dtype of the weights; `nil` keeps the checkpoint's.
    ///   - device: where the weights go.
    ///   - imageMode: how images become square, where another way than the family's own is wanted.
    ///   - storedTables: whether tables of fixed values that the folder stores are read, rounded or not, as the published code
    ///     does, instead of recomputed exactly.
    /// - Throws: one sentence that names the folder and what is missing or wrong; `LoadReport` has every tensor that does
    ///   not fit.
    public static func load(
        _ folder: String, adapter: String? = nil, dtype: DType? = .float32, device: Device = .cpu,
        imageMode: ImageProcessor.Resize? = nil, storedTables: Bool = false
    ) throws -> SyrinxModel {
        guard FileManager.default.fileExists(atPath: folder) else {
            throw SyrinxError(
                "there is no model folder at \(folder); train one with `syrinx train`, or check the path; download a model of "
                    + "the Hugging Face Hub first, then give its folder")
        }
        let files = try ModelFolder(path: folder)
        let configuration = Data(try files.bytes(of: ModelFolder.FileName.config))
        // The small files first: what is wrong in one of them says more than that its checksum differs.
        let declared = try ModelRegistry.declare(
            configuration: configuration, named: files.path(of: ModelFolder.FileName.config)
        ).description
        let tokenizer = try files.tokenizer()
        let artefacts = ModelRegistry.artefacts(ofConfiguration: configuration)
        var imageProcessor = try files.imageProcessor(for: declared, artefacts)
        if let expected = declared.imageSize, expected != imageProcessor.imageSize {
            throw SyrinxError(
                "\(folder): preprocessor_config.json makes images of \(imageProcessor.imageSize) pixels, but config.json's "
                    + "model reads \(expected); restore the file that was saved with the model")
        }
        try artefacts.check(
            ModelArtefacts(
                imageProcessor: imageProcessor.fingerprint, tokenizer: Digest.fingerprint(tokenizer.modelBytes)),
            in: folder)
        let chatTemplate = try chatTemplate(named: artefacts.chatTemplate, in: files)
        let (model, description, store, weights) = try ModelRegistry.open(files, storedTables: storedTables)
        let base = ModelBase(
            configuration: configuration, name: files.path(of: ModelFolder.FileName.config), store: store, dtype: dtype,
            storedTables: storedTables)
        let adapter = try adapter.map { try AdapterFolder(path: $0) }
        // Before the weights: what does not fit is known without them.
        if let adapter { _ = try base.declare(with: adapter) }
        // Which variant of its family it is, the weights may say.
        imageProcessor = try files.imageProcessor(for: description, artefacts)
        if let imageMode { imageProcessor.resize = imageMode }
        if device == .cpu { try requireMemory(toConvert: weights, to: dtype, from: folder) }
        do {
            try withTorchErrors { try store.load(weights, dtype: dtype, device: device) }
        } catch let error as TorchError {
            throw SyrinxError("\(folder): the weights cannot be moved to \(device): \(error.message)")
        } catch let report as LoadReport {
            throw report.named(folder, wanting: try? ModelRegistry.family(ofConfiguration: configuration).modelType)
        }
        var loaded = try SyrinxModel(
            model, description: description, tokenizer: tokenizer, imageProcessor: imageProcessor, name: folder,
            device: device, chatTemplate: chatTemplate)
        loaded.base = base.filled(from: store)
        loaded.remarks = try files.remarks(
            on: description, configuration, tokenizer: tokenizer, storedTables: storedTables)
        return try adapter.map { try loaded.adapted(by: $0) } ?? loaded
    }

    /// The template that a folder says its model was taught with.
    private static func chatTemplate(named name: String?, in files: ModelFolder) throws -> ChatTemplate? {
        do {
            return try name.map { try ModelRegistry.chatTemplate(named: $0) }
        } catch {
            throw SyrinxError("\(files.path(of: ModelFolder.FileName.config)): \(error)")
        }
    }

    /// Refuses to copy weights into memory that is not there; weights that stay mapped need none.
    private static func requireMemory(
        toConvert weights: StateDict, to dtype: DType?, from folder: String
    ) throws(SyrinxError) {
        guard let dtype else { return }
        let converted = weights.pairs.filter { $0.1.dtype.isFloatingPoint && $0.1.dtype != dtype }
        let needed = converted.reduce(0) { $0 + $1.1.elementCount * dtype.byteCount }
        guard let shortage = MachineMemory.shortage(of: needed) else { return }
        throw SyrinxError(
            "\(folder): the weights as \(dtype) need \(shortage); keep the checkpoint's dtype, or use a larger machine")
    }
}
