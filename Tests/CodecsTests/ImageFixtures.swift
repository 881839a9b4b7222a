import Foundation
import Media
import Testing

/// The files that `scripts/reference/pillow_pictures.py` wrote, and what Pillow reads in them.
struct ImageFixtures: Decodable {
    struct Item: Decodable, Sendable, CustomTestStringConvertible {
        let file: String
        let width: Int
        let height: Int
        let offset: Int
        let target: Int?

        var bytes: [UInt8] { ImageFixtures.bytes(file) }

        /// Pillow's upright RGB over white.
        var expected: Image {
            let end = offset + width * height * 3
            return Image(width: width, height: height, pixels: Array(ImageFixtures.pixels[offset..<end]))
        }

        var testDescription: String { target.map { "\(file) for \($0) pixels" } ?? file }
    }

    let images: [Item]

    private enum CodingKeys: String, CodingKey {
        case images = "pictures"
    }

    static let all = try! JSONDecoder().decode(ImageFixtures.self, from: Data(bytes("expected.json"))).images
    private static let pixels = bytes("expected.bin")

    static func bytes(_ name: String) -> [UInt8] { [UInt8](try! Data(contentsOf: URL(filePath: path(name)))) }

    static func path(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)").path
    }
}

/// A repeatable source of numbers for damaged files.
struct Noise {
    var state: UInt64

    mutating func next(below bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
}
