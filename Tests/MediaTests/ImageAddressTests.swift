import Foundation
import Media
import Testing

@Suite struct ImageAddressTests {
    @Test func `Paths, data URLs and web addresses are told apart`() {
        #expect(ImageAddress("a.png") == .path("a.png"))
        #expect(ImageAddress("-") == .path("-"))
        #expect(ImageAddress("C://a.png") == .path("C://a.png"))
        #expect(ImageAddress("file:///tmp/a%20b.png") == .path("/tmp/a b.png"))
        #expect(ImageAddress("data:,x") == .dataURL("data:,x"))
        #expect(ImageAddress("DATA:,x") == .dataURL("DATA:,x"))
        #expect(["http://a", "https://a/b.png", "ftp://a", "gs://a"].allSatisfy { ImageAddress($0) == .web })
        #expect(ImageAddress("https:/a") == .path("https:/a"))
    }

    @Test func `Only paths are relative to a folder`() {
        let folder = URL(fileURLWithPath: "/data", isDirectory: true)
        #expect(ImageAddress.located("a.png", in: folder) == "/data/a.png")
        #expect(ImageAddress.located("/b/a.png", in: folder) == "/b/a.png")
        #expect(ImageAddress.located("data:,x", in: folder) == "data:,x")
        #expect(ImageAddress.located("https://a/b.png", in: folder) == "https://a/b.png")
    }

    @Test func `Data URLs are base64 of either alphabet, or text with percent signs`() {
        func bytes(_ text: String) -> [UInt8]? { DataURL(text)?.bytes }
        #expect(bytes("data:image/png;base64,+/+/") == [0xFB, 0xFF, 0xBF])
        #expect(bytes("data:image/png;base64,-_-_") == [0xFB, 0xFF, 0xBF])
        #expect(bytes("data:;BASE64,QQ") == [0x41] && bytes("data:;base64,Q\nQ==") == [0x41])
        #expect(bytes("data:text/plain,a%20b") == Array("a b".utf8))
        #expect(
            bytes("data:image/png;base64") == nil && bytes("data:;base64,Q") == nil && bytes("data:;base64,Q!==") == nil
        )
        #expect(bytes("data:;base64,") == [])
    }

    @Test func `A data URL is called by its type and length`() {
        let name = ImageAddress.name("data:image/png;base64," + String(repeating: "A", count: 5000))
        #expect(name == "data:image/png URL of 5022 characters")
        #expect(ImageAddress.name("a.png") == "a.png")
    }
}
