import ArgumentParser
import Checkpoints
import Foundation
import NN
import SyrinxModels

/// `syrinx inspect`: a model's parameter tree and counts, without allocating it.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print a model's parameter tree and counts without allocating it.",
        discussion: """
            MODEL is a named size (see --list) or a folder with a config.json. With --verify, the folder's weights are \
            compared with its config.json and every file with its SHA256SUMS, as far as it has one: loading a model \
            compares files of up to \(ModelFolder.alwaysVerifiedByteCount >> 20) MiB only.
            """)

    @Argument(help: "A named size such as mm1-30b, or a model's folder.")
    var model: String?

    @Flag(help: "List the named sizes.")
    var list = false

    @Flag(help: "Print every parameter: name, shape, initializer.")
    var parameters = false

    @Flag(help: "Read a folder's files in full: checksums, and weights that fit the configuration.")
    var verify = false

    @Option(help: "How many levels of the tree to print.")
    var depth = 3

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if model == nil && !list { throw ValidationError("name a model, or pass --list to see the named sizes") }
        if depth < 1 { throw ValidationError("--depth must be at least 1, not \(depth)") }
        if verify && (model == nil || list) { throw ValidationError("--verify needs a model's folder") }
    }

    func run() throws {
        guard let model, !list else { return try printSizes() }
        let size = ModelRegistry.namedSizes.first { $0.name == model }
        let configuration = try size?.configuration() ?? configurationFile(of: model)
        let (_, store) = try ModelRegistry.declare(
            configuration: configuration, named: "\(model)/\(ModelFolder.FileName.config)")
        if verify { return try verify(model, store, isNamedSize: size != nil) }
        if parameters { return print(store.specification, terminator: "") }
        let report = InspectReport(name: model, store: store, publishedDecoderCount: size?.publishedDecoderCount)
        print(json ? try report.json() : report.text(summary: size?.summary, depth: depth))
    }

    private func printSizes() throws {
        let sizes = ModelRegistry.namedSizes
        if json {
            let entries = sizes.map { ["name": $0.name, "summary": $0.summary] }
            let data = try JSONSerialization.data(withJSONObject: entries, options: [.prettyPrinted, .sortedKeys])
            return print(String(decoding: data, as: UTF8.self))
        }
        let width = sizes.map(\.name.count).max() ?? 0
        for size in sizes { print(size.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + size.summary) }
    }

    private func configurationFile(of folder: String) throws -> Data {
        guard let files = try? ModelFolder(path: folder), files.contains(ModelFolder.FileName.config) else {
            throw ValidationError(
                "\"\(folder)\" is neither a named size (see syrinx inspect --list) nor a folder with a config.json")
        }
        return Data(try files.bytes(of: ModelFolder.FileName.config))
    }

    /// Everything that can be wrong with a folder's files, without copying a weight.
    private func verify(_ folder: String, _ store: ParameterStore, isNamedSize: Bool) throws {
        if isNamedSize { throw ValidationError("--verify needs a model's folder, and \(folder) is a named size") }
        let files = try ModelFolder(path: folder)
        let weights = try files.stateDict()
        do { try store.load(weights, dtype: nil) } catch var report {
            report.checkpoint = folder
            throw report
        }
        let verified = try files.verifyChecksums()
        if json { return print(#"{"tensors": \#(weights.count), "verified_files": \#(verified)}"#) }
        let sums =
            verified > 0
            ? "\(verified) files have the SHA-256 that \(ModelFolder.FileName.checksums) gives"
            : "there is no \(ModelFolder.FileName.checksums), so changed bytes would go unnoticed"
        print("\(folder): \(weights.count) tensors fit config.json; \(sums)")
    }
}

/// What `syrinx inspect` says of a model.
private struct InspectReport {
    let name: String
    let store: ParameterStore
    let publishedDecoderCount: Double?

    private var total: Int { store.elementCount() }
    private func count(_ prefix: String) -> Int { store.elementCount(under: prefix) }

    /// Decoder parameters without the embedding table and an untied head.
    private var decoderCount: Int {
        count("language_model") - count("language_model.model.embed_tokens") - count("language_model.lm_head")
    }

    func text(summary: String?, depth: Int) -> String {
        var lines = [summary.map { "\(name): \($0)" } ?? name, ""]
        let root = ParameterTree(store: store)
        lines += root.lines(depth: depth)
        lines += ["", "\(grouped(store.parameters.count)) parameters by name, \(grouped(total)) elements"]
        lines.append("in float32 \(gigabytes(4)), in bfloat16 \(gigabytes(2))")
        if decoderCount > 0 {
            var line = "decoder without embeddings: \(grouped(decoderCount))"
            if let published = publishedDecoderCount {
                let difference = 100 * (Double(decoderCount) / published - 1)
                line += String(format: " (%+.1f%% of the %@ its size is named after)", difference, short(published))
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n")
    }

    func json() throws -> String {
        var object: [String: Any] = [
            "name": name, "parameter_count": store.parameters.count, "element_count": total,
            "decoder_element_count": decoderCount,
            "parts": Dictionary(
                uniqueKeysWithValues: Set(store.parameters.compactMap { $0.name.split(separator: ".").first })
                    .map { (String($0), count(String($0))) }),
        ]
        if let publishedDecoderCount { object["published_decoder_element_count"] = publishedDecoderCount }
        let data = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
        return String(decoding: data, as: UTF8.self)
    }

    private func gigabytes(_ bytes: Int) -> String {
        let size = Double(total * bytes)
        return size < 1e9 ? String(format: "%.1f MB", size / 1e6) : String(format: "%.1f GB", size / 1e9)
    }

    private func short(_ count: Double) -> String {
        count >= 1e9 ? String(format: "%gB", count / 1e9) : String(format: "%gM", count / 1e6)
    }
}

/// A number with thousands separated by commas.
private func grouped(_ number: Int) -> String {
    var digits = Array(String(number))
    var index = digits.count - 3
    while index > 0 {
        digits.insert(",", at: index)
        index -= 3
    }
    return String(digits)
}

/// Parameters as a tree; runs of equal layers are folded into one line.
private struct ParameterTree {
    private final class Node {
        var children: [(name: String, node: Node)] = []
        var elementCount = 0
        var shape: [Int]?

        func child(_ name: String) -> Node {
            if let found = children.first(where: { $0.name == name }) { return found.node }
            let node = Node()
            children.append((name, node))
            return node
        }

        /// What makes two layers equal: their own trees.
        var signature: String {
            if let shape { return "\(shape)" }
            return children.map { "\($0.name):\($0.node.signature)" }.joined(separator: ",")
        }
    }

    private let root = Node()

    init(store: ParameterStore) {
        for parameter in store.parameters {
            var node = root
            node.elementCount += parameter.elementCount
            for part in parameter.name.split(separator: ".") {
                node = node.child(String(part))
                node.elementCount += parameter.elementCount
            }
            node.shape = parameter.shape
        }
    }

    func lines(depth: Int) -> [String] { lines(of: root, indent: 0, depth: depth) }

    private func lines(of node: Node, indent: Int, depth: Int) -> [String] {
        guard depth > 0 else { return [] }
        var result: [String] = []
        var index = 0
        while index < node.children.count {
            let (name, child) = node.children[index]
            var last = index
            if Int(name) != nil {
                let signature = child.signature
                while last + 1 < node.children.count, node.children[last + 1].node.signature == signature { last += 1 }
            }
            let repeats = last - index + 1
            let label = repeats > 1 ? "\(name)...\(node.children[last].name)" : name
            let shape = child.shape.map { " [\($0.map(String.init).joined(separator: ", "))]" } ?? ""
            let count = grouped(child.elementCount) + (repeats > 1 ? " each, \(repeats) times" : "")
            let left = String(repeating: "  ", count: indent) + label + shape
            result.append(left.padding(toLength: max(44, left.count + 2), withPad: " ", startingAt: 0) + count)
            result += lines(of: child, indent: indent + 1, depth: depth - 1)
            index = last + 1
        }
        return result
    }
}
