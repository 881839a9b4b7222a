package import Media

/// How an image file says that its pixels are turned: whatever Pillow's `ImageOps.exif_transpose` turns.
///
/// That is EXIF's tag 0x0112 in APP1 of a JPEG, in `eXIf` or a "Raw profile type exif" of a PNG, in `EXIF` of a WebP, in
/// a TIFF itself; where there is no such tag, `tiff:Orientation` of XMP in the same files. (AVIF and HEIC have turns of
/// their own, which their libraries read; GIF and BMP have none.) Every read is checked against the bounds; whatever is
/// not well-formed gives `nil`, as damaged metadata must not lose the image.
package func exifOrientation(in bytes: [UInt8], format: ImageFormat) -> Orientation? {
    let metadata = ImageMetadata(of: bytes, format: format)
    if let directory = metadata.exif.flatMap({ TIFFDirectory($0) }), directory.has(.orientation) {
        return directory.number(.orientation).flatMap(Orientation.init(rawValue:))
    }
    return metadata.xmp.flatMap(orientation(inXMP:))
}

/// The digit behind the first `tiff:Orientation="` or `tiff:Orientation>`.
private func orientation(inXMP xmp: ArraySlice<UInt8>) -> Orientation? {
    let name = Array("tiff:Orientation".utf8)
    var rest = xmp
    while let start = rest.firstIndex(of: name[0]) {
        rest = rest[start...]
        if rest.starts(with: name) {
            let value = rest.dropFirst(name.count)
            for opening in ["=\"", ">"] where value.starts(with: opening.utf8) {
                guard let digit = value.dropFirst(opening.utf8.count).first, (0x30...0x39).contains(digit) else {
                    break
                }
                return Orientation(rawValue: Int(digit) - 0x30)
            }
        }
        rest = rest.dropFirst()
    }
    return nil
}
