import Digests
import Foundation
import Testing

@Suite("Digests")
struct DigestTests {
    @Test("CRC-32 equals the check value of the catalogues")
    func checksum() {
        #expect(Array("123456789".utf8).withUnsafeBytes { CRC32.checksum($0) } == 0xCBF4_3926)
        #expect([UInt8]().withUnsafeBytes { CRC32.checksum($0) } == 0)
    }

    @Test(
        "SHA-256 equals the published test vectors",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func knownAnswers(text: String, expected: String) {
        #expect(Digest.sha256(text).hex == expected)
        #expect(Digest.sha256(Array(text.utf8)).description == expected)
    }

    @Test("pieces of any size give the digest of the whole, and a copy goes on by itself")
    func streaming() {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var hasher = SHA256Hasher()
        var rest = bytes[...]
        var size = 1
        while !rest.isEmpty {
            hasher.update(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
            size = size * 2 + 1
        }
        var copy = hasher
        copy.update([7])
        #expect(hasher.finalize() == Digest.sha256(bytes))
        #expect(hasher.finalize() == Digest.sha256(bytes))
        #expect(copy.finalize() == Digest.sha256(bytes + [7]))
    }

    @Test("a file's digest is that of its bytes, also past one buffer")
    func file() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        let bytes = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(try Digest.sha256(fileAt: path) == Digest.sha256(bytes))
    }

    @Test("a missing file is named, with the reason")
    func missing() throws {
        let error = #expect(throws: DigestError.self) { try Digest.sha256(fileAt: "/nowhere/at/all") }
        #expect(error?.description.contains("/nowhere/at/all") == true)
        #expect(error?.description.contains("No such file") == true)
    }

    @Test("hexadecimal text reads back, and anything else is refused")
    func hexadecimal() {
        let digest = Digest.sha256("syrinx")
        #expect(SHA256Digest(hex: digest.hex) == digest)
        #expect(SHA256Digest(hex: digest.hex.uppercased()) == digest)
        #expect(SHA256Digest(hex: String(digest.hex.dropLast())) == nil)
        #expect(SHA256Digest(hex: String(digest.hex.dropLast()) + "g") == nil)
        #expect(SHA256Digest(bytes: [1, 2, 3]) == nil)
    }

    @Test("the stable hash never changes")
    func stable() {
        #expect(stableHash64("abc") == 0xba78_16bf_8f01_cfea)
        #expect(stableUnitInterval("abc") == Double(0xba78_16bf_8f01_cfea as UInt64 >> 11) / 9_007_199_254_740_992)
        let places = (0..<1000).map { stableUnitInterval("item \($0)") }
        #expect(places.allSatisfy { (0..<1).contains($0) })
        #expect((450...550).contains(places.count { $0 < 0.5 }))
    }
}
