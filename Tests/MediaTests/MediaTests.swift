import Media
import Testing

@Suite struct ImageTests {
    private let image = noise(5, 3)

    @Test("Every orientation stands upright as EXIF defines it", arguments: Orientation.allCases)
    func orientations(orientation: Orientation) {
        let upright = image.turned(upright: orientation)
        let (lastX, lastY) = (image.width - 1, image.height - 1)
        for y in 0..<upright.height {
            for x in 0..<upright.width {
                // Where EXIF says that the 0th row and the 0th column are.
                let stored: (x: Int, y: Int) =
                    switch orientation {
                    case .upright: (x, y)
                    case .mirrored: (lastX - x, y)
                    case .halfTurn: (lastX - x, lastY - y)
                    case .flipped: (x, lastY - y)
                    case .transposed: (y, x)
                    case .quarterClockwise: (y, lastY - x)
                    case .transversed: (lastX - y, lastY - x)
                    case .quarterAnticlockwise: (lastX - y, x)
                    }
                #expect(upright[x, y] == image[stored.x, stored.y])
            }
        }
    }

    @Test("Alpha over white is rounded to the nearest value for every value and alpha")
    func compositing() {
        var rgba = [UInt8]()
        for alpha in 0...255 {
            for value in 0...255 { rgba += [UInt8(value), 0, 255, UInt8(alpha)] }
        }
        let image = Image(width: 256, height: 256, rgbaOverWhite: rgba)
        for alpha in 0...255 {
            for value in 0...255 {
                let exact = Double(value * alpha + 255 * (255 - alpha)) / 255
                #expect(image[value, alpha].red == UInt8(exact.rounded()))
                #expect(image[value, alpha].blue == 255)
            }
        }
    }

    @Test("A crop that reaches outside the image is filled with the ground colour")
    func cropOutside() {
        let crop = image.cropped(x: -1, y: -2, width: 8, height: 4, ground: .black)
        #expect(crop.width == 8 && crop.height == 4)
        for y in 0..<4 {
            for x in 0..<8 {
                let inside = (1...5).contains(x) && y >= 2
                #expect(crop[x, y] == (inside ? image[x - 1, y - 2] : .black))
            }
        }
        let nothing = image.cropped(x: 40, y: 40, width: 2, height: 2)
        #expect(nothing == Image(width: 2, height: 2))
    }

    @Test("Fitting keeps small images and shrinks large ones in proportion")
    func fitting() {
        #expect(image.fitting(longestSide: 5) == image)
        let shrunk = noise(400, 100).fitting(longestSide: 128)
        #expect(shrunk.width == 128 && shrunk.height == 32)
        #expect(noise(1, 300).fitting(longestSide: 64).width == 1)
    }

    @Test("A contact sheet places images in reading order on white")
    func sheet() {
        let red = Image(width: 2, height: 1, filledWith: RGB(red: 255, green: 0, blue: 0))
        let blue = Image(width: 3, height: 3, filledWith: RGB(red: 0, green: 0, blue: 255))
        let sheet = contactSheet([red, blue, red], columns: 2, cell: 10)
        #expect(sheet.width == 32 && sheet.height == 32)
        #expect(sheet[9, 9] == RGB(red: 255, green: 0, blue: 0))
        #expect(sheet[9, 4] == .white)
        #expect(sheet[20, 5] == RGB(red: 0, green: 0, blue: 255))
        #expect(sheet[9, 23] == RGB(red: 255, green: 0, blue: 0))
        #expect(sheet[25, 25] == .white)
        #expect(contactSheet([], columns: 3, cell: 6) == Image(width: 14, height: 14))
    }
}
