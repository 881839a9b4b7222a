import Foundation
import NN
import SyrinxModels
import TestSupport
import Testing
import TinyModels

struct PublishedSizeTests {
    @Test(arguments: [
        (VisionTransformer.Config.largePatch14(imageSize: 224), 303_966_208, 303_179_776),
        (.largePatch14(imageSize: 336), 304_293_888, 303_507_456),
        (.hugePatch14(imageSize: 224), 632_076_800, 630_766_080),
        (.hugePatch14(imageSize: 378), 632_682_240, 631_371_520),
    ])
    func `CLIP encoders have the published number of parameters, with projection and without`(
        config: VisionTransformer.Config, withProjection: Int, without: Int
    ) {
        let store = ParameterStore()
        _ = VisionTransformer(config, at: store.root)
        #expect(store.elementCount() == withProjection)
        #expect(store.elementCount() - store.elementCount(under: "visual_projection") == without)
    }

    @Test(arguments: [
        (27, 1280, 4096, 39_447_360), (24, 1024, 4096, 37_398_016), (16, 1024, 4096, 37_070_336),
        (27, 1280, 2560, 27_647_808), (27, 1280, 7168, 77_202_240),
    ])
    func `The C-Abstractor has Honeybee's number of parameters`(grid: Int, width: Int, output: Int, expected: Int) {
        let store = ParameterStore()
        _ = CAbstractor(
            tokenCount: 144, inputGrid: grid, visionWidth: width, innerWidth: 1024, hiddenSize: output, depth: 3,
            readoutDepth: 2, at: store.root)
        #expect(store.elementCount() == expected)
    }

    @Test func `Decoders lie within three percent of the count their size is named after`() throws {
        for size in try nonempty(ModelRegistry.namedSizes) {
            guard let published = size.publishedDecoderCount else { continue }
            let (_, store) = try ModelRegistry.declare(size.shape)
            let count =
                store.elementCount(under: "language_model")
                - store.elementCount(under: "language_model.model.embed_tokens")
            #expect(abs(Double(count) / published - 1) < 0.03, "\(size.name): \(count) against \(published)")
        }
    }

    /// Run with UPDATE_GOLDEN=1 to write the lists anew, and read the difference before committing it.
    @Test(arguments: ["mm1-30b", "mm1-3b", "mm1-demo"])
    func `Parameter names, shapes and initializers equal the golden list`(name: String) throws {
        let size = try #require(ModelRegistry.namedSizes.first { $0.name == name })
        let (_, store) = try ModelRegistry.declare(size.shape)
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/\(name).txt")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try Data(store.specification.utf8).write(to: file)
        }
        let golden = try String(contentsOf: file, encoding: .utf8)
        #expect(store.specification == golden)
    }

    @Test func `A configuration survives its config.json`() throws {
        for size in try nonempty(ModelRegistry.namedSizes) {
            let data = try size.configuration()
            let shapes = ["temporal_query_tokens": [1]].filter { _ in size.name.hasSuffix("-video") }
            let family = try ModelRegistry.family(ofConfiguration: data)
            let again = try family.configurationType.init(from: data, weightShapes: shapes)
            #expect(AnyHashable(again) == AnyHashable(size.shape), "\(size.name)")
            #expect(try again.file(artefacts: nil) == data, "\(size.name)")
        }
    }

    @Test func `A config.json without a key names the key`() throws {
        let text = String(
            decoding: try MM1.configuration(of: MM1.demo(vocabularySize: 8, imagePlaceholder: 4)), as: UTF8.self)
        let broken = text.replacingOccurrences(of: "\"head_size\" : 32,", with: "")
        let error = #expect(throws: ModelError.self) { try MM1.config(from: Data(broken.utf8)) }
        #expect(error?.message.contains("language_model.head_size") == true)
    }

    @Test func `An unknown model type is refused with the known ones`() {
        let error = #expect(throws: ModelError.self) {
            try ModelRegistry.family(ofConfiguration: Data(#"{"model_type": "gpt"}"#.utf8))
        }
        #expect(error?.message.contains("mm1") == true)
    }
}
