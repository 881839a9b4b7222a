/// The eleven basic colour terms of English (Berlin and Kay, "Basic Color Terms", 1969).
public enum ColourName: String, Sendable, Hashable, Codable, CaseIterable {
    case black, white, grey, red, orange, yellow, green, blue, purple, pink, brown

    /// The name of one colour, by fixed bounds in hue (degrees), saturation and value (both `0...1`) of HSV.
    ///
    /// 1. Value below 0.2 is black. Saturation below 0.12, or chroma (value times saturation) below 0.1: black below
    ///    value 0.34, white from 0.85, grey between.
    /// 2. Brown is dark or dull orange: from hue 16 to 48, value below 0.72, or below 0.84 with saturation below 0.7, or
    ///    below 0.9 with saturation below 0.5; from hue 8 to 16, value below 0.66, or below 0.75 with saturation below
    ///    0.65.
    /// 3. Pale orange (saturation below 0.45) is skin or cream: pink from hue 16 to 33; from 33 to 68 white with
    ///    saturation below 0.25 and value from 0.85, else yellow.
    /// 4. Otherwise by hue: red to 16, orange to 42, yellow to 68 (green where value is below 0.55, as olive is), green
    ///    to 168, blue to 256, purple to 300, pink to 345, red again. Pale red (saturation below 0.55, value from 0.7)
    ///    is pink; dark pink (value below 0.55) is purple to hue 325, then red.
    ///
    /// The bounds are ours: the colours that HTML calls by these names keep them, and drawn skin, fruit, wood and
    /// "black" that is drawn in dark grey are called what people call them.
    public init(of colour: RGB) {
        let (red, green, blue) = (Int(colour.red), Int(colour.green), Int(colour.blue))
        let highest = max(red, green, blue)
        let chroma = highest - min(red, green, blue)
        let value = Double(highest) / 255
        let saturation = highest == 0 ? 0 : Double(chroma) / Double(highest)
        if value < 0.2 {
            self = .black
        } else if saturation < 0.12 || Double(chroma) / 255 < 0.1 {
            self = value >= 0.85 ? .white : value < 0.34 ? .black : .grey
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
        switch hue {
        case 8..<16 where value < 0.66 || (saturation < 0.65 && value < 0.75): return .brown
        case 16..<48
        where value < 0.72 || (saturation < 0.7 && value < 0.84) || (saturation < 0.5 && value < 0.9):
            return .brown
        case 16..<33 where saturation < 0.45: return .pink
        case 33..<68 where saturation < 0.25 && value >= 0.85: return .white
        case 33..<42 where saturation < 0.45: return .yellow
        case ..<16, 345...: return saturation < 0.55 && value >= 0.7 ? .pink : .red
        case ..<42: return .orange
        case ..<68: return value < 0.55 ? .green : .yellow
        case ..<168: return .green
        case ..<256: return .blue
        case ..<300: return .purple
        default: return value >= 0.55 ? .pink : hue < 325 ? .purple : .red
        }
    }
}
