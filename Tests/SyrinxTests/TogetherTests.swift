import Foundation
import Generation
import Processors
import Syrinx
import TestSupport
import Testing
import TinyModels
import Torch

/// Rows of a batch against the same rows alone: the one thing that the published code of both Owls cannot do.
@Suite("Prompts answered together") struct TogetherTests {
    /// Eight prompts of mixed lengths, with no, one, two or three images; twelve images in all.
    private static func prompts(_ marker: String) -> [(text: String, images: [String])] {
        [
            ("What is a cat?", []),
            ("\(marker)What is shown?", ["wide.jpg"]),
            ("a", []),
            ("one\(marker)two\(marker)three", ["tall.png", "small.png"]),
            (
                "\(marker)\(marker)Which one shows a cat? Answer with a single word or phrase.",
                ["grey.png", "wide.jpg"]
            ),
            ("The red house stands beside the tree, and nobody has seen it for a very long time. Why?", []),
            ("\(marker)a\(marker)b\(marker)c and then?", ["small.png", "grey.png", "tall.png"]),
            ("\(marker)\(marker)\(marker)\(marker)", ["small.png", "wide.jpg", "grey.png", "tall.png"]),
        ]
    }

    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("SyrinxModelsTests/Fixtures")

    private static func requests(_ model: SyrinxModel, marker: String, count: Int = 20) throws -> [GenerationRequest] {
        try prompts(marker).map { text, images in
            let images = try images.map {
                try ImageReference(path: fixtures.appendingPathComponent("mplug-owl/pictures/\($0)").path)
            }
            let prompt = try Prompt(text, images: images, videos: [], keepsSpaces: model.keepsPromptSpaces)
            var request = GenerationRequest(
                try model.prepare(prompt).input, config: GenerationConfig(maxNewTokens: count))
            request.keepsLogits = true
            return request
        }
    }

    /// The smallest distance between the best two logits of any step: how far rounding would have to reach.
    private static func margin(_ logits: Tensor) -> Double {
        let best = logits.topK(2, dim: 1).values
        return (best.select(dim: 1, index: 0) - best.select(dim: 1, index: 1)).min(dims: [0]).item()
    }

    private static func expectEqual(_ model: SyrinxModel, marker: String) throws {
        let requests = try requests(model, marker: marker)
        #expect(requests.map(\.input.mediaItemCount).reduce(0, +) > 8, "more than one pass of the encoder")
        #expect(Set(requests.map { $0.input.tokenIDs.size(1) }).count == 8, "eight different lengths")
        let together = try model.engine.generate(requests)
        for (request, found) in try pairs(requests, together) {
            let alone = try model.engine.generate(request)
            let expected = try #require(alone.logits), logits = try #require(found.logits)
            #expect(found.tokenIDs == alone.tokenIDs)
            #expect(found.tokenIDs.count == 20)
            #expect(logits.shape == expected.shape)
            let error = (logits - expected).abs().max().item() / expected.abs().max().item()
            #expect(error < 1e-5, "\(error)")
            // Text can only be asked to be the same where no choice hangs on a rounding.
            #expect(Self.margin(expected) > 1e-5 * expected.abs().max().item())
        }
    }

    @Test(arguments: [("mplug-owl", "<image>"), ("mplug-owl2", "<|image|>"), ("mplug-owl-video", "<image>")])
    func `Eight rows of a published folder get the scores and the text of eight single runs`(
        system: String, marker: String
    ) throws {
        try Self.expectEqual(
            try Syrinx.load(Self.fixtures.appendingPathComponent("\(system)/model").path), marker: marker)
    }

    @Test func `Eight rows of an MM1 get the scores and the text of eight single runs`() throws {
        let folder = try TinyFolder()
        try Self.expectEqual(try Syrinx.load(folder.path), marker: "<image>")
    }

    @Test func `A comparison counts what differs and stops where the words part`() throws {
        func result(_ tokens: [Int], _ logits: [Float]) -> GenerationResult {
            GenerationResult(
                tokenIDs: tokens, stopReason: .maxNewTokens,
                timings: Timings(prefillTokenCount: 1, prefillSeconds: 0, decodeTokenCount: 0, decodeSeconds: 0),
                logits: Tensor(logits, shape: [logits.count / 2, 2]))
        }
        var agreement = BatchAgreement()
        agreement.add(together: result([1, 1], [0, 4, 0, 4]), alone: result([1, 1], [0, 4, 0, 4.5]))
        #expect(agreement.identicalCount == 1 && agreement.largestDifference == 0.5 && agreement.stepCount == 2)
        // The second words differ, so the third step has nothing in common.
        agreement.add(together: result([1, 0, 0], [0, 4, 2, 1, 9, 9]), alone: result([1, 1, 0], [0, 4, 1, 2, 0, 0]))
        #expect(agreement.itemCount == 2 && agreement.identicalCount == 1 && agreement.stepCount == 4)
        #expect(agreement.largestDifference == 1 && agreement.largestRelativeDifference == 0.5)
    }
}
