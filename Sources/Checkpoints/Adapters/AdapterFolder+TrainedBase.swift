internal import NN
internal import Torch

/// Weights of the model itself in an adapter's folder.
///
/// LLaVA's scripts for LoRA, and others made from them, train parts of the model as they are (the abstractor, say) and write
/// them beside the adapter.
extension AdapterFolder {
    /// The weights of ``FileName/trainedBase``, by the model's names; empty where there is no such file.
    static func trainedBase(in folder: ModelFolder) throws(CheckpointError) -> StateDict {
        guard folder.contains(FileName.trainedBase) else { return StateDict() }
        let stored = try ModelFolder.storedWeights(inFile: folder.path(of: FileName.trainedBase))
        var weights = StateDict()
        for entry in stored.entries {
            let name = baseName(entry.name)
            guard weights[name] == nil else {
                throw .incomplete(
                    folder: folder.path, reason: "two tensors of its \(FileName.trainedBase) belong to \(name)")
            }
            weights[name] = try stored.tensor(entry.name)
        }
        return weights
    }

    /// `base_model.model.a.b.base_layer.weight` as `a.b.weight`: without PEFT's wrapping.
    private static func baseName(_ name: String) -> String {
        let prefix = "base_model.model."
        return (name.hasPrefix(prefix) ? name.dropFirst(prefix.count) : name[...])
            .split(separator: ".", omittingEmptySubsequences: false)
            .filter { $0 != "base_layer" }.joined(separator: ".")
    }

    /// The first tensor, of the adapter or trained beside it, that holds a value which is no number; nil where all are.
    ///
    /// Reads all of them.
    public var firstNotANumber: String? {
        (weights.pairs + trainedBase.pairs).first { _, tensor in
            tensor.dtype.isFloatingPoint && tensor.elementCount > 0 && (tensor.max().item() as Double).isNaN
        }?.0
    }

    /// What a user should know of the folder, one sentence each: weights that lie in it and are not read.
    public func remarks() -> [String] {
        guard let folder = try? ModelFolder(path: path) else { return [] }
        let used = [FileName.weights, FileName.archive].first(where: folder.contains) ?? FileName.weights
        let others = folder.otherWeights(than: [used, FileName.trainedBase])
        if others.isEmpty { return [] }
        return ["\(path): \(used) is read; \(ModelFolder.listed(others)), which may also contain weights, is not"]
    }
}
