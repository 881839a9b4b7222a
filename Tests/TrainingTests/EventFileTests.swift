import Foundation
import Testing
import Training

@Suite("TensorBoard event files")
struct EventFileTests {
    /// Splits an event file into its records, checking every length.
    private func records(_ bytes: [UInt8]) -> [[UInt8]] {
        var records: [[UInt8]] = []
        var offset = 0
        while offset + 12 <= bytes.count {
            let length = bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
            guard offset + 12 + length + 4 <= bytes.count else { break }
            records.append(Array(bytes[offset + 12..<offset + 12 + length]))
            offset += 16 + length
        }
        #expect(offset == bytes.count, "bytes after the last record")
        return records
    }

    @Test("A file starts with the version and holds one record for each call, in order")
    func structure() throws {
        let folder = NSTemporaryDirectory() + "/events-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = try EventFile(folder: folder)
        try file.add([("loss", .scalar(1.5))], step: 300)
        try file.add(
            [("image", .image(png: [1, 2, 3], width: 4, height: 5)), ("caption", .text("a red bird"))], step: 301)
        let records = records(Array(try Data(contentsOf: URL(fileURLWithPath: file.path))))
        #expect(records.count == 3)
        // wall_time is the first field: key 0x09 and eight bytes. Then the version string in field 3.
        #expect(Array(records[0].dropFirst(9)) == [0x1A, 13] + Array("brain.Event:2".utf8))
        // Step 300 in field 2 as a varint, the summary in field 5 with one value {tag, simple_value}.
        #expect(
            Array(records[1].dropFirst(9))
                == [0x10, 0xAC, 0x02, 0x2A, 13, 0x0A, 11, 0x0A, 4] + Array("loss".utf8) + [0x15, 0, 0, 0xC0, 0x3F])
        #expect(String(decoding: records[2], as: UTF8.self).contains("a red bird"))
    }

    @Test("A folder that cannot be written is one sentence")
    func readOnly() {
        #expect(throws: TrainingError.self) { _ = try EventFile(folder: "/proc/none/tensorboard") }
    }
}

@Suite("CRC-32C")
struct CRC32CTests {
    // The check value of RFC 3720's polynomial, and the four 32-byte vectors of its appendix B.4.
    @Test("The checksums are those of RFC 3720")
    func vectors() {
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum(Array(0..<32)) == 0x46DD_794E)
        #expect(CRC32C.checksum((0..<32).reversed()) == 0x113F_DB5C)
    }
}
