import Codecs
import Media
import Processors
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One question of a batch: an entry of its input, or one file with the question for all.
struct BatchItem: Sendable {
    /// The question's own; else its number, or the file's path.
    let id: RecordID
    /// The text; each mark stands for the next image or video, and those without any mark come first.
    let prompt: MarkedText
    /// Paths of the images and videos.
    var images: [String] = []
    var videos: [String] = []
    /// Frames to look at of each video where it is not the batch's number.
    var frameCount: Int?
    /// Earlier turns, and what their paths are relative to.
    var conversation: PromptFile?
    var folder = URL(fileURLWithPath: ".")
    /// Seed of the sampling where it is not the batch's.
    var seed: UInt64?

    /// The question with its images read.
    /// - Parameters:
    ///   - systemPrompt: the system prompt; nil for the template's own.
    ///   - frameCount: frames of each video.
    /// - Throws: `SyrinxError` or `CodecError` about an image.
    func question(systemPrompt: String?, frameCount: Int) throws -> Question {
        var question = Question(
            systemPrompt: systemPrompt, start: try conversation?.messages(in: folder) ?? [], text: prompt)
        question.images = try images.map { try ImageReference(path: $0) }
        question.videos = videos.map { VideoReference(path: $0, frameCount: self.frameCount ?? frameCount) }
        return question
    }
}

extension BatchItem {
    /// A question of a file.
    /// - Parameters:
    ///   - id: its own, or its number.
    ///   - noun: what messages call the entry.
    ///   - folder: what paths are relative to.
    /// - Throws: `SyrinxError` that says what is wrong with the question.
    init(_ record: QuestionRecord, id: RecordID, noun: String, folder: URL) throws(SyrinxError) {
        let allowed = VideoReference.allowedFrameCounts
        if let frames = record.frames, !allowed.contains(frames) {
            throw SyrinxError(
                "the \(noun)'s frames is \(frames); it must be from \(allowed.lowerBound) to \(allowed.upperBound)")
        }
        func located(_ paths: [String]) -> [String] {
            paths.map { ImageAddress.located($0, in: folder) }
        }
        self.id = id
        prompt = record.text
        images = located(record.images)
        videos = located(record.videos)
        frameCount = record.frames
        if !record.turns.isEmpty {
            conversation = try PromptFile(
                record.turns.map { PromptFile.Entry(text: $0.text, image: $0.image, role: $0.role) },
                name: "the \(noun)'s conversation")
        }
        self.folder = folder
        seed = record.seed
    }
}
