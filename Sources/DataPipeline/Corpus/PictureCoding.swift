public import Media

/// The picture formats, given to this room from outside: extraction knows pixels, not files.
public struct PictureCoding: Sendable {
    /// Turns a file's bytes into RGB over white, with limits checked before decoding.
    public let decoder: any MediaDecoder
    /// Turns a picture into PNG bytes, the same bytes for the same picture.
    public let encodePNG: @Sendable (Picture) throws -> [UInt8]

    /// Pairs a decoder with a PNG encoder.
    public init(decoder: any MediaDecoder, encodePNG: @escaping @Sendable (Picture) throws -> [UInt8]) {
        self.decoder = decoder
        self.encodePNG = encodePNG
    }
}
