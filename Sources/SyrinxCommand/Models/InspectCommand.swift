import ArgumentParser
import Checkpoints
import Foundation
import NN
import Settings
import SyrinxModels
import Terminal

/// `syrinx inspect`: a model's parameter tree and counts, without allocating it.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print a model's parameter tree and counts without allocating the model.",
        usage: "syrinx inspect <model> [<options>]",
        discussion: """
            MODEL is a named size (see --list), a folder with a config.json, a folder with a LoRA adapter, or one weights \
            file: safetensors or a PyTorch archive. --verify compares the folder's weights with its config.json, and every \
            file with its SHA256SUMS if there is one; loading a model compares only files of up to \
            \(ModelFolder.alwaysVerifiedByteCount >> 20) MiB.

              syrinx inspect \(FamilyHelp.exampleSize)
              syrinx inspect my-model --verify
              syrinx inspect pytorch_model.bin --parameters
            """)

    @Argument(
        help: "A named size such as \(FamilyHelp.exampleSize), a folder of a model or an adapter, or a weights file."
    )
    var model: String?

    @Flag(help: "List the named sizes.")
    var list = false

    @Flag(help: "Print every parameter: name, shape, initializer.")
    var parameters = false

    @Flag(help: "Read a folder's files in full: compare checksums, and the weights with the configuration.")
    var verify = false

    @Option(parsing: .unconditional, help: "How many levels of the tree to print.")
    var depth = 3

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if model == nil && !list { throw ValidationError("name a model, or use --list to see the named sizes") }
        if depth < 1 { throw ValidationError("--depth is \(depth); it must be at least 1") }
        if verify && (model == nil || list) { throw ValidationError("--verify needs a model's folder") }
    }

    func run() throws {
        guard let model, !list else { return try printSizes() }
        if let size = ModelRegistry.namedSizes.first(where: { $0.name == model }) {
            if verify { throw ValidationError("--verify needs a model's folder, but \(model) is a named size") }
            let (_, store) = try ModelRegistry.declare(size.shape)
            return try show(
                InspectReport(name: model, store: store, publishedDecoderCount: size.publishedDecoderCount),
                summary: size.summary)
        }
        if ModelFolder.isFile(model) {
            if verify { throw ValidationError("--verify needs a model's folder, but \(model) is a file") }
            return try show(WeightsReport(name: model, try ModelFolder.storedWeights(inFile: model)))
        }
        if AdapterFolder.isAdapter(model) { return try inspectAdapter(model) }
        let store = try declaredFolder(model)
        if verify { return try verify(model, store) }
        try show(InspectReport(name: model, store: store, publishedDecoderCount: nil), summary: nil)
    }

    private func show(_ report: InspectReport, summary: String?) throws {
        if parameters { return print(report.store.specification, terminator: "") }
        print(json ? try report.json() : report.text(summary: summary, depth: depth))
    }

    private func show(_ report: WeightsReport) throws {
        if parameters { return print(report.list, terminator: "") }
        print(json ? try report.json() : report.text(depth: depth))
    }

    private func inspectAdapter(_ path: String) throws {
        let adapter = try AdapterFolder(path: path)
        note(adapter.remarks())
        if verify {
            let count = try ModelFolder(path: path).verifyChecksums()
            return print("\(path): \(adapter.weights.count) tensors of an adapter; \(sums(count))")
        }
        try show(WeightsReport(name: path, adapter))
    }

    private func printSizes() throws {
        let sizes = ModelRegistry.namedSizes
        if json {
            let entries = sizes.map { ["name": $0.name, "summary": $0.summary] }
            let data = try JSONSerialization.data(withJSONObject: entries, options: [.prettyPrinted, .sortedKeys])
            return print(String(decoding: data, as: UTF8.self))
        }
        print(TerminalStyle.standardOutput.list(sizes.map { ($0.name, $0.summary) }))
    }

    /// The model of a folder, declared; what its configuration leaves open, the shapes of its weights say, if it has any.
    private func declaredFolder(_ path: String) throws -> ParameterStore {
        let folder = try folder(path)
        let configuration = Data(try folder.bytes(of: ModelFolder.FileName.config))
        let name = folder.path(of: ModelFolder.FileName.config)
        let store = try ModelRegistry.declare(
            configuration: configuration, named: name,
            weightShapes: try hasWeights(folder) ? try folder.storedWeights().shapes : [:]
        ).store
        note(ModelRegistry.remarks(onConfiguration: configuration, named: name) + folder.remarks())
        return store
    }

    private func note(_ remarks: [String]) {
        for remark in remarks { ExitStatus.writeToStandardError("note: \(remark)\n") }
    }

    /// The folder of a model.
    private func folder(_ path: String) throws -> ModelFolder {
        guard FileManager.default.fileExists(atPath: path) else {
            let near = NearestName.find(path, among: ModelRegistry.namedSizes.map(\.name))
            throw ValidationError(
                "\"\(path)\" does not exist and is not a named size"
                    + (near.map { "; did you mean \($0)?" } ?? " (see syrinx inspect --list)"))
        }
        let folder = try ModelFolder(path: path), config = ModelFolder.FileName.config
        guard folder.contains(config) else {
            let isRun = ModelFolder.isFile("\(path)/model/\(config)")
            throw ValidationError(
                "\"\(path)\" is a folder with neither a \(config) nor an \(AdapterFolder.FileName.config)"
                    + (isRun ? "; did you mean \(path)/model?" : ""))
        }
        return folder
    }

    /// Whether there are weights, whole or damaged.
    private func hasWeights(_ folder: ModelFolder) throws -> Bool {
        do throws(CheckpointError) {
            _ = try folder.weightFileNames()
            return true
        } catch .incomplete {
            return false
        }
    }

    /// Everything that can be wrong with a folder's files, without copying a weight.
    private func verify(_ folder: String, _ store: ParameterStore) throws {
        let files = try ModelFolder(path: folder)
        let (_, _, _, weights) = try ModelRegistry.open(files)
        do { try store.load(weights, dtype: nil) } catch {
            throw error.named(folder, wanting: nil)
        }
        let verified = try files.verifyChecksums()
        if json { return print(#"{"tensors": \#(weights.count), "verified_files": \#(verified)}"#) }
        print("\(folder): \(weights.count) tensors fit config.json; \(sums(verified))")
    }

    private func sums(_ count: Int) -> String {
        count > 0
            ? "\(count) files match the SHA-256 in \(ModelFolder.FileName.checksums)"
            : "there is no \(ModelFolder.FileName.checksums), so changed bytes would go unnoticed"
    }
}
