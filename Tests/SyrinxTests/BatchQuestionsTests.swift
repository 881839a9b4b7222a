import Foundation
import Generation
import Media
import Processors
import Syrinx
import Testing
import TinyModels
import Tokenizers
import Torch

/// Files of questions as the field writes them, and what a line of answers says.
@Suite struct BatchQuestionsTests {
    private let folder: TinyFolder
    private let model: SyrinxModel

    init() throws {
        folder = try TinyFolder()
        model = try Syrinx.load(folder.path)
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/images", withIntermediateDirectories: true)
        _ = try folder.image("images/red.png", RGB(red: 200, green: 0, blue: 0))
    }

    private func answers(
        _ questions: String, _ options: AnswerOptions = AnswerOptions(GenerationConfig(maxNewTokens: 6))
    ) throws -> [[String: Any]] {
        let input = "\(folder.path)/questions", output = "\(folder.path)/answers-\(UUID().uuidString)"
        try Data(questions.utf8).write(to: URL(fileURLWithPath: input))
        _ = try BatchRun(
            model, try BatchInput(linesOf: input, images: "\(folder.path)/images"), settings: .init(options)
        ).run(output: output, modelFingerprint: "m", options: [:])
        return try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test func `LLaVA's question file, in lines or as a list, is answered as Syrinx's own`() throws {
        let own = #"{"id": 17, "prompt": "colours:", "images": ["red.png"]}"#
        let llava = #"{"question_id": 17, "image": "red.png", "text": "colours:", "category": "conv"}"#
        let expected = try answers(own)
        #expect(expected[0]["id"] as? Int == 17 && expected[0]["answer"] is String)
        for text in [llava, "[\(llava)]", #"{"questions": [\#(llava)]}"#] {
            let found = try answers(text)
            #expect(found.map { NSDictionary(dictionary: $0) } == expected.map { NSDictionary(dictionary: $0) })
        }
    }

    @Test func `A line has the ids of prompt and answer, and their likelihoods where they are asked for`() throws {
        var options = AnswerOptions(GenerationConfig(maxNewTokens: 6))
        options.givesLogProbabilities = true
        let line = try answers(#"{"prompt": "colours:", "image": "red.png"}"#, options)[0]
        let red = try ImageReference(path: "\(folder.path)/images/red.png")
        let prompt = try model.prepare(Prompt("colours:", images: [red]))
        let ids = try #require(line["prompt_token_ids"] as? [Int])
        #expect(ids == prompt.input.tokenIDs.array(of: Int64.self).map(Int.init))
        #expect(ids.count { $0 == model.model.imagePlaceholder } == 4)
        var request = GenerationRequest(prompt.input, config: GenerationConfig(maxNewTokens: 6))
        request.keepsLogits = true
        let alone = try model.engine.generate(request)
        let answer = try #require(line["answer_token_ids"] as? [Int])
        #expect(!answer.isEmpty && answer == Array(alone.tokenIDs.prefix(answer.count)))
        #expect(model.tokenizer.decode(answer).hasSuffix(try #require(line["answer"] as? String)))
        let found = try #require(line["answer_log_probabilities"] as? [Double])
        let logits = try #require(alone.logits).logSoftmax(dim: 1)
        let expected = answer.enumerated().map { step, id -> Double in
            logits.select(dim: 0, index: step).select(dim: 0, index: id).item()
        }
        #expect(found.count == answer.count)
        for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-5) }
        let plain = try answers(#"{"prompt": "colours:"}"#)[0]
        #expect(plain["answer_log_probabilities"] == nil && plain["answer_token_ids"] is [Int])
    }

    @Test func `Likelihoods do not change the answer, also of one that was sampled`() throws {
        let config = GenerationConfig(maxNewTokens: 12, temperature: 1.5, topK: 20, repetitionPenalty: 1.3, seed: 3)
        var options = AnswerOptions(config)
        let prompt = try model.prepare("name:")
        let without = try model.respond(to: prompt, options: options)
        options.givesLogProbabilities = true
        let with = try model.respond(to: prompt, options: options)
        #expect(with.tokenIDs == without.tokenIDs && without.logProbabilities == nil)
        let found = try #require(with.logProbabilities)
        #expect(found.count == with.tokenIDs.count && found.allSatisfy { $0 < 0 && $0.isFinite })
    }
}
