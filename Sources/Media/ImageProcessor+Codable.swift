import Digests
public import Torch

/// Why a stored image processor was refused; the description is one sentence for the user.
public struct ImageProcessorError: InputError, Hashable, CustomStringConvertible {
    /// What is wrong, where, and what to do.
    public let description: String
}

extension ImageProcessor: Codable {
    private enum Key: String, CodingKey, CaseIterable {
        case imageSize, resize, filter, order, rescale, mean, standardDeviation, orientation, alpha
    }

    /// Any key at all, to see those that should not be there.
    private struct AnyKey: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// What `orientation` must say: EXIF orientation is applied when decoding.
    private static let orientationPolicy = "exif"

    /// What `alpha` must say: transparency is composited over white when decoding.
    private static let alphaPolicy = "overWhite"

    /// Reads a processor strictly: unknown keys and impossible values are errors. Keys left out keep their defaults,
    /// except `imageSize`.
    ///
    /// - Throws: `ImageProcessorError`, or `DecodingError` for a value of the wrong type.
    public init(from decoder: any Decoder) throws {
        let known = Set(Key.allCases.map(\.rawValue))
        let all = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
        if let stranger = all.filter({ !known.contains($0) }).min() {
            throw ImageProcessorError(
                description: """
                    image processor: unknown key "\(stranger)"; known are \
                    \(Key.allCases.map(\.rawValue).joined(separator: ", "))
                    """)
        }
        let values = try decoder.container(keyedBy: Key.self)
        let size = try values.decode(Int.self, forKey: .imageSize)
        guard (1...65_535).contains(size) else {
            throw ImageProcessorError(
                description: "image processor: imageSize is \(size); it must be from 1 to 65535 pixels")
        }
        self.init(imageSize: size)
        resize = try values.decodeIfPresent(Resize.self, forKey: .resize) ?? resize
        filter = try values.decodeIfPresent(ResamplingFilter.self, forKey: .filter) ?? filter
        order = try values.decodeIfPresent(ResamplingOrder.self, forKey: .order) ?? order
        rescale = try values.decodeIfPresent(Double.self, forKey: .rescale) ?? rescale
        mean = try values.decodeIfPresent([Double].self, forKey: .mean) ?? mean
        standardDeviation =
            try values.decodeIfPresent([Double].self, forKey: .standardDeviation) ?? standardDeviation
        try Self.require(values, .orientation, Self.orientationPolicy)
        try Self.require(values, .alpha, Self.alphaPolicy)
        guard mean.count == 3, standardDeviation.count == 3, standardDeviation.allSatisfy({ $0 > 0 }) else {
            throw ImageProcessorError(
                description: """
                    image processor: mean \(mean) and standardDeviation \(standardDeviation) need three values each, \
                    the latter above zero
                    """)
        }
    }

    private static func require(_ values: KeyedDecodingContainer<Key>, _ key: Key, _ policy: String) throws {
        let found = try values.decodeIfPresent(String.self, forKey: key) ?? policy
        guard found == policy else {
            throw ImageProcessorError(
                description: "image processor: \(key.rawValue) is \"\(found)\", only \"\(policy)\" is known")
        }
    }

    /// Writes every value, and the policies that decoding follows.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(imageSize, forKey: .imageSize)
        try values.encode(resize, forKey: .resize)
        try values.encode(filter, forKey: .filter)
        try values.encode(order, forKey: .order)
        try values.encode(rescale, forKey: .rescale)
        try values.encode(mean, forKey: .mean)
        try values.encode(standardDeviation, forKey: .standardDeviation)
        try values.encode(Self.orientationPolicy, forKey: .orientation)
        try values.encode(Self.alphaPolicy, forKey: .alpha)
    }

    /// One text per meaning: JSON with sorted keys, no spaces, and the shortest digits that give each number back.
    public var canonicalJSON: String {
        let list = { (values: [Double]) in "[\(values.map(\.description).joined(separator: ","))]" }
        let pairs = [
            ("alpha", "\"\(Self.alphaPolicy)\""), ("filter", "\"\(filter.rawValue)\""), ("imageSize", "\(imageSize)"),
            ("mean", list(mean)), ("order", "\"\(order.rawValue)\""), ("orientation", "\"\(Self.orientationPolicy)\""),
            ("rescale", rescale.description), ("resize", "\"\(resize.rawValue)\""),
            ("standardDeviation", list(standardDeviation)),
        ]
        return "{\(pairs.map { "\"\($0)\":\($1)" }.joined(separator: ","))}"
    }

    /// The first 16 hexadecimal digits of the SHA-256 of `canonicalJSON`: equal exactly when images are prepared alike.
    public var fingerprint: String { Digest.fingerprint(Array(canonicalJSON.utf8)) }
}
