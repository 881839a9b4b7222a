import Codecs
import Machine
import Media
public import Processors
import SyrinxModels
import Tokenizers
public import Torch

/// A prompt as the model takes it, with an account of where its tokens come from.
public struct PreparedPrompt: Sendable {
    /// One row of tokens; pictures' positions hold the placeholder.
    public let input: ModelInput
    /// The pictures already encoded, float[N, V, D]; `nil` where there are none or they are encoded on use.
    public let visualTokens: Tensor?
    /// int64[1, T]: the target's token that is expected after each position; `Labels.ignoreIndex` everywhere else.
    public let labels: Tensor
    /// What became of each picture, in order.
    public let pictures: [PictureAccount]
    /// Text tokens, the begin token included.
    public let textTokenCount: Int
    /// Visual tokens.
    public let imageTokenCount: Int

    /// The prompt's tokens by kind, and those of its answer.
    func usage(generatedTokenCount: Int) -> Usage {
        Usage(
            textTokenCount: textTokenCount, imageTokenCount: imageTokenCount,
            generatedTokenCount: generatedTokenCount)
    }
}

/// A picture made ready once, to be used in any number of prompts.
struct PreparedPicture: Sendable {
    let account: PictureAccount
    let pixelValues: Tensor  // float32[3, S, S]
    var visualTokens: Tensor?  // float[V, D]
}

/// A prompt's part with its picture made ready.
enum PreparedPart: Sendable {
    case text(String)
    case picture(PreparedPicture)
}

extension SyrinxModel {
    /// Decodes and prepares the pictures, tokenizes the text, lays both out.
    /// - Parameter target: text after the prompt that the model is held to: it gives the prompt its labels.
    /// - Throws: `CodecError` for a file that is no picture, `SyrinxError` or `ProcessorError` for a prompt that cannot
    ///   be laid out or does not fit the context.
    public func prepare(_ prompt: Prompt, target: String? = nil) throws -> PreparedPrompt {
        try layOut(try prompt.parts.map { try prepare($0) }, target: target)
    }

    /// One part made ready.
    func prepare(_ part: Prompt.Part) throws -> PreparedPart {
        switch part.content {
        case .text(let text): .text(text)
        case .image(let image): .picture(try prepare(image))
        }
    }

    private func prepare(_ image: ImageReference) throws -> PreparedPicture {
        // Resized bytes, and twice the values as float32: on their own and in the prompt's batch.
        let needed = imageProcessor.imageSize * imageProcessor.imageSize * (3 + 2 * 3 * 4)
        if let shortage = MachineMemory.shortage(of: needed) {
            throw SyrinxError(
                "\(image.name): at the model's \(imageProcessor.imageSize) x \(imageProcessor.imageSize) pixels it needs "
                    + "\(shortage); use a larger machine")
        }
        let picture: Picture
        var format = "pixels"
        var orientation = "upright"
        var hasAlpha = false
        switch image.content {
        case .picture(let given): picture = given
        case .encoded(let bytes):
            let codec = PictureCodec()
            do {
                let info = try codec.pictureInfo(of: bytes)
                (format, orientation, hasAlpha) = (info.format.rawValue, "\(info.orientation)", info.hasAlpha)
                picture = try codec.picture(from: bytes)
            } catch let error as CodecError {
                throw CodecError.inFile(path: image.name, error)
            }
        }
        return PreparedPicture(
            account: PictureAccount(
                name: image.name, format: format, width: picture.width, height: picture.height,
                orientation: orientation, alphaOverWhite: hasAlpha, resize: imageProcessor.resize.rawValue,
                resizedTo: imageProcessor.imageSize, tokenCount: contract.visualTokenCount),
            pixelValues: imageProcessor.pixelValues(picture))
    }

    /// The begin token, the parts, then the target.
    func layOut(_ parts: [PreparedPart], target: String? = nil) throws -> PreparedPrompt {
        var layout = PromptLayout(name: "the prompt")
        layout.append(text: beginID.map { [$0] } ?? [], isSupervised: false)
        var pictures = [PreparedPicture]()
        func tokenIDs(_ text: String) throws -> [Int] {
            try tokenizer.encodePlainText(text, reserved: [contract.imagePlaceholderID], name: "the prompt")
        }
        for part in parts {
            switch part {
            case .text(let text): layout.append(text: try tokenIDs(text), isSupervised: false)
            case .picture(let picture):
                let account = picture.account
                layout.append(
                    image: ImageSpan(
                        tokenCount: contract.visualTokenCount, name: account.name, width: account.width,
                        height: account.height))
                pictures.append(picture)
            }
        }
        if let target { layout.append(text: try tokenIDs(target), isSupervised: true) }
        let imageTokenCount = pictures.count * contract.visualTokenCount
        guard layout.tokenCount > 0 else {
            throw SyrinxError("the prompt is empty and the vocabulary has no begin token; give text or a picture")
        }
        guard layout.tokenCount < model.contextLength else {
            throw SyrinxError(
                "the prompt has \(layout.tokenCount) tokens (\(layout.textTokenCount) of text, \(imageTokenCount) of "
                    + "\(pictures.count) \(pictures.count == 1 ? "picture" : "pictures")), but the model's context holds "
                    + "\(model.contextLength) and the answer needs at least 1; shorten the text or give fewer pictures")
        }
        let collated = try Collator(contract: contract, padID: tokenizer.padID ?? 0).padded(
            [layout], pixelValues: pictures.isEmpty ? nil : Tensor.stack(pictures.map(\.pixelValues), dim: 0))
        let visualTokens = pictures.compactMap(\.visualTokens)
        return PreparedPrompt(
            input: collated.input.to(device),
            visualTokens: visualTokens.isEmpty || visualTokens.count < pictures.count
                ? nil : Tensor.stack(visualTokens, dim: 0),
            labels: collated.labels.to(device), pictures: pictures.map(\.account),
            textTokenCount: layout.textTokenCount, imageTokenCount: imageTokenCount)
    }

    /// The picture with its visual tokens, computed now.
    func encoded(_ picture: PreparedPicture) -> PreparedPicture {
        var picture = picture
        if picture.visualTokens == nil {
            picture.visualTokens = inferenceMode {
                model.visualTokens(picture.pixelValues.unsqueeze(0).to(device)).select(dim: 0, index: 0)
            }
        }
        return picture
    }
}
