import Settings
public import Torch

/// Why an image could not be read or written; the description is one sentence for the user.
public enum CodecError: InputError, Hashable, CustomStringConvertible {
    /// The bytes are of no format that is read; `found` says what they look like.
    case notAImage(found: String)
    /// The data end before the image does.
    case truncated(format: ImageFormat, byteCount: Int)
    /// The data break the format's rules.
    case damaged(format: ImageFormat, reason: String)
    /// The format allows it, the decoder does not.
    case unsupported(format: ImageFormat, reason: String)
    /// The header claims more pixels than the limit, ``DecodeLimits/maximumPixelCount``.
    case tooManyPixels(format: ImageFormat, width: Int, height: Int, limit: Int)
    /// The header claims a side longer than the limit, ``DecodeLimits/maximumSide``.
    case sideTooLong(format: ImageFormat, width: Int, height: Int, limit: Int)
    /// The file has more bytes than the limit, ``DecodeLimits/maximumByteCount``.
    case tooManyBytes(count: Int, limit: Int)
    /// Decoding would need more working memory than the limit, or than there is.
    case tooMuchMemory(format: ImageFormat, reason: String)
    /// The file could not be read.
    case unreadable(reason: String)
    /// Any of these, about a named file.
    indirect case inFile(path: String, CodecError)

    public var description: String {
        switch self {
        case .notAImage(let found):
            "not a readable image: expected \(ImageFormat.list), found \(found)"
        case .truncated(let format, let byteCount):
            "the \(format.rawValue) is truncated: its \(byteCount) bytes end before the image does"
        case .damaged(let format, let reason):
            "the \(format.rawValue) is damaged: \(reason)"
        case .unsupported(let format, let reason):
            "the \(format.rawValue) cannot be decoded: it is \(reason)"
        case .tooManyPixels(let format, let width, let height, let limit):
            "the \(format.rawValue) claims \(width) x \(height) pixels, more than the \(limit) allowed: scale it down"
        case .sideTooLong(let format, let width, let height, let limit):
            "the \(format.rawValue) claims \(width) x \(height) pixels, a side longer than the \(limit) allowed: scale it down"
        case .tooManyBytes(let count, let limit):
            "the file has \(count) bytes, more than the \(limit) allowed: save the image smaller"
        case .tooMuchMemory(let format, let reason):
            "the \(format.rawValue) needs too much memory: \(reason)"
        case .unreadable(let reason):
            "the file cannot be read: \(reason)"
        case .inFile(let path, let error):
            "\(Excerpt.of(path)): \(error.description)"
        }
    }
}
