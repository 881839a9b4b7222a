import Media
import Testing

private let named: [(String, UInt32)] = [
    ("black", 0x000000), ("black", 0x1a1a1a), ("white", 0xffffff), ("white", 0xf0f0f0), ("grey", 0x808080),
    ("grey", 0xb0b4b8), ("red", 0xff0000), ("red", 0xcc2222), ("red", 0x8b0000), ("orange", 0xffa500),
    ("orange", 0xff8c00), ("yellow", 0xffff00), ("yellow", 0xffcc22), ("green", 0x008000), ("green", 0x00ff00),
    ("green", 0x228b22), ("green", 0x808000), ("blue", 0x0000ff), ("blue", 0x1e90ff), ("blue", 0x000080),
    ("purple", 0x800080), ("purple", 0x8a2be2), ("pink", 0xffc0cb), ("pink", 0xff69b4), ("pink", 0xff1493),
    ("brown", 0xa0522d), ("brown", 0x8b4513), ("brown", 0x654321), ("brown", 0xd2b48c),
    ("brown", 0xcd853f), ("brown", 0xdeb887),
    ("black", 0x424242), ("pink", 0xffd3b3), ("white", 0xffebcc), ("red", 0xff4b1a), ("orange", 0xff6d1a),
    ("yellow", 0xffc929), ("pink", 0xfa8072),
]

@Suite struct DominantColoursTests {
    @Test("Colours keep the names that people give them", arguments: named)
    func names(name: String, code: UInt32) {
        let colour = RGB(
            red: UInt8(code >> 16), green: UInt8(code >> 8 & 255), blue: UInt8(code & 255))
        #expect(ColourName(of: colour).rawValue == name)
    }

    /// Rows of an image, one character per 4 x 4 block.
    private func drawn(_ rows: [String]) -> Image {
        let colours: [Character: RGB] = [
            ".": .white, "r": RGB(red: 220, green: 10, blue: 10), "b": RGB(red: 10, green: 10, blue: 220),
            "g": RGB(red: 10, green: 150, blue: 10), "k": .black,
        ]
        let pixels = rows.flatMap { row in
            Array(repeating: row.flatMap { Array(repeating: colours[$0]!, count: 4) }, count: 4).flatMap { $0 }
        }
        return Image(
            width: rows[0].count * 4, height: rows.count * 4, pixels: pixels.flatMap { [$0.red, $0.green, $0.blue] })
    }

    @Test("White around the subject does not count, white inside it does")
    func background() {
        let ring = drawn(["........", ".rrrrrr.", ".r....r.", ".r....r.", ".rrrrrr.", "........"])
        let colours = DominantColours(of: ring)
        #expect(colours.names == ["red", "white"])
        #expect(colours.entries[0].share == 16.0 / 24)
    }

    @Test("Without a white border white counts like any colour")
    func noBackground() {
        #expect(DominantColours(of: drawn(["rrrr", "r..r", "r..r", "rrrr"])).names == ["red", "white"])
        #expect(DominantColours(of: drawn(["r..r", "rr..", "rrrr", "rrrr"])).names == ["red", "white"])
    }

    @Test("Colours are ordered by share and those below 12% are left out")
    func order() {
        let image = drawn(["bbbbbbbbbb", "bbbbbrrrrr", "gggggggkkk", "gggggggkkk"])
        #expect(DominantColours(of: image).names == ["blue", "green", "black"])
        let few = drawn(["rrrrrrrrrr", "rrrrrrrrrr", "rrrrrrrbbb"])
        #expect(DominantColours(of: few).names == ["red"])
    }

    @Test("An image of nothing but white is white")
    func allWhite() {
        #expect(DominantColours(of: Image(width: 3, height: 200)).names == ["white"])
    }

    @Test("At most three colours are named, ties in the order of the names")
    func ties() {
        #expect(DominantColours(of: drawn(["rrbbggkk"])).names == ["black", "red", "green"])
    }
}
