import Corpora
import Foundation
import Testing

@Suite("Archives from elsewhere")
struct ArchiveTests {
    /// What `make fuzz` found. `archive-claimed-size`: 144 bytes that claim 256 MB, which were once cleared before reading.
    static let finds = ["archive-claimed-size"]

    @Test("what fuzzing found is refused, or read to no more than a small file can hold", arguments: finds)
    func readsFind(name: String) throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/Fuzz/\(name)")
        let archive = [UInt8](try Data(contentsOf: file))
        var byteCount = 0
        do {
            try ArchiveReader.forEachFile(inZip: archive, label: name, where: { _ in true }) { _, bytes in
                byteCount += bytes.count
            }
        } catch {
            #expect("\(error)".contains(name))
        }
        #expect(byteCount <= 1 << 20)
    }
}
