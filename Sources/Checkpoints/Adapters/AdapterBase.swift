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
/// only a name, which changes with every copy; whole hashes would make loading read every byte. Every part of the model is
/// looked at, because parts that were trained beside the adapter differ between the model before and after. The values are
/// compared loosely enough for a base that was converted to another dtype.
struct AdapterBase: Codable {
    /// The file in an adapter's folder that holds it; PEFT does not look at it.
    static let fileName = "base_model.json"

    /// What the base was called.
    var name: String?
    /// Values evenly spaced over each of some weights, by the weight's name; files of earlier versions have adapted ones alone.
    var values: [String: [Float]]

    /// In what other weights differ.
    struct Difference: Equatable {
        /// The parts, none within another.
        var parts: [String]
        /// One weight, and its value there and here.
        var example: String
    }

    /// Weights of a part.
    private static let weightLimit = 16
    private static let valueCount = 8
    /// Rounding to bfloat16 changes a value by 2^-8 of itself at most.
    private static let roundedTolerance: Float = 0x1p-7
    private static let exactTolerance: Float = 0x1p-20

    /// - Parameter layers: the adapted layers' paths.
    init(name: String?, layers: [String], of base: StateDict) {
        self.name = name
        let weights = base.names.filter {
            !$0.hasSuffix(LowRankAdaptation.Suffix.down) && !$0.hasSuffix(LowRankAdaptation.Suffix.up)
        }
        let adapted = layers.map { $0 + ".weight" }
        let parts = Dictionary(grouping: weights, by: Self.part).values.map { $0.sorted() }
        values = [:]
        for weight in ([adapted] + parts).flatMap(Self.some) {
            if values[weight] == nil, let tensor = base[weight] { values[weight] = Self.sample(tensor) }
        }
    }

    /// The part of a model that a weight belongs to: `model.vision_model` of `model.vision_model.encoder.layers.0.norm.weight`.
    private static func part(of weight: String) -> String {
        let path = weight.split(separator: ".").dropLast().prefix(2).joined(separator: ".")
        return path.isEmpty ? weight : path
    }

    /// Some of the names, evenly spaced.
    private static func some(of names: [String]) -> [String] {
        let step = max(1, (names.count + weightLimit - 1) / weightLimit)
        return stride(from: 0, to: names.count, by: step).map { names[$0] }
    }

    private static func sample(_ tensor: Tensor) -> [Float] {
        let count = tensor.elementCount
        guard count > 0 else { return [] }
        let places = (0..<Int64(valueCount)).map { $0 * Int64(count - 1) / Int64(valueCount - 1) }
        return tensor.flatten().indexSelect(dim: 0, Tensor(places).to(tensor.device)).to(.float32).to(.cpu)
            .array(of: Float.self)
    }

    /// Whether the values look like ones that were rounded to bfloat16 or float16 once: none has more digits.
    private static func areRounded(_ values: [Float]) -> Bool { values.allSatisfy { $0.bitPattern & 0x1FFF == 0 } }

    /// Where these weights differ from the base's; nil where they do not, as far as both are there.
    func difference(from base: StateDict) -> Difference? {
        var parts: Set<String> = []
        var example: String?
        for (weight, known) in values.sorted(by: { $0.key < $1.key }) {
            guard let own = base[weight].map(Self.sample) else { continue }
            // Frozen and trained weights of one model may have been kept in different dtypes.
            let isRounded = Self.areRounded(known) || Self.areRounded(own)
            let tolerance = isRounded ? Self.roundedTolerance : Self.exactTolerance
            let pair = zip(known, own).first { there, here in
                (there - here).magnitude > tolerance * max(there.magnitude, here.magnitude) + 1e-6
            }
            guard let (there, here) = pair else { continue }
            parts.insert(Self.part(of: weight))
            example = example ?? "\(weight) has \(there) there and \(here) here"
        }
        guard let example else { return nil }
        let outermost = parts.filter { part in !parts.contains { part.hasPrefix($0 + ".") } }
        return Difference(parts: outermost.sorted(), example: example)
    }
}

extension AdapterFolder {
    /// What a user must know before he trusts this adapter on a base: that it was trained beside other weights of the same
    /// shapes, and which parts these are. Nil where they are the same, and for adapters that do not tell, as those of PEFT.
    public func warning(on base: StateDict, named name: String) -> String? {
        guard let trainedOn, let difference = trainedOn.difference(from: base) else { return nil }
        let original = trainedOn.name.map { " (\($0))" } ?? ""
        let verb = difference.parts.count == 1 ? "differs" : "differ"
        return "the adapter \(path) was trained with other weights\(original) than \(name): "
            + "\(difference.parts.joined(separator: ", ")) \(verb) (\(difference.example)); its answers are unreliable here"
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
