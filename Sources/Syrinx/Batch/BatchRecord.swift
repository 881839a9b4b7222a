import Generation
import Processors
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

    /// As the question has it: text or a number.
    var id: RecordID
    var answer: String?
    var stopReason: StopReason?
    var usage: Usage?
    var promptTokenIDs: [Int]?
    var answerTokenIDs: [Int]?
    /// Left out where it was not asked for.
    var answerLogProbabilities: [Float]?
    var images: [ImageAccount]?
    /// Omitted if there is none.
    var videos: [VideoAccount]?
    var seed: UInt64?
    var times: Times?
    /// One sentence, in place of everything else.
    var error: String?

    // `IDs` would become `_i_ds` in snake case.
    private enum CodingKeys: String, CodingKey {
        case id, answer, stopReason, usage, videos, seed, times, error
        // The lines have had this key from the start.
        case images = "pictures"
        case promptTokenIDs = "promptTokenIds"
        case answerTokenIDs = "answerTokenIds"
        case answerLogProbabilities
    }

    /// An answer.
    init(id: RecordID, _ answer: Answer, seed: UInt64, times: Times?) {
        self.id = id
        self.answer = answer.text
        stopReason = answer.stopReason
        usage = answer.usage
        promptTokenIDs = answer.promptTokenIDs
        answerTokenIDs = answer.tokenIDs
        answerLogProbabilities = answer.logProbabilities
        images = answer.images
        videos = answer.videos.isEmpty ? nil : answer.videos
        self.seed = seed
        self.times = times
    }

    /// No answer, because of `error`.
    init(id: RecordID, error: any Error) {
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
