import CCodecs
public import Media

/// Reads images and writes PNG: libjpeg-turbo, libpng, libwebp, libtiff, libavif, libheif and FFmpeg (GIF, BMP) behind
/// `MediaDecoder`.
///
/// Of an animation or a file of several images the first is taken. Pixels equal Pillow's, except 16-bit grey PNG and TIFF,
/// of which the high byte is kept (as of 16-bit RGB) where Pillow clips. Pillow does not read HEIC. What is damaged
/// behind the last pixel is no loss; where pixels are missing the image is refused.
public struct ImageCodec: MediaDecoder {
    /// A codec; it has no state.
    public init() {}

    /// Decodes one still image, upright (EXIF), alpha composited over white.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - limits: What is refused before decoding.
    ///   - target: As in `MediaDecoder`: with it, a JPEG is decoded at the smallest of the scales 1, 1/2, 1/4 and 1/8
    ///     that leaves the shortest side at least this long.
    /// - Throws: `CodecError`.
    public func image(from bytes: [UInt8], limits: DecodeLimits, target: Int?) throws -> Image {
        let info = try header(of: bytes, limits: limits, target: target)
        let rows = try decode(bytes, info, limits)
        let stored =
            info.channelCount == 4
            ? Image(width: info.outputWidth, height: info.outputHeight, rgbaOverWhite: rows)
            : Image(width: info.outputWidth, height: info.outputHeight, pixels: rows)
        return stored.turned(upright: info.orientation)
    }

    /// Decodes one still image, upright, in the form in which its file holds it: for systems that resize before an image
    /// is RGB.
    ///
    /// - Throws: `CodecError`.
    public func storedImage(from bytes: [UInt8], limits: DecodeLimits = .default) throws -> StoredImage {
        let info = try header(of: bytes, limits: limits, target: nil)
        let rows = try decode(bytes, info, limits)
        let (width, height) = (info.outputWidth, info.outputHeight)
        let colours =
            info.channelCount == 4
            ? Image(width: width, height: height, droppingAlphaOf: rows)
            : Image(width: width, height: height, pixels: rows)
        switch info.form {
        case Int32(SYRINX_CODECS_FORM_INDEXED): return .indexed(colours.turned(upright: info.orientation))
        case Int32(SYRINX_CODECS_FORM_ALPHA):
            let opacity = Image(width: width, height: height, alphaOf: rows)
            return .withAlpha(
                colours.turned(upright: info.orientation), opacity: opacity.turned(upright: info.orientation))
        default: return .plain(colours.turned(upright: info.orientation))
        }
    }

    /// Decodes the image in a file.
    ///
    /// - Throws: `CodecError.inFile`, which names the file.
    public func decode(_ path: String, limits: DecodeLimits = .default, target: Int? = nil) throws -> Image {
        try naming(path) {
            try image(from: readFile(path, limit: limits.maximumByteCount), limits: limits, target: target)
        }
    }

    /// What a file's header says, without decoding.
    ///
    /// - Throws: `CodecError`, also for more pixels than the limit.
    public func imageInfo(of bytes: [UInt8], limits: DecodeLimits = .default) throws -> ImageInfo {
        let header = try header(of: bytes, limits: limits, target: nil)
        let (width, height) = (header.outputWidth, header.outputHeight)
        return ImageInfo(
            format: header.format, width: header.orientation.exchangesSides ? height : width,
            height: header.orientation.exchangesSides ? width : height, orientation: header.orientation,
            hasAlpha: header.channelCount == 4)
    }

    /// Encodes an image as an 8-bit RGB PNG.
    ///
    /// - Parameters:
    ///   - image: What to encode.
    ///   - compressionLevel: 0 (none) to 9 (smallest) of zlib.
    /// - Throws: `CodecError.tooMuchMemory` where there is no memory for the result.
    public func encodePNG(_ image: Image, compressionLevel: Int = 6) throws -> [UInt8] {
        var message = [CChar](repeating: 0, count: Int(SYRINX_CODECS_MESSAGE_SIZE))
        var encoded: UnsafeMutablePointer<UInt8>?
        var count = 0
        let status = image.pixels.withUnsafeBufferPointer { pixels in
            syrinx_codecs_png_encode(
                pixels.baseAddress, Int32(image.width), Int32(image.height),
                Int32(min(max(compressionLevel, 0), 9)), &encoded, &count, &message)
        }
        guard status == SYRINX_CODECS_OK, let encoded else {
            throw failure(status, format: .png, byteCount: 0, message)
        }
        defer { syrinx_codecs_free(encoded) }
        return Array(UnsafeBufferPointer(start: encoded, count: count))
    }
}

/// What an image file's header says.
public struct ImageInfo: Sendable, Hashable, Codable {
    /// The file's format.
    public let format: ImageFormat
    /// Columns once upright, in pixels.
    public let width: Int
    /// Rows once upright, in pixels.
    public let height: Int
    /// How the stored pixels are turned.
    public let orientation: Orientation
    /// Whether the file has an alpha channel or a transparent colour.
    public let hasAlpha: Bool
}

/// A header, and what decoding will write.
struct Header {
    let format: ImageFormat
    let outputWidth: Int
    let outputHeight: Int
    let channelCount: Int
    let scaleDenominator: Int32
    let orientation: Orientation
    /// One of `SYRINX_CODECS_FORM_PLAIN` and its siblings.
    let form: Int32
}

