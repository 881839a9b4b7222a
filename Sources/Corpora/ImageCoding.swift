public import Media

/// The image formats, given to this room from outside: extraction knows pixels, not files.
public struct ImageCoding: Sendable {
    /// Turns a file's bytes into RGB over white, with limits checked before decoding.
    public let decoder: any MediaDecoder
    /// Turns an image into PNG bytes, the same bytes for the same image.
    public let encodePNG: @Sendable (Image) throws -> [UInt8]

    /// Pairs a decoder with a PNG encoder.
    public init(decoder: any MediaDecoder, encodePNG: @escaping @Sendable (Image) throws -> [UInt8]) {
        self.decoder = decoder
        self.encodePNG = encodePNG
    }
}
