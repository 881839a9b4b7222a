#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// A shape of the rendered scenes, as a test of points in the square -1 ... 1 (y downwards).
enum SceneShape: String, CaseIterable, Sendable {
    case circle, square, triangle, star, ring, cross, diamond, hexagon, heart, moon

    var plural: String { self == .cross ? "crosses" : rawValue + "s" }

    /// True when the point lies inside.
    func contains(_ x: Double, _ y: Double) -> Bool {
        let squared = x * x + y * y
        switch self {
        case .circle: return squared <= 1
        case .square: return abs(x) <= 0.85 && abs(y) <= 0.85
        case .ring: return squared <= 1 && squared >= 0.3
        case .cross: return (abs(x) <= 0.3 && abs(y) <= 0.95) || (abs(y) <= 0.3 && abs(x) <= 0.95)
        case .diamond: return abs(x) * 1.35 + abs(y) <= 1
        case .hexagon: return abs(y) <= 0.866 && abs(x) * 1.732 + abs(y) <= 1.732
        case .moon:
            let dx = x - 0.45
            return squared <= 1 && dx * dx + y * y > 0.7
        case .triangle: return y <= 0.75 && abs(x) <= (y + 0.95) / 1.7
        case .heart:
            // The curve (x^2 + y^2 - 1)^3 = x^2 y^3, turned upright and fitted to the square.
            let u = x * 1.18
            let v = -y * 1.18 + 0.1
            let base = u * u + v * v - 1
            return base * base * base - u * u * v * v * v <= 0
        case .star:
            // Five points: inside when below the edge from an outer corner (radius 1) to an inner one (radius 0.42).
            let radius = squared.squareRoot()
            guard radius > 0 else { return true }
            let fifth = 2 * Double.pi / 5
            var angle = atan2(x, -y).truncatingRemainder(dividingBy: fifth)
            if angle < 0 { angle += fifth }
            angle = min(angle, fifth - angle)
            let inner = 0.42
            let half = fifth / 2
            let edge = inner * sin(half) / (inner * sin(half - angle) + sin(angle))
            return radius <= edge
        }
    }
}

/// A colour of the rendered scenes, with the name that stands in captions.
enum SceneColour: String, CaseIterable, Sendable {
    case red, orange, yellow, green, blue, purple, pink, brown, black, grey

    /// 8-bit red, green, blue.
    var rgb: (UInt8, UInt8, UInt8) {
        switch self {
        case .red: (220, 30, 30)
        case .orange: (250, 145, 20)
        case .yellow: (250, 220, 40)
        case .green: (40, 160, 60)
        case .blue: (40, 90, 220)
        case .purple: (130, 50, 180)
        case .pink: (250, 150, 195)
        case .brown: (130, 80, 40)
        case .black: (20, 20, 20)
        case .grey: (140, 140, 140)
        }
    }
}
