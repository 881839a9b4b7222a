package import Media

/// The EXIF orientation in a picture file: APP1 of JPEG, `eXIf` of PNG, `EXIF` of WebP.
///
/// Every read is checked against the bounds; whatever is not well-formed gives `nil`, as damaged metadata must not lose
/// the picture.
package func exifOrientation(in bytes: [UInt8], format: PictureFormat) -> Orientation? {
    switch format {
    case .jpeg: jpegExif(bytes).flatMap(orientation)
    case .png: pngExif(bytes).flatMap(orientation)
    case .webp: webpExif(bytes).flatMap(orientation)
    }
}

private func jpegExif(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
    var position = 2
    while position + 4 <= bytes.count, bytes[position] == 0xFF {
        let marker = bytes[position + 1]
        if marker == 0xFF {  // A fill byte before a marker.
            position += 1
            continue
        }
        // Start of scan or end of image: metadata come before.
        if marker == 0xDA || marker == 0xD9 { return nil }
        let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
        let body = position + 4
        guard length >= 2, position + 2 + length <= bytes.count else { return nil }
        let end = position + 2 + length
        if marker == 0xE1, end - body >= 6, bytes[body..<body + 6].elementsEqual([0x45, 0x78, 0x69, 0x66, 0, 0]) {
            return bytes[body + 6..<end]
        }
        position = end
    }
    return nil
}

private func pngExif(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
    var position = 8
    while position + 12 <= bytes.count {
        let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
        let body = position + 8
        guard length <= bytes.count - body - 4 else { return nil }
        if bytes[position + 4..<body].elementsEqual("eXIf".utf8) { return bytes[body..<body + length] }
        position = body + length + 4
    }
    return nil
}

private func webpExif(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
    var position = 12
    while position + 8 <= bytes.count {
        let length = bytes[position + 4..<position + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
        let body = position + 8
        guard length <= bytes.count - body else { return nil }
        if bytes[position..<position + 4].elementsEqual("EXIF".utf8) {
            let content = bytes[body..<body + length]
            // Some writers put JPEG's prefix in front.
            return content.starts(with: [0x45, 0x78, 0x69, 0x66, 0, 0]) ? content.dropFirst(6) : content
        }
        position = body + length + length % 2
    }
    return nil
}

/// Tag 0x0112 of the first directory of a TIFF structure.
private func orientation(inTIFF tiff: ArraySlice<UInt8>) -> Orientation? {
    let start = tiff.startIndex
    let isLittle: Bool
    if tiff.starts(with: [0x49, 0x49, 0x2A, 0x00]) {
        isLittle = true
    } else if tiff.starts(with: [0x4D, 0x4D, 0x00, 0x2A]) {
        isLittle = false
    } else {
        return nil
    }
    func number(at offset: Int, byteCount: Int) -> Int? {
        guard offset >= 0, offset <= tiff.count - byteCount else { return nil }
        let bytes = tiff[start + offset..<start + offset + byteCount]
        return isLittle
            ? bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
            : bytes.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = number(at: 4, byteCount: 4), let count = number(at: directory, byteCount: 2) else {
        return nil
    }
    for index in 0..<count {
        let entry = directory + 2 + index * 12
        guard let tag = number(at: entry, byteCount: 2) else { return nil }
        guard tag == 0x0112 else { continue }
        // Type 3 is a 16-bit number, kept in the value field itself.
        guard number(at: entry + 2, byteCount: 2) == 3, let value = number(at: entry + 8, byteCount: 2) else {
            return nil
        }
        return Orientation(rawValue: value)
    }
    return nil
}
