import DataPipeline
import Evaluation
import Processors
import Testing
import Torch

/// Answers and metrics beside scalars that Swift makes one character with what stands before them.
@Suite struct ScalarTests {
    @Test(arguments: CombiningScalars.all)
    func `Words are found beside any scalar`(scalar: String) {
        #expect(TokenF1.words("red,\(scalar)apple").count == 2)
        #expect(TokenF1.words("\(scalar)apple").last == "apple", "it takes no letter with it")
        #expect(DominantColourTask.firstWord("\(scalar) red") == "red")
        #expect(CaptionTokenizer.words("a \(scalar)cat.\(scalar) .").first == "a")
    }

    @Test func `What is never shown is no part of a word, accents and vowel signs are`() {
        #expect(TokenF1.words("red\u{FE0F} ap\u{200D}ple") == ["red", "apple"])
        #expect(TokenF1.words("cafe\u{301}s") == ["caf\u{E9}s"], "two spellings of one word")
        #expect(TokenF1.words("\u{939}\u{93F}\u{928}\u{94D}\u{926}\u{940} \u{E01}\u{E34}\u{E19}").count == 2)
        #expect(TokenF1.words("\u{2764}\u{FE0F}\u{301}!").isEmpty)
        #expect(ExactMatch.score("Tomato!\u{FE0F}", references: ["tomato"]) == 1)
    }

    @Test func `CIDEr-D takes two spellings for two words, as the official program does`() {
        let scorer = CIDEr(references: [["un caf\u{E9}"], ["a cat"]])
        #expect(scorer.score("un caf\u{E9}", item: 0) > scorer.score("un cafe\u{301}", item: 0))
    }

    @Test(arguments: CombiningScalars.all)
    func `The prompt is taken off an answer that begins with any scalar`(scalar: String) throws {
        let set = OracleModel.set(count: 2)
        func texts(_ said: String, of task: some EvaluationTask) throws -> [String] {
            let subject = EvaluationSubject(
                model: OracleModel(), contract: TokenContract(imagePlaceholder: 2, tokenCount: 1), beginID: 0,
                stopTokenIDs: [1], encode: { OracleModel.encode($0) }, decode: { _ in said })
            let context = CaptionEvaluation(resampleCount: 1).context(
                subject, set: set, statistics: OracleModel.statistics, blank: Tensor.full([3, 2, 2], value: -1))
            return try task.predictions(context, places: [0]).compactMap(\.generated)
        }
        func bytes(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }
        #expect(try bytes(texts("name:\(scalar)apple.\(scalar)", of: NameTask())) == bytes(["\(scalar)apple"]))
        #expect(try bytes(texts("name: \(scalar)apple", of: NameTask())) == bytes(["\(scalar)apple"]))
        #expect(
            try bytes(texts(" \(scalar)a cat \n\(scalar)", of: CaptioningTask(set, template: CaptionTemplate())))
                == bytes(["\(scalar)a cat"]))
    }

    @Test func `CIDEr-D is left out, with the reason, where every answer would score 0`() throws {
        func task(_ count: Int) -> (CaptioningTask, EvaluationContext) {
            let set = OracleModel.set(count: count)
            return (
                CaptioningTask(set, template: CaptionTemplate()),
                CaptionEvaluation(resampleCount: 1).context(
                    OracleModel.subject, set: set, statistics: OracleModel.statistics,
                    blank: Tensor.full([3, 2, 2], value: -1))
            )
        }
        let (alone, one) = task(1)
        #expect(try alone.scores(one).map(\.metric).contains("CIDEr-D") == false)
        #expect(alone.omission(one)?.contains("of 1 item with the same words every answer would score 0") == true)
        let (many, two) = task(2)
        #expect(try many.scores(two).map(\.metric).contains("CIDEr-D"))
        #expect(many.omission(two) == nil && NameTask().omission(two) == nil)
        #expect(!CIDEr(references: [["a cat"], ["a cat"]]).tellsCaptionsApart)
    }
}
