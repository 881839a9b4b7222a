import Generation
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One line of a batch's output: the answer to one question, or why there is none.
struct BatchRecord: Codable, Sendable {
    /// Seconds that the rows computed together took, and the line's own tokens.
    struct Times: Codable, Sendable {
        var prefillSeconds: Double
        var decodeSeconds: Double
        var batchSize: Int
    }

    var id: String
    var answer: String?
    var stopReason: StopReason?
    var usage: Usage?
    var pictures: [PictureAccount]?
    /// Left out where there is none.
    var videos: [VideoAccount]?
    var seed: UInt64?
    var times: Times?
    /// One sentence, in place of everything else.
    var error: String?

    /// An answer.
    init(id: String, _ answer: Answer, seed: UInt64, times: Times?) {
        self.id = id
        self.answer = answer.text
        stopReason = answer.stopReason
        usage = answer.usage
        pictures = answer.pictures
        videos = answer.videos.isEmpty ? nil : answer.videos
        self.seed = seed
        self.times = times
    }

    /// No answer, because of `error`.
    init(id: String, error: any Error) {
        self.id = id
        self.error = Excerpt.inMessage("\(error)", arguments: [])
    }

    /// The line with its end: keys in snake case and alphabetical order.
    func line() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(self)) + [0x0A]
    }

    /// Reads a line without its end.
    init(line: Data) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(BatchRecord.self, from: line)
    }
}
