import Checkpoints
import Foundation
import NN
import Torch

/// What `syrinx inspect` says of a model.
struct InspectReport {
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
        let root = ParameterTree(store.parameters.map { ($0.name, $0.shape) })
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

    private func gigabytes(_ bytes: Int) -> String { byteText(total * bytes) }

    private func short(_ count: Double) -> String {
        count >= 1e9 ? String(format: "%gB", count / 1e9) : String(format: "%gM", count / 1e6)
    }
}

/// Bytes as kilobytes, megabytes or gigabytes.
func byteText(_ count: Int) -> String {
    let size = Double(count)
    let (scale, unit) = size < 1e6 ? (1e3, "KB") : size < 1e9 ? (1e6, "MB") : (1e9, "GB")
    return String(format: "%.1f %@", size / scale, unit)
}

/// What `syrinx inspect` says of tensors without a configuration: those of one file, or of an adapter.
struct WeightsReport {
    private struct Row {
        var name: String
        var typeName: String
        var shape: [Int]
        var elementCount: Int { shape.reduce(1, *) }
    }

    private let name: String
    private let tensors: [Row]
    private let adapter: AdapterFolder?

    init(name: String, _ weights: StoredWeights) {
        self.name = name
        tensors = weights.entries.map { Row(name: $0.name, typeName: $0.typeName, shape: $0.shape) }
        adapter = nil
    }

    init(name: String, _ adapter: AdapterFolder) {
        self.name = name
        tensors = adapter.weights.pairs.map { Row(name: $0.0, typeName: "\($0.1.dtype)", shape: $0.1.shape) }
        self.adapter = adapter
    }

    private var elementCount: Int { tensors.reduce(0) { $0 + $1.elementCount } }

    /// One line a tensor.
    var list: String { tensors.map { "\($0.name) \($0.shape) \($0.typeName)\n" }.joined() }

    func text(depth: Int) -> String {
        let types = Dictionary(grouping: tensors, by: \.typeName).mapValues(\.count).sorted { $0.key < $1.key }
            .map { "\($0.value) in \($0.key)" }.joined(separator: ", ")
        var lines = [name]
        if let adapter {
            let values = adapter.adaptation
            lines.append(
                "LoRA adapter of rank \(values.rank), alpha \(values.alpha), dropout \(values.dropout), on "
                    + "\(values.targets.count) linear layers" + (adapter.baseModel.map { " of \($0)" } ?? ""))
            if !adapter.trainedBase.isEmpty {
                let (count, name) = (adapter.trainedBase.count, AdapterFolder.FileName.trainedBase)
                lines.append("\(count) weights of the model itself, trained with it, in \(name)")
            }
        }
        lines += [""] + ParameterTree(tensors.map { ($0.name, $0.shape) }).lines(depth: depth)
        lines += ["", "\(grouped(tensors.count)) tensors (\(types)), \(grouped(elementCount)) elements"]
        return lines.joined(separator: "\n")
    }

    func json() throws -> String {
        var object: [String: Any] = [
            "name": name, "tensor_count": tensors.count, "element_count": elementCount,
            "tensors": tensors.map { ["name": $0.name, "dtype": $0.typeName, "shape": $0.shape] as [String: Any] },
        ]
        if let adapter {
            object["adapter"] =
                [
                    "rank": adapter.adaptation.rank, "alpha": adapter.adaptation.alpha,
                    "dropout": adapter.adaptation.dropout, "targets": adapter.adaptation.targets,
                    "base_model": adapter.baseModel ?? "",
                ] as [String: Any]
        }
        let data = try JSONSerialization.data(
            withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }
}
