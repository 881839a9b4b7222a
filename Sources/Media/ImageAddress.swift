#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// What may stand where the path of an image or a video is expected.
public enum ImageAddress: Sendable, Hashable {
    /// A file of this machine.
    case path(String)
    /// The content itself, as a `data:` URL has it.
    case dataURL(String)
    /// Somewhere in a network, from where nothing is read.
    case web

    private static let schemes = ["http", "https", "ftp", "ftps", "s3", "gs", "hf"]

    /// Tells what a text is by how it begins; `file:` URLs are paths.
    public init(_ text: String) {
        let start = text.utf8.prefix(5).map { $0 | 0x20 }
        if start.elementsEqual("data:".utf8) {
            self = .dataURL(text)
        } else if let range = text.firstRange(of: "://"),
            Self.schemes.contains(text[..<range.lowerBound].lowercased())
        {
            self = .web
        } else if start.elementsEqual("file:".utf8), let url = URL(string: text), url.isFileURL {
            self = .path(url.path)
        } else {
            self = .path(text)
        }
    }

    /// Why an address in a network is refused, and what to do.
    public static let webRefusal =
        "it is a web address, and nothing is read from the network: download the file and give its path"

    /// A path seen from the folder that it is relative to; anything else as it is.
    public static func located(_ text: String, in folder: URL) -> String {
        guard case .path(let path) = ImageAddress(text) else { return text }
        return URL(fileURLWithPath: path, relativeTo: folder).path
    }

    /// What messages call it: a `data:` URL by its type and length, anything else by itself.
    public static func name(_ text: String) -> String {
        guard case .dataURL = ImageAddress(text) else { return text }
        let type = text.prefix(100).prefix { $0 != ";" && $0 != "," }
        return "\(type) URL of \(text.utf8.count) characters"
    }
}

/// The content of a `data:` URL (RFC 2397).
public struct DataURL: Sendable {
    /// What it holds.
    public let bytes: [UInt8]

    /// Decodes base64, or text with percent signs; nil for what is neither.
    public init?(_ text: String) {
        guard let comma = text.utf8.firstIndex(of: UInt8(ascii: ",")) else { return nil }
        let isBase64 = text[..<comma].lowercased().hasSuffix(";base64")
        let body = String(text[text.utf8.index(after: comma)...])
        if isBase64 {
            // Both alphabets, with or without the padding, and line ends between.
            var digits = body.utf8.filter { $0 > 0x20 }.map { byte in
                byte == UInt8(ascii: "-") ? UInt8(ascii: "+") : byte == UInt8(ascii: "_") ? UInt8(ascii: "/") : byte
            }
            while digits.last == UInt8(ascii: "=") { digits.removeLast() }
            digits += [UInt8](repeating: UInt8(ascii: "="), count: (4 - digits.count % 4) % 4)
            guard let data = Data(base64Encoded: Data(digits)) else { return nil }
            bytes = [UInt8](data)
        } else {
            guard let plain = Self.withoutPercentSigns(Array(body.utf8)) else { return nil }
            bytes = plain
        }
    }

    /// Each `%` and two hexadecimal digits as the byte they stand for; nil where there are no digits.
    private static func withoutPercentSigns(_ text: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var place = 0
        while place < text.count {
            guard text[place] == UInt8(ascii: "%") else {
                bytes.append(text[place])
                place += 1
                continue
            }
            let digits = text[(place + 1)...].prefix(2)
            guard digits.count == 2, let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
            place += 3
        }
        return bytes
    }
}
