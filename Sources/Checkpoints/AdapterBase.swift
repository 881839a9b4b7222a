public import NN
internal import Settings
internal import Torch

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A few values of the weights that an adapter was trained beside, which tell other weights of the same shapes apart.
///
/// Shapes alone do not: an adapter fits every model of its base's size, and on another one its answers mean nothing. PEFT knows
/// only a name, which changes with every copy; whole hashes would make loading read every byte. The values are compared
/// loosely enough for a base that was converted to another dtype.
struct AdapterBase: Codable {
    /// The file in an adapter's folder that holds it; PEFT does not look at it.
    static let fileName = "base_model.json"

    /// What the base was called.
    var name: String?
    /// Values evenly spaced over each of some adapted weights, by the weight's name.
    var values: [String: [Float]]

    private static let layerLimit = 16
    private static let valueCount = 8
    /// Rounding to bfloat16 changes a value by 2^-9 of itself at most.
    private static let tolerance: Float = 0x1p-7

    /// - Parameter layers: the adapted layers' paths.
    init(name: String?, layers: [String], of base: StateDict) {
        self.name = name
        values = [:]
        let step = max(1, (layers.count + Self.layerLimit - 1) / Self.layerLimit)
        for place in stride(from: 0, to: layers.count, by: step) {
            let weight = layers[place] + ".weight"
            if let tensor = base[weight] { values[weight] = Self.sample(tensor) }
        }
    }

    private static func sample(_ tensor: Tensor) -> [Float] {
        let count = tensor.elementCount
        guard count > 0 else { return [] }
        let places = (0..<Int64(valueCount)).map { $0 * Int64(count - 1) / Int64(valueCount - 1) }
        return tensor.flatten().indexSelect(dim: 0, Tensor(places).to(tensor.device)).to(.float32).to(.cpu)
            .array(of: Float.self)
    }

    /// Where these weights differ from the base's; nil where they do not, as far as both are there.
    func difference(from base: StateDict) -> String? {
        for (weight, known) in values.sorted(by: { $0.key < $1.key }) {
            guard let tensor = base[weight] else { continue }
            for (there, here) in zip(known, Self.sample(tensor))
            where (there - here).magnitude > Self.tolerance * max(there.magnitude, here.magnitude) + 1e-6 {
                return "\(weight) has \(there) there and \(here) here"
            }
        }
        return nil
    }
}

extension AdapterFolder {
    /// What a user must know before he trusts this adapter on a base: that it was trained beside other weights of the same
    /// shapes. Nil where they are the same, and for adapters that do not tell, as those of PEFT.
    public func warning(on base: StateDict, named name: String) -> String? {
        guard let trainedOn, let difference = trainedOn.difference(from: base) else { return nil }
        let original = trainedOn.name.map { " (\($0))" } ?? ""
        return "the adapter \(path) was trained beside other weights\(original) than those of \(name): \(difference); "
            + "its answers mean little here"
    }

    /// The base that a folder tells of; nil where it tells of none.
    static func base(in folder: ModelFolder) throws(CheckpointError) -> AdapterBase? {
        guard folder.contains(AdapterBase.fileName) else { return nil }
        let bytes = try folder.bytes(of: AdapterBase.fileName)
        do { return try StrictJSON.decode(AdapterBase.self, from: bytes) } catch {
            let reason = (error as? StrictJSON.Malformed)?.reason ?? "\(error)"
            throw .malformed(path: folder.path(of: AdapterBase.fileName), reason: reason)
        }
    }
}
