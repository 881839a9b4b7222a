import Codecs
import Media
import Processors
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A prompt for one forward pass as a JSON file: `{"prompt": "... <image>...", "images": ["a.png"], "target": "..."}`.
///
/// Each `<image>` in the prompt stands for the next of `images`, each `<video>` for the next of `videos`; without any mark they
/// come first, and a backslash before a mark makes it text. `frames` says how many are looked at of each video. Paths are relative to the file. Everything but the prompt may
/// be left out; no other key is allowed.
public struct ForwardRequest: Sendable {
    /// Text, images and videos in reading order, without the white space around markers.
    public let prompt: Prompt
    /// The same with it.
    private let spacedPrompt: Prompt
    /// Text after the prompt that the loss is taken on.
    public let target: String?

    /// Reads the file and its images, and opens its videos.
    /// - Throws: `SyrinxError`, `CodecError` or `VideoError` that names the file and what is wrong in it.
    public init(path: String) throws {
        let bytes: [UInt8]
        do {
            bytes = try readInput(path, limit: Self.byteLimit)
        } catch {
            throw CodecError.inFile(path: path, error)
        }
        let file: File
        do {
            file = try StrictJSON.decode(File.self, from: bytes)
        } catch {
            let reason = (error as? StrictJSON.Malformed)?.reason ?? "\(error)"
            throw SyrinxError(
                "\(path) is not a request, {\"prompt\": \"text with the placeholder <image>\", \"images\": [\"a.png\"]}: "
                    + reason)
        }
        // What comes through standard input is relative to where the command runs.
        let folder =
            inputDescriptor(path) == nil
            ? URL(fileURLWithPath: path).deletingLastPathComponent() : URL(fileURLWithPath: ".", isDirectory: true)
        func located(_ paths: [String]?) -> [String] {
            (paths ?? []).map { ImageAddress.located($0, in: folder) }
        }
        let frames = file.frames ?? VideoReference.defaultFrameCount, allowed = VideoReference.allowedFrameCounts
        guard allowed.contains(frames) else {
            throw SyrinxError(
                "\(path): frames is \(frames); it must be from \(allowed.lowerBound) to \(allowed.upperBound)")
        }
        let images = try located(file.images).map { try ImageReference(path: $0) }
        let videos = try located(file.videos).map { path in
            _ = try VideoFile(path)
            return VideoReference(path: path, frameCount: frames)
        }
        do {
            prompt = try Prompt(file.prompt, images: images, videos: videos)
            spacedPrompt = try Prompt(file.prompt, images: images, videos: videos, keepsSpaces: true)
        } catch let error as SyrinxError {
            throw SyrinxError("\(path): \(error)")
        }
        target = file.target
    }

    /// The prompt as `model` was trained to read it.
    public func prompt(for model: SyrinxModel) -> Prompt { model.keepsPromptSpaces ? spacedPrompt : prompt }

    /// A request is a page of text, not a data set.
    private static let byteLimit = 16 << 20

    /// The file's content; unknown keys are refused.
    private struct File: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable {
            case prompt, images, videos, frames, target
        }

        let prompt: String
        let images, videos: [String]?
        let frames: Int?
        let target: String?

        init(from decoder: any Decoder) throws {
            if let unknown = try decoder.unknownKey(besides: CodingKeys.self) {
                throw SyrinxError(
                    "the key " + NearestName.unknownChoice(unknown, among: CodingKeys.allCases.map(\.rawValue)))
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            prompt = try container.decode(String.self, forKey: .prompt)
            images = try container.decodeIfPresent([String].self, forKey: .images)
            videos = try container.decodeIfPresent([String].self, forKey: .videos)
            frames = try container.decodeIfPresent(Int.self, forKey: .frames)
            target = try container.decodeIfPresent(String.self, forKey: .target)
        }
    }
}
