internal import Media

/// One rendered scene and all that is true of it.
struct Scene: Sendable {
    /// A drawn shape; positions and radius in parts of the image's side.
    struct Object: Sendable {
        var shape: SceneShape
        var colour: SceneColour
        var x: Double
        var y: Double
        var radius: Double

        var name: String { "\(colour) \(shape)" }
    }

    /// "three blue circles", "red star above green ring".
    var name: String
    /// "single shape", "several shapes", "arrangement" or "pattern".
    var kind: String
    var keywords: [String]
    /// By area, largest first.
    var colours: [String]
    var objects: [Object] = []
    /// Stripes or squares that cover the image: the two colours, the direction, and how many.
    var pattern: (first: SceneColour, second: SceneColour?, style: PatternStyle, count: Int)?

    enum PatternStyle: String, CaseIterable, Sendable {
        case horizontal = "horizontal stripes"
        case vertical = "vertical stripes"
        case checkered = "checkered squares"
    }

    /// The scene as pixels.
    func image(size: Int) -> Image {
        var canvas = SceneCanvas(size: size)
        let side = Double(size)
        if let pattern {
            let cell = side / Double(pattern.count)
            let all = 0...size - 1
            func isSecond(_ x: Double, _ y: Double) -> Bool {
                let column = pattern.style == .horizontal ? 0 : Int(x / cell)
                let row = pattern.style == .vertical ? 0 : Int(y / cell)
                return (column + row) % 2 == 1
            }
            canvas.fill(columns: all, rows: all, colour: pattern.first) { !isSecond($0, $1) }
            if let second = pattern.second {
                canvas.fill(columns: all, rows: all, colour: second, where: isSecond)
            }
        }
        for object in objects {
            canvas.draw(
                object.shape, x: object.x * side, y: object.y * side, radius: object.radius * side,
                colour: object.colour)
        }
        return canvas.image
    }
}

extension Scene {
    /// Draws one scene from the generator: a single shape, a count, an arrangement of two, or a pattern.
    static func random(using generator: inout SplitMix64) -> Scene {
        switch generator.index(10) {
        case 0..<3: single(using: &generator)
        case 3..<6: several(using: &generator)
        case 6..<9: arrangement(using: &generator)
        default: pattern(using: &generator)
        }
    }

    private static func single(using generator: inout SplitMix64) -> Scene {
        let isLarge = generator.index(2) == 0
        let radius = isLarge ? generator.number(0.32...0.44) : generator.number(0.12...0.18)
        let object = Object(
            shape: generator.pick(SceneShape.allCases), colour: generator.pick(SceneColour.allCases),
            x: generator.number(radius...1 - radius), y: generator.number(radius...1 - radius), radius: radius)
        let size = isLarge ? "large" : "small"
        return Scene(
            name: "\(size) \(object.name)", kind: "single shape", keywords: [size, object.shape.rawValue],
            colours: [object.colour.rawValue], objects: [object])
    }

    private static func several(using generator: inout SplitMix64) -> Scene {
        let words = ["two", "three", "four", "five", "six"]
        let number = generator.index(words.count)
        let shape = generator.pick(SceneShape.allCases)
        let colour = generator.pick(SceneColour.allCases)
        let cells = generator.shuffled(Array(0..<9)).prefix(number + 2)
        let objects = cells.map { cell in
            Object(
                shape: shape, colour: colour, x: (Double(cell % 3) + generator.number(0.42...0.58)) / 3,
                y: (Double(cell / 3) + generator.number(0.42...0.58)) / 3, radius: generator.number(0.1...0.13))
        }
        return Scene(
            name: "\(words[number]) \(colour) \(shape.plural)", kind: "several shapes",
            keywords: [words[number], shape.rawValue], colours: [colour.rawValue], objects: objects)
    }

    private static func arrangement(using generator: inout SplitMix64) -> Scene {
        let relation = generator.pick(["above", "left of", "inside"])
        let colours = generator.shuffled(SceneColour.allCases)
        let shift = generator.number(-0.12...0.12)
        var first = Object(
            shape: generator.pick(SceneShape.allCases), colour: colours[0], x: 0.5 + shift, y: 0.5 + shift,
            radius: generator.number(0.17...0.22))
        var second = Object(
            shape: generator.pick(SceneShape.allCases), colour: colours[1], x: 0.5 - shift, y: 0.5 - shift,
            radius: generator.number(0.17...0.22))
        switch relation {
        case "above": (first.y, second.y) = (0.25, 0.75)
        case "left of": (first.x, second.x) = (0.25, 0.75)
        default:
            // Only shapes that are full in the middle can hold another one.
            second.shape = generator.pick([SceneShape.circle, .square, .hexagon])
            first.radius = generator.number(0.14...0.2)
            (second.x, second.y, second.radius) = (0.5, 0.5, 0.44)
            (first.x, first.y) = (0.5 + shift / 3, 0.5 + shift / 3)
            return Scene(
                name: "\(first.name) inside \(second.name)", kind: "arrangement",
                keywords: [first.shape.rawValue, second.shape.rawValue, relation],
                colours: [second.colour.rawValue, first.colour.rawValue], objects: [second, first])
        }
        let byArea = [first, second].sorted { $0.area > $1.area }
        return Scene(
            name: "\(first.name) \(relation) \(second.name)", kind: "arrangement",
            keywords: [first.shape.rawValue, second.shape.rawValue, relation],
            colours: byArea.map(\.colour.rawValue), objects: [first, second])
    }

    private static func pattern(using generator: inout SplitMix64) -> Scene {
        let style = generator.pick(PatternStyle.allCases)
        let colours = generator.shuffled(SceneColour.allCases)
        // An odd number of stripes gives the first colour the larger share, and so the first place.
        let count = 3 + 2 * generator.index(3)
        let second = generator.index(3) == 0 ? nil : colours[1]
        return Scene(
            name: "\(colours[0]) and \(second?.rawValue ?? "white") \(style.rawValue)", kind: "pattern",
            keywords: style.rawValue.split(separator: " ").map(String.init),
            colours: [colours[0].rawValue, second?.rawValue ?? "white"],
            pattern: (first: colours[0], second: second, style: style, count: count))
    }
}

extension Scene.Object {
    /// Covered area in parts of the image, by counting samples: exact enough to order two objects.
    var area: Double {
        let steps = 64
        var hits = 0
        for row in 0..<steps {
            for column in 0..<steps {
                let x = (Double(column) + 0.5) / Double(steps) * 2 - 1
                let y = (Double(row) + 0.5) / Double(steps) * 2 - 1
                if shape.contains(x, y) { hits += 1 }
            }
        }
        return Double(hits) / Double(steps * steps) * 4 * radius * radius
    }
}
