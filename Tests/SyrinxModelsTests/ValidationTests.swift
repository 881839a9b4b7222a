import SyrinxModels
import TestSupport
import Testing
import TinyModels

struct ValidationTests {
    /// A change that makes the demo's shape impossible, and a word its message must have.
    struct Breakage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let apply: @Sendable (inout MM1.Config) -> Void
        init(_ name: String, _ apply: @escaping @Sendable (inout MM1.Config) -> Void) {
            testDescription = name
            self.apply = apply
        }
    }

    static let breakages: [Breakage] = [
        .init("vision encoder head_count") { $0.visionEncoder.headCount = 0 },
        .init("vision encoder hidden_size") { $0.visionEncoder.hiddenSize = .max },
        .init("vision encoder image_size") { $0.visionEncoder.imageSize = 3_037_000_500 },
        .init("vision encoder layer_count") { $0.visionEncoder.layerCount = -1 },
        .init("connector readout_depth") {
            $0.connector = .cAbstractor(tokenCount: 16, innerWidth: 8, depth: 1, readoutDepth: -2)
        },
        .init("connector token_count") { $0.connector = .averagePool(tokenCount: 17) },
        .init("language model head_size") { $0.languageModel.headSize = 31 },
        .init("language model head_count") { $0.languageModel.keyValueHeadCount = 3 },
        .init("language model layer_count") { $0.languageModel.layerCount = 100_000_000_000 },
        .init("language model vocabulary_size") { $0.languageModel.vocabularySize = 1 << 62 },
        .init("language model rope_theta") { $0.languageModel.ropeTheta = 0 },
        .init("image_placeholder") { $0.imagePlaceholder = -4 },
    ]

    @Test(arguments: breakages) func `An impossible shape is refused by the name of its value`(breakage: Breakage) {
        var config = MM1.demo(vocabularySize: 512, imagePlaceholder: 4)
        breakage.apply(&config)
        let error = #expect(throws: ModelError.self) { try config.validate() }
        #expect(error?.message.contains(breakage.testDescription) == true, "\(error?.message ?? "")")
    }

    @Test func `Every named size is possible`() throws {
        for named in try nonempty(MM1.namedConfigs) { try named.config.validate() }
    }
}
