/// The picture formats that are read, told apart by content, never by a file's name.
public enum PictureFormat: String, Sendable, Hashable, Codable, CaseIterable {
    case jpeg = "JPEG"
    case png = "PNG"
    case webp = "WebP"

    /// The format whose signature the bytes begin with, if it is one that is read.
    public init?(signatureOf bytes: [UInt8]) {
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if bytes.count >= 12 && bytes.starts(with: Array("RIFF".utf8))
            && bytes[8..<12].elementsEqual("WEBP".utf8)
        {
            self = .webp
        } else {
            return nil
        }
    }

    /// What bytes that are none of the formats look like, for an error's text.
    static func guess(_ bytes: [UInt8]) -> String {
        let known: [([UInt8], String)] = [
            (Array("GIF8".utf8), "a GIF"), (Array("BM".utf8), "a BMP"), ([0x49, 0x49, 0x2A, 0x00], "a TIFF"),
            ([0x4D, 0x4D, 0x00, 0x2A], "a TIFF"), (Array("%PDF".utf8), "a PDF"), ([0x1F, 0x8B], "gzip data"),
            (Array("<svg".utf8), "an SVG"), (Array("<?xml".utf8), "XML"), (Array("<!DOCTYPE".utf8), "a web page"),
            (Array("<html".utf8), "a web page"), (Array("PK".utf8), "a ZIP archive"),
        ]
        for (signature, name) in known where bytes.starts(with: signature) { return name }
        if bytes.count >= 12 && bytes[4..<8].elementsEqual("ftyp".utf8) { return "an MP4, HEIF or AVIF container" }
        let shown = bytes.prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        return "bytes that begin with \(shown.joined(separator: " "))"
    }
}
