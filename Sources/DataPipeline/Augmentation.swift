#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How far training images may be changed; a value of the recipe.
public struct Augmentation: Codable, Sendable, Hashable {
    /// Rotation drawn from plus or minus this many degrees.
    public var rotationDegrees: Double
    /// Scale drawn from 1 minus this to 1 plus this.
    public var scale: Double
    /// Shift drawn from plus or minus this share of the side, in both directions.
    public var shift: Double
    /// Share of images mirrored left to right.
    public var flipProbability: Double
    /// Brightness factor drawn from 1 minus this to 1 plus this.
    public var brightness: Double

    public init(
        rotationDegrees: Double = 10, scale: Double = 0.1, shift: Double = 0.08, flipProbability: Double = 0.5,
        brightness: Double = 0.1
    ) {
        self.rotationDegrees = rotationDegrees
        self.scale = scale
        self.shift = shift
        self.flipProbability = flipProbability
        self.brightness = brightness
    }

    /// Draws the change of one image.
    package func parameters(random: inout KeyedRandom) -> AugmentationParameters {
        let angle = random.uniform(-rotationDegrees, rotationDegrees) * .pi / 180
        let zoom = 1 / max(0.05, random.uniform(1 - scale, 1 + scale))
        let shiftX = random.uniform(-shift, shift) * 2
        let shiftY = random.uniform(-shift, shift) * 2
        let mirror: Double = random.unit() < flipProbability ? -1 : 1
        let factor = random.uniform(1 - brightness, 1 + brightness)
        let (cosine, sine) = (cos(angle) * zoom, sin(angle) * zoom)
        return AugmentationParameters(
            affine: [cosine * mirror, -sine, shiftX, sine * mirror, cosine, shiftY].map(Float.init),
            brightness: Float(factor))
    }
}

/// The change of one image, drawn in the loader, so that it depends on the seed and the presentation alone.
public struct AugmentationParameters: Sendable, Hashable {
    /// Row by row, the 2 x 3 matrix that takes an output position to the input position it is sampled from, both in
    /// -1...1 from edge to edge (the convention of `affineGrid` with `alignCorners: false`).
    public var affine: [Float]
    /// Factor on every value before clamping to 0...255.
    public var brightness: Float

    public init(affine: [Float], brightness: Float) {
        precondition(affine.count == 6, "an affine matrix has 6 values, not \(affine.count)")
        self.affine = affine
        self.brightness = brightness
    }

    /// No change.
    public static let identity: AugmentationParameters = AugmentationParameters(
        affine: [1, 0, 0, 0, 1, 0], brightness: 1)

    /// Samples a square image bilinearly at the changed positions; what lies outside is white.
    ///
    /// - Parameters:
    ///   - pixels: `size` x `size` x 3, 8 bits.
    ///   - output: 3 x `size` x `size` values in 0...255, channel by channel.
    package func sample(
        _ pixels: UnsafeBufferPointer<UInt8>, size: Int, into output: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(pixels.count == size * size * 3 && output.count == pixels.count)
        let plane = size * size
        let half = Float(size) / 2
        let step = 2 / Float(size)
        for y in 0..<size {
            let v = (Float(y) + 0.5) * step - 1
            for x in 0..<size {
                let u = (Float(x) + 0.5) * step - 1
                let sourceX = (affine[0] * u + affine[1] * v + affine[2] + 1) * half - 0.5
                let sourceY = (affine[3] * u + affine[4] * v + affine[5] + 1) * half - 0.5
                let floorX = sourceX.rounded(.down)
                let floorY = sourceY.rounded(.down)
                let (weightX, weightY) = (sourceX - floorX, sourceY - floorY)
                let place = y * size + x
                guard floorX >= -1, floorY >= -1, floorX < Float(size), floorY < Float(size) else {
                    for channel in 0..<3 { output[channel * plane + place] = min(255, 255 * brightness) }
                    continue
                }
                let (left, top) = (Int(floorX), Int(floorY))
                for channel in 0..<3 {
                    func value(_ column: Int, _ row: Int) -> Float {
                        guard column >= 0, row >= 0, column < size, row < size else { return 255 }
                        return Float(pixels[(row * size + column) * 3 + channel])
                    }
                    let upper = value(left, top) + (value(left + 1, top) - value(left, top)) * weightX
                    let lower = value(left, top + 1) + (value(left + 1, top + 1) - value(left, top + 1)) * weightX
                    let mixed = upper + (lower - upper) * weightY
                    output[channel * plane + place] = min(255, max(0, mixed * brightness))
                }
            }
        }
    }
}
