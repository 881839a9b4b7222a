import Codecs
import Digests
import Machine
import Media
public import Processors
import Settings
import SyrinxModels
import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension ImageReference {
    /// The image at `path`, read whole; `-` is standard input, and a `data:` URL is the image itself.
    /// - Throws: `SyrinxError` or `CodecError` that names the file: missing, not a regular file, too large, no image.
    public init(path: String) throws {
        let bytes: [UInt8]
        do {
            bytes = try readInput(path, limit: DecodeLimits.default.maximumByteCount)
            _ = try ImageCodec().imageInfo(of: bytes)
        } catch let error as CodecError {
            throw CodecError.inFile(path: Self.name(path), error)
        }
        self.init(.encoded(bytes), name: Self.name(path))
    }

    private static func name(_ path: String) -> String {
        inputDescriptor(path) == 0 ? "standard input" : ImageAddress.name(path)
    }

    /// The image files that `pattern` matches, in alphabetical order; a path without wildcards is that one file.
    /// - Throws: as `init(path:)`, and `SyrinxError` when a pattern matches nothing.
    public static func matching(_ pattern: String) throws -> [ImageReference] {
        try paths(matching: pattern).map { try ImageReference(path: $0) }
    }

    /// The paths that a pattern matches, in alphabetical order; a path without wildcards is itself, whether it exists or not.
    /// - Throws: `SyrinxError` when a pattern matches nothing.
    static func paths(matching pattern: String) throws(SyrinxError) -> [String] {
        guard case .path = ImageAddress(pattern), pattern.contains(where: { "*?[".contains($0) }),
            access(pattern, F_OK) != 0
        else { return [pattern] }
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else {
            throw SyrinxError(
                "no file matches \(Excerpt.of(pattern)); check the folder, or quote a name that contains * ? or [")
        }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
}

extension Prompt.Part {
    /// The image file at `path`.
    /// - Throws: as `ImageReference.init(path:)`.
    public static func image(at path: String) throws -> Prompt.Part { .image(try ImageReference(path: path)) }
}

/// What became of one image on its way into the model.
public struct ImageAccount: MediaAccount, Hashable {
    /// The file or the caller's name for it.
    public var name: String
    /// The name of a `ImageFormat`, such as `JPEG`; `frame` of a video, or `pixels` when it came decoded.
    public var format: String
    /// Of a frame, its number in the video, from 0.
    public var frame: Int?
    /// Width in pixels, upright.
    public var width: Int
    /// Height in pixels, upright.
    public var height: Int
    /// How the stored pixels were turned to stand upright, such as `rotated90`; `upright` when they were not.
    public var orientation: String
    /// Whether transparency was laid over white.
    public var alphaOverWhite: Bool
    /// The rule that made it square: a case of `ImageProcessor.Resize`, such as `squash`.
    public var resize: String
    /// Side of the square the encoder sees, in pixels.
    public var resizedTo: Int
    /// Tokens it became.
    public var tokenCount: Int
}

/// Files of images and decoded pixels.
struct ImagePreparer: MediaPreparer {
    var modality: Modality { .image }
    var valuesName: String { "pixel_values" }

    func prepare(_ reference: any MediaReference, for model: SyrinxModel) throws -> PreparedReference {
        guard let image = reference as? ImageReference else {
            throw SyrinxError("\(reference.name): an image comes as an ImageReference, not as a \(type(of: reference))")
        }
        let (media, account) = try model.prepare(image)
        return PreparedReference(.image, items: [.init(media, span: account.span)], accounts: [account])
    }
}

extension ImageAccount {
    /// Its place in a prompt.
    var span: MediaSpan { .image(tokenCount: tokenCount, name: name, width: width, height: height) }
}

extension SyrinxModel {
    /// One image made ready.
    func prepare(_ image: ImageReference) throws -> (media: PreparedMedia, account: ImageAccount) {
        guard model.reads(.image) else { throw SyrinxError("\(image.name): the model \(name) does not read images") }
        // Resized bytes, and twice the values as float32: on their own and in the prompt's batch.
        let needed = imageProcessor.imageSize * imageProcessor.imageSize * (3 + 2 * 3 * 4)
        if let shortage = MachineMemory.shortage(of: needed) {
            throw SyrinxError(
                "\(image.name): at the model's \(imageProcessor.imageSize) x \(imageProcessor.imageSize) pixels it needs "
                    + "\(shortage); use a larger machine")
        }
        let (size, square, info) = try squareImage(image)
        let values = imageProcessor.pixelValues(prepared: [square]).select(dim: 0, index: 0)
        let media = PreparedMedia(
            modality: .image, values: values, tokenCount: model.tokenCount(of: .image, shape: values.shape),
            id: Digest.sha256(values.bytes()).hex)
        let account = ImageAccount(
            name: image.name, format: info?.format.rawValue ?? "pixels", width: size.width, height: size.height,
            orientation: "\(info?.orientation ?? .upright)",
            alphaOverWhite: info?.hasAlpha == true && imageProcessor.resize != .squashStored,
            resize: imageProcessor.resize.rawValue, resizedTo: imageProcessor.imageSize, tokenCount: media.tokenCount)
        return (media, account)
    }

    /// An image's size, what the encoder sees of it before normalisation, and its file's header.
    private func squareImage(
        _ image: ImageReference
    ) throws -> (size: (width: Int, height: Int), square: Image, info: ImageInfo?) {
        let bytes: [UInt8]
        switch image.content {
        case .image(let given): return ((given.width, given.height), imageProcessor.prepared(given), nil)
        case .encoded(let encoded): bytes = encoded
        }
        let codec = ImageCodec()
        do {
            let info = try codec.imageInfo(of: bytes)
            let square =
                imageProcessor.resize == .squashStored
                ? imageProcessor.prepared(try codec.storedImage(from: bytes))
                : imageProcessor.prepared(try codec.image(from: bytes))
            return ((info.width, info.height), square, info)
        } catch let error as CodecError {
            throw CodecError.inFile(path: image.name, error)
        }
    }
}
