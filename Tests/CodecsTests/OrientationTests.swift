import Codecs
import Foundation
import Media
import Testing

/// Files that say how they are turned, and what Pillow makes of it (`scripts/reference/pillow_orientation.py`).
@Suite struct OrientationTests {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let orientation: Int
        let file: Data

        var testDescription: String { name }
    }

    static let cases = try! JSONDecoder().decode([Case].self, from: Data(ImageFixtures.bytes("orientation.json")))

    @Test(arguments: cases) func `An image is turned where Pillow turns it`(item: Case) throws {
        let info = try ImageCodec().imageInfo(of: [UInt8](item.file))
        #expect(info.orientation.rawValue == item.orientation)
        #expect(info.width == (item.orientation >= 5 ? 2 : 3) && info.height == (item.orientation >= 5 ? 3 : 2))
        #expect(try ImageCodec().image(from: [UInt8](item.file)).width == info.width)
    }

    @Test func `Every container and every type of number is tried`() {
        #expect(Self.cases.count >= 45)
        #expect(Set(Self.cases.map { $0.name.prefix { $0 != "," } }) == ["JPEG", "PNG", "WebP", "TIFF", "AVIF"])
    }
}
