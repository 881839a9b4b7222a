/// The eleven basic colour terms of English (Berlin and Kay, "Basic Color Terms", 1969).
public enum ColourName: String, Sendable, Hashable, Codable, CaseIterable {
    case black, white, grey, red, orange, yellow, green, blue, purple, pink, brown

    /// The name of one colour, by fixed bounds in hue (degrees), saturation and value (both `0...1`) of HSV.
    ///
    /// - Value below 0.2 is black.
    /// - Saturation below 0.12, or chroma (value times saturation) below 0.1: white from value 0.85, black below 0.25,
    ///   grey between.
    /// - Otherwise by hue: red up to 14, orange to 42, yellow to 68, green to 168, blue to 256, purple to 300, pink to
    ///   345, then red again; with these exceptions: brown is dark or dull orange (8 ..< 48, value below 0.66, or
    ///   saturation below 0.5 and value below 0.85); dark yellow (value below 0.55) is green, as olive is; pale red
    ///   (saturation below 0.55, value from 0.7) is pink; dark pink (value below 0.55) is purple up to hue 325, red
    ///   after.
    ///
    /// The bounds are ours, chosen so that the colours that HTML calls by these names keep their names.
    public init(of colour: RGB) {
        let (red, green, blue) = (Int(colour.red), Int(colour.green), Int(colour.blue))
        let highest = max(red, green, blue)
        let chroma = highest - min(red, green, blue)
        let value = Double(highest) / 255
        let saturation = highest == 0 ? 0 : Double(chroma) / Double(highest)
        if value < 0.2 {
            self = .black
        } else if saturation < 0.12 || Double(chroma) / 255 < 0.1 {
            self = value >= 0.85 ? .white : value < 0.25 ? .black : .grey
        } else {
            var sixths: Double
            if highest == red {
                sixths = Double(green - blue) / Double(chroma)
            } else if highest == green {
                sixths = Double(blue - red) / Double(chroma) + 2
            } else {
                sixths = Double(red - green) / Double(chroma) + 4
            }
            if sixths < 0 { sixths += 6 }
            self = Self.named(hue: sixths * 60, saturation: saturation, value: value)
        }
    }

    private static func named(hue: Double, saturation: Double, value: Double) -> ColourName {
        if hue >= 8 && hue < 48 && (value < 0.66 || (saturation < 0.5 && value < 0.85)) { return .brown }
        switch hue {
        case ..<14, 345...: return saturation < 0.55 && value >= 0.7 ? .pink : .red
        case ..<42: return .orange
        case ..<68: return value < 0.55 ? .green : .yellow
        case ..<168: return .green
        case ..<256: return .blue
        case ..<300: return .purple
        default: return value >= 0.55 ? .pink : hue < 325 ? .purple : .red
        }
    }
}
