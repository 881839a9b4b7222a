import Codecs
import Foundation
import Media
import Testing

/// What may stand where a file is expected.
@Suite struct InputTests {
    private let limit = 1 << 20

    @Test func `A data URL is the image itself`() throws {
        let bytes = ImageFixtures.bytes("grey.png")
        let digits = Data(bytes).base64EncodedString()
        #expect(try readInput("data:image/png;base64,\(digits)", limit: limit) == bytes)
        let error = #expect(throws: CodecError.self) { try readInput("data:image/png;base64,%%%", limit: limit) }
        #expect(error?.description.contains("it is not a complete data URL") == true)
        let large = #expect(throws: CodecError.self) { try readInput("data:;base64,\(digits)", limit: 100) }
        #expect(large?.description.contains("more than the 100 allowed") == true)
    }

    @Test(arguments: ["https://example.org/a.png", "HTTP://example.org/a?b=[1]", "s3://bucket/key"])
    func `A web address is refused with what to do`(address: String) {
        let error = #expect(throws: CodecError.self) { try readInput(address, limit: limit) }
        #expect(error?.description.contains("download the file and give its path") == true)
        let video = #expect(throws: VideoError.self) { try VideoFile(address) }
        #expect(video?.description.contains("download the file and give its path") == true)
    }

    @Test func `What a shell hands over is read to its end, and no further than the limit`() throws {
        let bytes = ImageFixtures.bytes("grey.png")
        func piped(limit: Int) throws -> [UInt8] {
            let pipe = Pipe()
            // Less than a pipe holds, so that nobody has to read meanwhile.
            try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
            try pipe.fileHandleForWriting.close()
            return try readInput("/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)", limit: limit)
        }
        #expect(try piped(limit: limit) == bytes)
        let error = #expect(throws: CodecError.self) { try piped(limit: 100) }
        #expect(error?.description.contains("more than the 100 allowed") == true)
    }

    @Test func `Standard input has its usual names`() {
        #expect(["-", "/dev/stdin", "/dev/fd/7", "./-", "/dev/fd/x"].map(inputDescriptor) == [0, 0, 7, nil, nil])
    }

    @Test func `An error repeats no more than 200 characters of a path`() {
        let path = String(repeating: "/very-long-name", count: 300)
        let error = CodecError.inFile(path: path, .unreadable(reason: "gone"))
        #expect(error.description.count < 250 && error.description.contains("(4500 characters)"))
    }
}
