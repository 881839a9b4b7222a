import Foundation
import Media
import NN
import Testing
import TinyModels
import Torch

/// Preprocessing of mPLUG-Owl, its video variant and mPLUG-Owl2 against the published code with Pillow 11.3.0, to the last bit.
struct OwlImageTests {
    private func images(_ fixture: ParityFixture) throws -> [(file: String, image: Image)] {
        try fixture.all.names.filter { $0.hasPrefix("decoded.") }.compactMap { name in
            let tensor = try fixture(name)
            // The published code drops alpha, Syrinx composes it over white in these modes: such images differ on purpose.
            guard tensor.size(2) == 3 else { return nil }
            let image = Image(width: tensor.size(1), height: tensor.size(0), pixels: tensor.array(of: UInt8.self))
            return (String(name.dropFirst("decoded.".count)), image)
        }
    }

    @Test(
        arguments: [
            ("mplug-owl2", "resize", ImageProcessor.Resize.squareFirst), ("mplug-owl2", "pad", .padMean),
            ("mplug-owl2", "none", .shortestSideCrop), ("mplug-owl", "square", .squash),
            ("mplug-owl-video", "crop", .shortestSideCrop),
        ])
    func `Every mode gives the published code's pixels`(
        system: String, mode: String, resize: ImageProcessor.Resize
    ) throws {
        let fixture = try ParityFixture("\(system)/pictures")
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/\(system)/model/preprocessor_config.json")
        let processor = try ImageProcessor(
            preprocessorConfiguration: [UInt8](try Data(contentsOf: path)), published: resize)
        #expect(processor.imageSize == 20 && processor.resize == resize)
        let images = try images(fixture)
        #expect(images.count == 5)
        for (file, image) in images where !(system == "mplug-owl" && file.hasPrefix("palette")) {
            // The published code of mPLUG-Owl resizes palettes before they are colours, as `squashStored` does from files.
            let expected = try fixture("\(mode).\(file)").permute([1, 2, 0]).contiguous().array(of: UInt8.self)
            #expect(processor.prepared(image).pixels == expected, "\(mode).\(file)")
        }
        let wide = try #require(images.first { $0.file == "wide.jpg" })
        let normalised = try fixture("\(mode).wide.jpg.normalised")
        #expect(ParityFixture.error(processor.pixelValues(wide.image), normalised) < 1e-6)
    }
}
