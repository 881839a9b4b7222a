import Foundation
import TestSupport
import Testing

@Suite("syrinx evaluate as a user meets it", .blocks)
struct EvaluateCommandTests {
    @Test(
        "wrong input is one sentence with status 2",
        arguments: [
            ([], "give --model and --corpus, or two finished evaluations with --compare"),
            (["--model", "m"], "--corpus is missing"),
            (["--model", "m", "--corpus", "c", "--tasks", "caption"], "did you mean captioning?"),
            (["--model", "m", "--corpus", "c", "--limit", "3"], "it must be at least 5 items per source"),
            (["--model", "m", "--corpus", "c", "--shots", "4,x"], "\"x\" is not a number from 0 to 64"),
            (["--model", "m", "--corpus", "c", "--split", "train"], "it must be val or test, which are held out"),
            (["--model", "m", "--corpus", "c", "--word-text", "name"], "it must contain {} where the word goes"),
            (["--model", "absent", "--corpus", "c"], "there is no model folder at absent"),
            (["--compare", "absent"], "--compare has 1 of 2 evaluations"),
            (["--compare", "absent", "other"], "there is no evaluation at absent"),
        ])
    func wrongInput(arguments: [String], message: String) {
        let result = SyrinxProcess.refusal(["evaluate"] + arguments)
        #expect(result.status == 2)
        #expect(result.errors.hasPrefix("error: ") && result.errors.contains(message), "\(result.errors)")
    }

    @Test("a model is scored, found finished when asked again, compared, and not mixed with another evaluation")
    func wholeWay() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let corpus = folder + "/corpus"
        try #require(
            try SyrinxProcess.run(["data", "fetch", "scenes", "--output", corpus, "--count", "200"])
                .status
                == 0)
        let settings = [
            "data.corpus=\(corpus)", "precision=float32", "data.tokenizer.vocabularySize=400",
            "model.visionEncoder.layerCount=1", "model.languageModel.layerCount=1", "data.contextLength=512",
            "stages.0.steps=1", "stages.1.steps=1",
        ]
        let trained = try SyrinxProcess.run(
            ["train", "mm1-demo-short", "--output", folder + "/run"] + settings.flatMap { ["--set", $0] })
        try #require(trained.status == 0, "\(trained.errors)")

        func evaluate(_ more: [String]) throws -> SyrinxProcess {
            try SyrinxProcess.run(
                ["evaluate", "--model", folder + "/run/model", "--corpus", corpus, "--limit", "5"] + more)
        }
        let first = try evaluate(["--output", folder + "/a", "--tasks", "captioning,matching", "--json"])
        try #require(first.status == 0, "\(first.errors)")
        let json = try JSONSerialization.jsonObject(with: Data(first.output.utf8)) as? [String: Any]
        let evaluation = (json?["evaluations"] as? [[String: Any]])?.first
        let scores = (evaluation?["report"] as? [String: Any])?["scores"] as? [[String: Any]]
        #expect(scores?.compactMap { $0["metric"] as? String }.contains("CIDEr-D") == true)
        for name in ["evaluation.json", "predictions.jsonl", "scores.json", "report.html"] {
            #expect(FileManager.default.fileExists(atPath: "\(folder)/a/\(name)"), "\(name)")
        }
        let again = try evaluate(["--output", folder + "/a", "--tasks", "captioning,matching"])
        #expect(again.status == 0 && again.output.contains("answers from an earlier run"))
        let other = try evaluate(["--output", folder + "/a", "--tasks", "captioning"])
        #expect(other.status == 2 && other.errors.contains("has an evaluation with another --tasks"))
        let compared = try SyrinxProcess.run(["evaluate", "--compare", folder + "/a", folder + "/a"])
        #expect(compared.status == 0 && compared.output.contains("indistinguishable from zero"))
    }
}