extension ImageCodec {
    func header(of bytes: [UInt8], limits: DecodeLimits, target: Int?) throws(CodecError) -> Header {
        guard !bytes.isEmpty else { throw .notAImage(found: "no bytes at all") }
        guard bytes.count <= limits.maximumByteCount else {
            throw .tooManyBytes(count: bytes.count, limit: limits.maximumByteCount)
        }
        guard let format = ImageFormat(signatureOf: bytes) else {
            throw .notAImage(found: ImageFormat.guess(bytes))
        }
        var info = try readInfo(bytes, format, scaleDenominator: 1)
        let (width, height) = (Int(info.width), Int(info.height))
        guard width > 0, height > 0 else { throw .damaged(format: format, reason: "it is \(width) x \(height) pixels") }
        guard width <= limits.maximumPixelCount / height else {
            throw .tooManyPixels(format: format, width: width, height: height, limit: limits.maximumPixelCount)
        }
        guard max(width, height) <= limits.maximumSide else {
            throw .sideTooLong(format: format, width: width, height: height, limit: limits.maximumSide)
        }
        var denominator: Int32 = 1
        if let target, format == .jpeg {
            let side = min(width, height)
            while denominator < 8 && (side + Int(denominator) * 2 - 1) / (Int(denominator) * 2) >= max(target, 1) {
                denominator *= 2
            }
            if denominator > 1 { info = try readInfo(bytes, format, scaleDenominator: denominator) }
        }
        return Header(
            format: format, outputWidth: Int(info.output_width), outputHeight: Int(info.output_height),
            channelCount: Int(info.output_channels), scaleDenominator: denominator,
            orientation: Orientation(rawValue: Int(info.orientation))
                ?? exifOrientation(in: bytes, format: format) ?? .upright, form: info.form)
    }

    private func readInfo(
        _ bytes: [UInt8], _ format: ImageFormat, scaleDenominator: Int32
    ) throws(CodecError) -> syrinx_codecs_info {
        var info = syrinx_codecs_info()
        var message = [CChar](repeating: 0, count: Int(SYRINX_CODECS_MESSAGE_SIZE))
        let status = bytes.withUnsafeBufferPointer { input in
            switch format {
            case .jpeg: syrinx_codecs_jpeg_info(input.baseAddress, input.count, scaleDenominator, &info, &message)
            case .png: syrinx_codecs_png_info(input.baseAddress, input.count, &info, &message)
            case .webp: syrinx_codecs_webp_info(input.baseAddress, input.count, &info, &message)
            case .gif: syrinx_codecs_frame_info(gif, input.baseAddress, input.count, &info, &message)
            case .bmp: syrinx_codecs_frame_info(bmp, input.baseAddress, input.count, &info, &message)
            case .tiff: syrinx_codecs_tiff_info(input.baseAddress, input.count, &info, &message)
            case .avif: syrinx_codecs_avif_info(input.baseAddress, input.count, &info, &message)
            case .heic: syrinx_codecs_heic_info(input.baseAddress, input.count, &info, &message)
            }
        }
        guard status == SYRINX_CODECS_OK else { throw failure(status, format: format, byteCount: bytes.count, message) }
        return info
    }

    private func decode(_ bytes: [UInt8], _ header: Header, _ limits: DecodeLimits) throws(CodecError) -> [UInt8] {
        let size = header.outputWidth * header.outputHeight * header.channelCount
        let working = max(limits.maximumWorkingByteCount, 1)
        var message = [CChar](repeating: 0, count: Int(SYRINX_CODECS_MESSAGE_SIZE))
        var status: Int32 = 0
        let rows = [UInt8](unsafeUninitializedCapacity: size) { output, written in
            status = bytes.withUnsafeBufferPointer { input in
                let (source, target) = (input.baseAddress, output.baseAddress)
                return switch header.format {
                case .jpeg:
                    syrinx_codecs_jpeg_decode(
                        source, input.count, header.scaleDenominator, working, target, size, &message)
                case .png:
                    syrinx_codecs_png_decode(source, input.count, min(working, 64 << 20), target, size, &message)
                case .webp: syrinx_codecs_webp_decode(source, input.count, target, size, &message)
                case .gif: syrinx_codecs_frame_decode(gif, source, input.count, target, size, &message)
                case .bmp: syrinx_codecs_frame_decode(bmp, source, input.count, target, size, &message)
                case .tiff: syrinx_codecs_tiff_decode(source, input.count, working, target, size, &message)
                case .avif: syrinx_codecs_avif_decode(source, input.count, target, size, &message)
                case .heic: syrinx_codecs_heic_decode(source, input.count, target, size, &message)
                }
            }
            written = status == SYRINX_CODECS_OK ? size : 0
        }
        guard status == SYRINX_CODECS_OK else {
            throw failure(status, format: header.format, byteCount: bytes.count, message)
        }
        return rows
    }
}

private let gif = Int32(SYRINX_CODECS_GIF)
private let bmp = Int32(SYRINX_CODECS_BMP)

private func failure(_ status: Int32, format: ImageFormat, byteCount: Int, _ message: [CChar]) -> CodecError {
    let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    switch Int(status) {
    case SYRINX_CODECS_TRUNCATED: return .truncated(format: format, byteCount: byteCount)
    case SYRINX_CODECS_UNSUPPORTED: return .unsupported(format: format, reason: text)
    case SYRINX_CODECS_MEMORY: return .tooMuchMemory(format: format, reason: text)
    default: return .damaged(format: format, reason: text)
    }
}

private func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as CodecError {
        throw CodecError.inFile(path: path, error)
    }
}
