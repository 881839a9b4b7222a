import Codecs
import Processors
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A prompt for one forward pass as a JSON file: `{"prompt": "... <image> ...", "images": ["a.png"], "target": "..."}`.
///
/// Each `<image>` in the prompt stands for the next picture; without any, the pictures come first. Paths are relative to the
/// file. `images` and `target` may be left out; no other key is allowed.
public struct ForwardRequest: Sendable {
    /// Text and pictures in reading order, without the white space around markers.
    public let prompt: Prompt
    /// The same with it.
    private let spacedPrompt: Prompt
    /// Text after the prompt that the loss is taken on.
    public let target: String?

    /// Reads the file and its pictures.
    /// - Throws: `SyrinxError` or `CodecError` that names the file and what is wrong in it.
    public init(path: String) throws {
        let bytes: [UInt8]
        do {
            bytes = try readFile(path, limit: Self.byteLimit)
        } catch {
            throw CodecError.inFile(path: path, error)
        }
        let file: File
        do {
            file = try StrictJSON.decode(File.self, from: bytes)
        } catch {
            let reason = (error as? StrictJSON.Malformed)?.reason ?? "\(error)"
            throw SyrinxError(
                "\(path) is not a request, {\"prompt\": \"text with <image> where pictures stand\", \"images\": [\"a.png\"]}: "
                    + reason)
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let images = try (file.images ?? []).map {
            try ImageReference(path: URL(fileURLWithPath: $0, relativeTo: folder).path)
        }
        do {
            prompt = try Prompt(file.prompt, images: images, marker: "<image>")
            spacedPrompt = try Prompt(file.prompt, images: images, marker: "<image>", keepsSpaces: true)
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
            case prompt, images, target
        }

        let prompt: String
        let images: [String]?
        let target: String?

        init(from decoder: any Decoder) throws {
            if let unknown = try decoder.unknownKey(besides: CodingKeys.self) {
                throw SyrinxError(
                    "the key " + NearestName.unknownChoice(unknown, among: CodingKeys.allCases.map(\.rawValue)))
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            prompt = try container.decode(String.self, forKey: .prompt)
            images = try container.decodeIfPresent([String].self, forKey: .images)
            target = try container.decodeIfPresent(String.self, forKey: .target)
        }
    }
}
