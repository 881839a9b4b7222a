/// How stored pixels must be turned to stand upright: the eight values of the EXIF tag 0x0112.
public enum Orientation: Int, Sendable, Hashable, Codable, CaseIterable {
    /// Stored upright.
    case upright = 1
    /// Mirrored left to right.
    case mirrored = 2
    /// Turned by half a circle.
    case halfTurn = 3
    /// Mirrored top to bottom.
    case flipped = 4
    /// Rows and columns exchanged.
    case transposed = 5
    /// To be turned a quarter clockwise.
    case quarterClockwise = 6
    /// Rows and columns exchanged along the other diagonal.
    case transversed = 7
    /// To be turned a quarter anticlockwise.
    case quarterAnticlockwise = 8

    /// Whether the upright image's width is the stored height.
    public var exchangesSides: Bool { rawValue >= 5 }
}

extension Image {
    /// The upright image, given how it was stored.
    ///
    /// - Complexity: One copy of the pixels; none for `.upright`.
    public func turned(upright orientation: Orientation) -> Image {
        guard orientation != .upright else { return self }
        let (newWidth, newHeight) = orientation.exchangesSides ? (height, width) : (width, height)
        // The stored pixel under upright (x, y) lies at `origin + x * perColumn + y * perRow`.
        let (lastX, lastY) = (width - 1, height - 1)
        let origin: Int
        let perColumn: Int
        let perRow: Int
        switch orientation {
        case .upright: (origin, perColumn, perRow) = (0, 1, width)
        case .mirrored: (origin, perColumn, perRow) = (lastX, -1, width)
        case .halfTurn: (origin, perColumn, perRow) = (lastY * width + lastX, -1, -width)
        case .flipped: (origin, perColumn, perRow) = (lastY * width, 1, -width)
        case .transposed: (origin, perColumn, perRow) = (0, width, 1)
        case .quarterClockwise: (origin, perColumn, perRow) = (lastY * width, -width, 1)
        case .transversed: (origin, perColumn, perRow) = (lastY * width + lastX, -width, -1)
        case .quarterAnticlockwise: (origin, perColumn, perRow) = (lastX, width, -1)
        }
        let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { output, written in
            pixels.withUnsafeBufferPointer { input in
                var target = 0
                for y in 0..<newHeight {
                    var source = (origin + y * perRow) * 3
                    for _ in 0..<newWidth {
                        output[target] = input[source]
                        output[target + 1] = input[source + 1]
                        output[target + 2] = input[source + 2]
                        target += 3
                        source += perColumn * 3
                    }
                }
            }
            written = pixels.count
        }
        return Image(width: newWidth, height: newHeight, pixels: turned)
    }
}
