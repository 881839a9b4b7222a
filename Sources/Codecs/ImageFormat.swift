/// The image formats that are read, told apart by content, never by a file's name.
public enum ImageFormat: String, Sendable, Hashable, Codable, CaseIterable {
    case jpeg = "JPEG"
    case png = "PNG"
    case webp = "WebP"
    case gif = "GIF"
    case bmp = "BMP"
    case tiff = "TIFF"
    case avif = "AVIF"
    case heic = "HEIC"

    /// As many bytes of a file as telling its format takes.
    public static let signatureLength = 64

    /// The formats in a sentence.
    public static let list: String = {
        let names = allCases.map(\.rawValue)
        return names.dropLast().joined(separator: ", ") + " or " + names.suffix(1).joined()
    }()

    /// The format whose signature the bytes begin with, if it is one that is read.
    public init?(signatureOf bytes: [UInt8]) {
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if bytes.count >= 12 && bytes.starts(with: "RIFF".utf8) && bytes[8..<12].elementsEqual("WEBP".utf8) {
            self = .webp
        } else if bytes.starts(with: "GIF87a".utf8) || bytes.starts(with: "GIF89a".utf8) {
            self = .gif
        } else if Self.isBMP(bytes) {
            self = .bmp
        } else if [[0x49, 0x49, 0x2A, 0], [0x4D, 0x4D, 0, 0x2A], [0x49, 0x49, 0x2B, 0], [0x4D, 0x4D, 0, 0x2B]]
            .contains(Array(bytes.prefix(4)))
        {
            self = .tiff
        } else if let format = Self.brandedFormat(bytes) {
            self = format
        } else {
            return nil
        }
    }

    /// Two letters may begin any text, so the size of the header behind them must be one of those that there are.
    private static func isBMP(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 18, bytes.starts(with: "BM".utf8) else { return false }
        return bytes[15...17].allSatisfy { $0 == 0 } && [12, 16, 40, 52, 56, 64, 108, 124].contains(bytes[14])
    }

    /// ISO media files name the forms that they fit, the main one first.
    private static func brandedFormat(_ bytes: [UInt8]) -> ImageFormat? {
        guard bytes.count >= 12, bytes[4..<8].elementsEqual("ftyp".utf8) else { return nil }
        let length = bytes[0..<4].reduce(0) { $0 << 8 | Int($1) }
        let end = min(length, bytes.count, signatureLength)
        // The main brand, then, behind a version, the others.
        let brands = [8] + stride(from: 16, to: max(end - 3, 16), by: 4)
        for place in brands {
            switch String(decoding: bytes[place..<place + 4], as: UTF8.self) {
            case "avif", "avis": return .avif
            case "heic", "heix", "hevc", "hevx", "heim", "heis", "hevm", "hevs": return .heic
            default: continue
            }
        }
        return nil
    }

    /// What a file that is none of the formats is, in two or three words.
    package static func kind(of bytes: [UInt8]) -> String {
        if bytes.isEmpty { return "empty" }
        let guess = guess(bytes)
        return guess.hasPrefix("bytes") ? "of no known format" : guess
    }

    /// What bytes that are none of the formats look like, for an error's text.
    static func guess(_ bytes: [UInt8]) -> String {
        let known: [([UInt8], String)] = [
            (Array("GIF8".utf8), "a damaged GIF"), (Array("%PDF".utf8), "a PDF"), ([0x1F, 0x8B], "gzip data"),
            (Array("<svg".utf8), "an SVG"), (Array("<?xml".utf8), "XML"), (Array("<!DOCTYPE".utf8), "a web page"),
            (Array("<html".utf8), "a web page"), (Array("PK".utf8), "a ZIP archive"),
            ([0x38, 0x42, 0x50, 0x53], "a Photoshop file"), ([0, 0, 1, 0], "an icon"),
            ([0xFF, 0x0A], "a JPEG XL"), ([0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20], "a JPEG XL"),
            ([0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20], "a JPEG 2000"), (Array("ID3".utf8), "an MP3"),
            (Array("version https://git-lfs".utf8), "a Git LFS pointer (fetch the file itself with `git lfs pull`)"),
        ]
        for (signature, name) in known where bytes.starts(with: signature) { return name }
        if bytes.count >= 12 && bytes[4..<8].elementsEqual("ftyp".utf8) { return "an MP4, MOV or other ISO media file" }
        let shown = bytes.prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        return "bytes that begin with \(shown.joined(separator: " "))"
    }
}
