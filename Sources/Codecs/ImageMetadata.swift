import CCodecs

/// The EXIF and XMP metadata in an image file, where they lie in its container; nothing of them is read here.
struct ImageMetadata {
    /// A TIFF structure, without the prefix that some containers put in front.
    private(set) var exif: ArraySlice<UInt8>?
    /// XML.
    private(set) var xmp: ArraySlice<UInt8>?

    private static let exifPrefix = Array("Exif\0\0".utf8)
    private static let xmpPrefix = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
    /// Most bytes of text that are inflated: Pillow's limit.
    private static let textLimit = 1 << 20

    init(of bytes: [UInt8], format: ImageFormat) {
        switch format {
        case .jpeg: readJPEG(bytes)
        case .png: readPNG(bytes)
        case .webp: readWebP(bytes)
        case .tiff:
            exif = bytes[...]
            xmp = TIFFDirectory(bytes[...])?.content(.xmp)
        case .gif, .bmp, .avif, .heic: break
        }
        while let content = exif, content.starts(with: Self.exifPrefix) {
            exif = content.dropFirst(Self.exifPrefix.count)
        }
    }

    /// Segments up to the first scan. EXIF that is longer than a segment goes on in the next one.
    private mutating func readJPEG(_ bytes: [UInt8]) {
        var position = 2
        while position + 4 <= bytes.count, bytes[position] == 0xFF {
            let marker = bytes[position + 1]
            if marker == 0xFF {  // A fill byte before a marker.
                position += 1
                continue
            }
            // Start of scan or end of image: metadata come before.
            if marker == 0xDA || marker == 0xD9 { return }
            let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
            let end = position + 2 + length
            guard length >= 2, end <= bytes.count else { return }
            let body = bytes[position + 4..<end]
            if marker == 0xE1, body.starts(with: Self.exifPrefix) {
                exif = exif.map { ($0 + body.dropFirst(Self.exifPrefix.count))[...] } ?? body
            } else if marker == 0xE1, body.starts(with: Self.xmpPrefix) {
                xmp = body.dropFirst(Self.xmpPrefix.count)
            }
            position = end
        }
    }

    /// Chunks to the end: metadata may come after the pixels. `eXIf` comes before EXIF that is written as text.
    private mutating func readPNG(_ bytes: [UInt8]) {
        var position = 8
        var textual: ArraySlice<UInt8>?
        while position + 12 <= bytes.count {
            let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
            let body = position + 8
            guard length <= bytes.count - body - 4 else { break }
            let content = bytes[body..<body + length]
            switch String(decoding: bytes[position + 4..<body], as: UTF8.self) {
            case "eXIf": exif = content
            case "tEXt", "zTXt", "iTXt":
                let isInternational = bytes[position + 4] == UInt8(ascii: "i")
                guard let (keyword, rest) = Self.split(content) else { break }
                if keyword.elementsEqual("Raw profile type exif".utf8), !isInternational {
                    let isCompressed = bytes[position + 4] == UInt8(ascii: "z")
                    textual = Self.rawProfile(isCompressed ? Self.inflated(rest.dropFirst()) : rest)
                } else if keyword.elementsEqual("XML:com.adobe.xmp".utf8), isInternational {
                    xmp = Self.internationalText(rest)
                }
            default: break
            }
            position = body + length + 4
        }
        exif = exif ?? textual
    }

    /// The bytes before and after the first zero.
    private static func split(_ bytes: ArraySlice<UInt8>) -> (ArraySlice<UInt8>, ArraySlice<UInt8>)? {
        bytes.firstIndex(of: 0).map { (bytes[..<$0], bytes[($0 + 1)...]) }
    }

    /// Behind compression flag and method, a language and a translated keyword, each ended by a zero.
    private static func internationalText(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let isCompressed = bytes.first, let (_, translated) = split(bytes.dropFirst(2)),
            let (_, text) = split(translated)
        else { return nil }
        return isCompressed == 0 ? text : inflated(text)
    }

    /// ImageMagick's form: a line with the name, one with the length, then hexadecimal digits in lines.
    private static func rawProfile(_ text: ArraySlice<UInt8>?) -> ArraySlice<UInt8>? {
        guard let lines = text?.split(separator: 0x0A, omittingEmptySubsequences: false), lines.count > 3 else {
            return nil
        }
        let digits = lines[3...].joined().filter { $0 > 0x20 }.map { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
        let values = digits.compactMap { $0 }
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }[...]
    }

    private static func inflated(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var count = 0
        let content = [UInt8](unsafeUninitializedCapacity: textLimit) { output, written in
            count = bytes.withUnsafeBufferPointer { input in
                syrinx_codecs_inflate(input.baseAddress, input.count, output.baseAddress, output.count)
            }
            written = count
        }
        return count > 0 ? content[...] : nil
    }

    private mutating func readWebP(_ bytes: [UInt8]) {
        var position = 12
        while position + 8 <= bytes.count {
            let length = bytes[position + 4..<position + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
            let body = position + 8
            guard length <= bytes.count - body else { return }
            let kind = bytes[position..<position + 4]
            if kind.elementsEqual("EXIF".utf8) { exif = exif ?? bytes[body..<body + length] }
            if kind.elementsEqual("XMP ".utf8) { xmp = xmp ?? bytes[body..<body + length] }
            position = body + length + length % 2
        }
    }
}
