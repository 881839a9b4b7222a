import Codecs
import Media
import Processors
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One question of a batch: a line of its input, or one file with the question for all.
///
///     {"id": "17", "prompt": "<image>What is this?", "images": ["a.png"], "seed": 3}
///     {"conversation": [{"text": "Hello!"}, {"role": "assistant", "text": "Good day."}], "prompt": "Who are you?"}
struct BatchItem: Sendable {
    /// The line's `id`; else its number, or the file's path.
    let id: String
    /// The text; each `<image>` stands for the next picture, each `<video>` for the next video, and those without any
    /// marker come first.
    let prompt: String
    /// Paths of the pictures and videos.
    var images: [String] = []
    var videos: [String] = []
    /// Frames to look at of each video where it is not the batch's number.
    var frameCount: Int?
    /// Earlier turns, and what their paths are relative to.
    var conversation: PromptFile?
    var folder = URL(fileURLWithPath: ".")
    /// Seed of the sampling where it is not the batch's.
    var seed: UInt64?

    /// The question with its pictures read.
    /// - Parameters:
    ///   - systemPrompt: what stands before it; nil for what the template says.
    ///   - frameCount: frames of each video.
    /// - Throws: `SyrinxError` or `CodecError` about a picture.
    func question(systemPrompt: String?, frameCount: Int) throws -> Question {
        var question = Question(
            systemPrompt: systemPrompt, start: try conversation?.messages(in: folder) ?? [], text: prompt)
        question.images = try images.map { try ImageReference(path: $0) }
        question.videos = videos.map { VideoReference(path: $0, frameCount: self.frameCount ?? frameCount) }
        return question
    }
}

extension BatchItem {
    /// A question is a page of text, not a data set.
    private static let lineByteLimit = 1 << 20

    /// Reads a line; paths are relative to `folder`.
    /// - Parameter number: the line's number, from 1, which is its id where it has none.
    /// - Throws: `SyrinxError` that says what is wrong with the line.
    init(line: [UInt8], number: Int, folder: URL) throws {
        let value: Line
        guard line.count <= Self.lineByteLimit else {
            throw SyrinxError(
                "the line has \(line.count) bytes, at most \(Self.lineByteLimit) are read: no model's context holds more"
            )
        }
        do {
            value = try StrictJSON.decode(Line.self, from: line)
        } catch let error as StrictJSON.Malformed {
            throw SyrinxError(
                "the line is no question, {\"prompt\": \"...\", \"images\": [\"a.png\"]}: \(error.reason)")
        }
        func paths(_ names: [String]?) -> [String] {
            (names ?? []).map { ImageAddress.located($0, in: folder) }
        }
        let allowed = VideoReference.allowedFrameCounts
        if let frames = value.frames, !allowed.contains(frames) {
            throw SyrinxError(
                "the line's frames is \(frames); it must lie from \(allowed.lowerBound) to \(allowed.upperBound)")
        }
        id = value.id ?? "\(number)"
        prompt = value.prompt
        images = paths(value.images)
        videos = paths(value.videos)
        frameCount = value.frames
        conversation = try value.conversation.map { try PromptFile($0, name: "the line's conversation") }
        self.folder = folder
        seed = value.seed
    }

    /// A line as it is written; unknown keys are refused.
    private struct Line: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable {
            case id, prompt, images, videos, frames, conversation, seed
        }

        let id: String?
        let prompt: String
        let images, videos: [String]?
        let frames: Int?
        let conversation: [PromptFile.Entry]?
        let seed: UInt64?

        init(from decoder: any Decoder) throws {
            if let unknown = try decoder.unknownKey(besides: CodingKeys.self) {
                throw SyrinxError(
                    "the line's key " + NearestName.unknownChoice(unknown, among: CodingKeys.allCases.map(\.rawValue)))
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            id = try container.decodeIfPresent(String.self, forKey: .id)
            prompt = try container.decodeIfPresent(String.self, forKey: .prompt) ?? ""
            images = try container.decodeIfPresent([String].self, forKey: .images)
            videos = try container.decodeIfPresent([String].self, forKey: .videos)
            frames = try container.decodeIfPresent(Int.self, forKey: .frames)
            conversation = try container.decodeIfPresent([PromptFile.Entry].self, forKey: .conversation)
            seed = try container.decodeIfPresent(UInt64.self, forKey: .seed)
        }
    }
}
