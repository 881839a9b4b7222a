/// The colours that a person would name first in an image: at most three of the eleven basic ones.
///
/// The corpus writes captions with it and the evaluation judges answers with it, so there is one rule:
/// 1. The image is sampled, without mixing, on a grid of at most 64 by 64 pixel centres.
/// 2. If at least half of the grid's border is near white (every value from 245), near-white samples connected to the
///    border, over edges, are background and do not count; if that leaves less than 1/50 of the grid, all samples
///    count.
/// 3. Every sample is named by `ColourName(of:)`. Colours are ordered by share of the counted samples, ties by the order
///    of `ColourName.allCases`; the first is always kept, the second and third if they cover at least 12%.
///
/// Integer counts throughout: the same pixels give the same names on every machine.
public struct DominantColours: Sendable, Hashable {
    /// One colour and the part of the foreground that has it.
    public struct Entry: Sendable, Hashable {
        /// The colour's name.
        public let colour: ColourName

        /// Share of the counted samples, `0...1`.
        public let share: Double
    }

    /// The smallest share that a second or third colour needs.
    public static let minimumShare = 0.12

    /// One to three colours, largest share first.
    public let entries: [Entry]

    /// The names in order: "red", "green"...
    public var names: [String] { entries.map(\.colour.rawValue) }

    /// The colour with the largest share.
    public var first: ColourName { entries[0].colour }

    /// Finds the colours of an image.
    public init(of image: Image) {
        let samples = Samples(of: image, atMost: 64)
        let background = samples.background()
        let foregroundCount = background.count { !$0 }
        let usesAll = foregroundCount * 50 < background.count
        var counts = [ColourName: Int]()
        for (index, colour) in samples.colours.enumerated() where usesAll || !background[index] {
            counts[ColourName(of: colour), default: 0] += 1
        }
        let total = usesAll ? background.count : foregroundCount
        let ordered = ColourName.allCases.enumerated()
            .map { (colour: $1, count: counts[$1] ?? 0, order: $0) }
            .sorted { ($1.count, $0.order) < ($0.count, $1.order) }
        entries = ordered.prefix(3).enumerated()
            .filter { $0 == 0 || $1.count * 100 >= total * 12 }
            .map { Entry(colour: $1.colour, share: Double($1.count) / Double(total)) }
    }
}

/// Pixels taken at regular places of an image.
private struct Samples {
    let width: Int
    let height: Int
    var colours: [RGB] = []

    init(of image: Image, atMost side: Int) {
        width = min(image.width, side)
        height = min(image.height, side)
        colours.reserveCapacity(width * height)
        for y in 0..<height {
            let row = (2 * y + 1) * image.height / (2 * height)
            for x in 0..<width {
                colours.append(image[(2 * x + 1) * image.width / (2 * width), row])
            }
        }
    }

    /// For each sample, whether it is part of the white ground on which the image's subject stands.
    func background() -> [Bool] {
        var isBackground = [Bool](repeating: false, count: colours.count)
        let border = colours.indices.filter { index in
            let (x, y) = (index % width, index / width)
            return x == 0 || y == 0 || x == width - 1 || y == height - 1
        }
        var open = border.filter(isNearWhite)
        guard open.count * 2 >= border.count else { return isBackground }
        for index in open { isBackground[index] = true }
        while let index = open.popLast() {
            let (x, y) = (index % width, index / width)
            let neighbours = [
                x > 0 ? index - 1 : nil, x < width - 1 ? index + 1 : nil,
                y > 0 ? index - width : nil, y < height - 1 ? index + width : nil,
            ]
            for case let neighbour? in neighbours where !isBackground[neighbour] && isNearWhite(neighbour) {
                isBackground[neighbour] = true
                open.append(neighbour)
            }
        }
        return isBackground
    }

    private func isNearWhite(_ index: Int) -> Bool {
        let colour = colours[index]
        return min(colour.red, colour.green, colour.blue) >= 245
    }
}
