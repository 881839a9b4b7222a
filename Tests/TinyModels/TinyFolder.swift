import Checkpoints
import Codecs
import Digests
import Foundation
package import Media
import NN
import Processors
import Syrinx
import SyrinxModels
import Tokenizers
import Torch

/// A model folder of a random model and a small vocabulary, in a temporary place that goes with it.
package final class TinyFolder {
    package let path: String

    package static let texts: [String] = (0..<40).flatMap { number in
        ["name: apple \(number). kind: food. colours: red, green.", "name: frog. kind: animals. colours: green."]
    }

    package init(vocabularySize: Int = 340) throws {
        path = NSTemporaryDirectory() + "syrinx-tests-\(UUID().uuidString)"
        var settings = SentencePieceTokenizer.Config(vocabularySize: vocabularySize, userDefinedSymbols: ["<image>"])
        settings.characterCoverage = 1
        let tokenizer = try SentencePieceTokenizer.train(texts: Self.texts, config: settings)
        var config = MM1.demo(
            vocabularySize: tokenizer.vocabularySize, imagePlaceholder: tokenizer.id(of: "<image>") ?? 0)
        config.visionEncoder.imageSize = 16
        config.visionEncoder.stem = .convolutional(channels: [4, 8])
        config.visionEncoder.hiddenSize = 16
        config.visionEncoder.intermediateSize = 32
        config.visionEncoder.layerCount = 1
        config.visionEncoder.headCount = 2
        config.connector = .averagePool(tokenCount: 4)
        config.languageModel.hiddenSize = 32
        config.languageModel.intermediateSize = 64
        config.languageModel.layerCount = 1
        config.languageModel.headCount = 4
        config.languageModel.keyValueHeadCount = 4
        config.languageModel.headSize = 8
        config.languageModel.contextLength = 96
        let store = ParameterStore()
        _ = MM1(config, at: store.root)
        store.initialize(seed: 5)
        let imageProcessor = ImageProcessor(imageSize: 16, resize: .squash)
        let artefacts = ModelArtefacts(
            imageProcessor: imageProcessor.fingerprint, tokenizer: Digest.fingerprint(tokenizer.modelBytes))
        try ModelFolder.write(
            store.stateDict(),
            files: [
                ModelFolder.FileName.config: Array(try MM1.configuration(of: config, artefacts: artefacts)),
                ModelFolder.FileName.tokenizerModel: tokenizer.modelBytes,
                ModelFolder.FileName.preprocessorConfig: Array(try JSONEncoder().encode(imageProcessor)),
            ], to: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Makes every weight NaN, as a training leaves them that diverged.
    package func fillWeightsWithNaN() throws {
        let file = URL(fileURLWithPath: path + "/model.safetensors")
        var bytes = [UInt8](try Data(contentsOf: file))
        let header = 8 + bytes[..<8].reversed().reduce(0) { $0 << 8 + Int($1) }
        let nan = withUnsafeBytes(of: Float.nan.bitPattern.littleEndian, Array.init)
        for place in bytes[header...].indices { bytes[place] = nan[(place - header) % 4] }
        try Data(bytes).write(to: file)
        try FileManager.default.removeItem(atPath: path + "/SHA256SUMS")
    }

    /// Writes a PNG of one colour into the folder.
    package func image(_ name: String, _ colour: RGB, width: Int = 20, height: Int = 10) throws -> String {
        let file = "\(path)/\(name)"
        let png = try ImageCodec().encodePNG(Image(width: width, height: height, filledWith: colour))
        try Data(png).write(to: URL(fileURLWithPath: file))
        return file
    }
}
