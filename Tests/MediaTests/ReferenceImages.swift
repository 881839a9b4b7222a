import Foundation
import Media
import Testing

/// The results of resizing that `scripts/reference/pillow_resize.py` took from Pillow.
struct ResizeReference: Decodable {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        let width: Int
        let height: Int
        let channels: Int
        let newWidth: Int
        let newHeight: Int
        let filter: ResamplingFilter
        let seed: UInt64
        let checksum: String
        let box: [Float]?
        let offset: Int?

        /// The input that the script resized.
        var input: [UInt8] { generatedBytes(seed: seed, count: width * height * channels) }

        var testDescription: String {
            "\(width)x\(height)x\(channels) to \(newWidth)x\(newHeight) \(filter) \(box.map { "\($0)" } ?? "")"
        }
    }

    let order: ResamplingOrder
    let cases: [Case]

    static let horizontalFirst = load("pillow-resize.json")
    static let smallerFirst = load("pillow-resize-smaller-first.json")

    /// The bytes of the small results, one after another.
    static let results = [UInt8](try! Data(contentsOf: fixture("pillow-resize.bin")))

    private static func load(_ name: String) -> ResizeReference {
        try! JSONDecoder().decode(ResizeReference.self, from: Data(contentsOf: fixture(name)))
    }

    static func fixture(_ name: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures").appending(path: name)
    }
}

/// The high bytes of Knuth's MMIX linear congruential generator, as in the reference scripts.
func generatedBytes(seed: UInt64, count: Int) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(state >> 56)
    }
}

/// FNV-1a with 64 bits, as 16 hexadecimal digits.
func checksum(_ bytes: [UInt8]) -> String {
    let value = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// An image of generated noise.
func noise(_ width: Int, _ height: Int, seed: UInt64 = 1) -> Image {
    Image(width: width, height: height, pixels: generatedBytes(seed: seed, count: width * height * 3))
}
