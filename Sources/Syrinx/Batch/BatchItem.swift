import Codecs
import Processors
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One question of a batch: a line of its input, or one file with the question for all.
///
///     {"id": "17", "prompt": "<image> What is this?", "images": ["a.png"], "seed": 3}
struct BatchItem: Sendable {
    /// The line's `id`; else its number, or the file's path.
    let id: String
    /// The text; each `<image>` in it stands for the next picture, and without any the pictures come first.
    let prompt: String
    /// Paths of the pictures.
    let images: [String]
    /// Seed of the sampling where it is not the batch's.
    var seed: UInt64?

    /// The prompt with its pictures read.
    /// - Throws: `SyrinxError` or `CodecError` about a picture, or about markers without one.
    func read(for model: SyrinxModel) throws -> Prompt {
        try Prompt(
            prompt, images: try images.map { try ImageReference(path: $0) }, marker: "<image>",
            keepsSpaces: model.keepsPromptSpaces)
    }
}

extension BatchItem {
    /// Reads a line; paths are relative to `folder`.
    /// - Parameter number: the line's number, from 1, which is its id where it has none.
    /// - Throws: `SyrinxError` that says what is wrong with the line.
    init(line: [UInt8], number: Int, folder: URL) throws {
        let value: Line
        do {
            value = try StrictJSON.decode(Line.self, from: line)
        } catch let error as StrictJSON.Malformed {
            throw SyrinxError("the line is no question, {\"prompt\": \"...\", \"images\": [\"a.png\"]}: \(error.reason)")
        }
        id = value.id ?? "\(number)"
        prompt = value.prompt
        images = (value.images ?? []).map { URL(fileURLWithPath: $0, relativeTo: folder).path }
        seed = value.seed
    }

    /// A line as it is written; unknown keys are refused.
    private struct Line: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable {
            case id, prompt, images, seed
        }

        let id: String?
        let prompt: String
        let images: [String]?
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
            seed = try container.decodeIfPresent(UInt64.self, forKey: .seed)
        }
    }
}
