internal import Media

/// A square white image on which shapes are drawn with 4 x 4 samples per pixel.
struct SceneCanvas {
    private static let samples = 4

    let size: Int
    private var pixels: [UInt8]

    /// A white canvas of `size` x `size` pixels.
    init(size: Int) {
        self.size = size
        pixels = [UInt8](repeating: 255, count: size * size * 3)
    }

    /// The image drawn so far.
    var image: Image { Image(width: size, height: size, pixels: pixels) }

    /// Draws a shape centred at `x`, `y` that reaches `radius` pixels from there.
    mutating func draw(_ shape: SceneShape, x: Double, y: Double, radius: Double, colour: SceneColour) {
        fill(
            columns: Int(x - radius) - 1...Int(x + radius) + 1, rows: Int(y - radius) - 1...Int(y + radius) + 1,
            colour: colour
        ) { px, py in shape.contains((px - x) / radius, (py - y) / radius) }
    }

    /// Colours the part of the given columns and rows where `contains` holds; coordinates in pixels.
    mutating func fill(
        columns: ClosedRange<Int>, rows: ClosedRange<Int>, colour: SceneColour, where contains: (Double, Double) -> Bool
    ) {
        let (red, green, blue) = colour.rgb
        let step = 1 / Double(Self.samples)
        let sampleCount = Self.samples * Self.samples
        for row in max(0, rows.lowerBound)..<min(size, rows.upperBound + 1) {
            for column in max(0, columns.lowerBound)..<min(size, columns.upperBound + 1) {
                var hits = 0
                for sampleRow in 0..<Self.samples {
                    for sampleColumn in 0..<Self.samples
                    where contains(
                        Double(column) + (Double(sampleColumn) + 0.5) * step,
                        Double(row) + (Double(sampleRow) + 0.5) * step)
                    {
                        hits += 1
                    }
                }
                if hits == 0 { continue }
                let place = (row * size + column) * 3
                for (channel, value) in [red, green, blue].enumerated() {
                    let mixed = Int(value) * hits + Int(pixels[place + channel]) * (sampleCount - hits)
                    pixels[place + channel] = UInt8((mixed + sampleCount / 2) / sampleCount)
                }
            }
        }
    }
}
