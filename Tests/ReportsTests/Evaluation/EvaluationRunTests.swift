import Checkpoints
import Evaluation
import Foundation
import Reports
import Testing

@Suite("An evaluation that is interrupted and gone on with")
struct EvaluationRunTests {
    private struct Stop: Error {}

    @Test("the same model, data and settings give byte-identical predictions")
    func isDeterministic() throws {
        let images = try ImagesOfColours()
        let first = try images.run("a")
        let second = try images.run("b")
        #expect(try images.predictions("a") == images.predictions("b"))
        #expect(first.report.scores == second.report.scores)
        // Every task, and every item of each: 45, with the blank picture where images are asked about alone.
        #expect(
            Dictionary(grouping: first.predictions, by: \.task).values.map(\.count).sorted()
                == [45, 45, 45, 45, 45, 46, 46, 46, 46])
        let another = try images.run("c", model: "other", seed: 6)
        #expect(try images.predictions("a") != images.predictions("c"))
        #expect(another.predictions.map(\.id) == first.predictions.map(\.id))
    }

    @Test("interrupted after any group, or killed in the middle of a line, it ends as the uninterrupted one does")
    func resumeEqualsUninterrupted() throws {
        let images = try ImagesOfColours()
        let whole = try images.run("whole")
        for limit in [1, 2, 7] {
            let name = "stopped-\(limit)"
            var groups = 0
            #expect(throws: Stop.self) {
                try images.run(name) { _ in
                    groups += 1
                    if groups > limit { throw Stop() }
                }
            }
            let part = try images.predictions(name)
            #expect(try images.predictions("whole").starts(with: part))
            // A kill in the middle of a write: the last line is cut, and the group before it is no longer whole.
            if !part.isEmpty { try images.setPredictions(name, part.dropLast(part.count / 5)) }
            let resumed = try images.run(name)
            #expect(try images.predictions(name) == images.predictions("whole"))
            #expect(resumed.report.scores == whole.report.scores)
        }
    }

    @Test("a finished evaluation is not computed again, and its scores come from what was saved")
    func finishedIsReused() throws {
        let images = try ImagesOfColours()
        let first = try images.run("a")
        var asked = [EvaluationRun.Step]()
        // Weights that would answer otherwise: nothing is asked of them.
        let second = try images.run("a", seed: 99) { asked.append($0) }
        #expect(second.predictions == first.predictions && second.report.scores == first.report.scores)
        #expect(second.resumedCount == first.predictions.count)
        #expect(asked.allSatisfy { $0.completed == $0.total })
    }

    @Test("another checkpoint, other data or other settings are refused, and nothing is touched")
    func othersAreRefused() throws {
        let images = try ImagesOfColours()
        _ = try images.run("a")
        let before = try images.predictions("a")
        func refusal(_ body: () throws -> EvaluationRun.Outcome) -> String {
            do {
                _ = try body()
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            refusal { try images.run("a", model: "other") }.contains("of another checkpoint (model, SHA-256 m there"))
        #expect(refusal { try images.run("a", evaluationSeed: 1) }.contains("with another --seed (0 there, 1 here)"))
        let fewer = try images.data(limit: 20)
        #expect(refusal { try images.run("a", data: fewer) }.contains("of other data"))
        #expect(try images.predictions("a") == before)
    }

    @Test("another corpus is called that, although its sources and kinds are others too")
    func otherCorpus() throws {
        func identity(_ path: String, _ sha256: String, kinds: [String], seed: UInt64 = 0) -> EvaluationIdentity {
            EvaluationIdentity(
                model: .init(path: "model", sha256: "m"), data: .init(path: path, sha256: sha256),
                settings: .init(
                    evaluation: CaptionEvaluation(groupSources: kinds, seed: seed), split: "test", limit: 0,
                    compute: "float32 on cpu"))
        }
        let earlier = identity("birds.jsonl", "b", kinds: ["birds"])
        func refusal(_ now: EvaluationIdentity) -> String? {
            #expect(throws: EvaluationError.self) { try now.requireSame(as: earlier, folder: "a") }?.description
        }
        #expect(refusal(identity("ships.jsonl", "s", kinds: ["ships"]))?.contains("of other data (birds.jsonl") == true)
        #expect(refusal(identity("birds.jsonl", "b", kinds: []))?.contains("another --source") == true)
        #expect(refusal(identity("ships.jsonl", "s", kinds: [], seed: 1))?.contains("another --seed") == true)
    }

    @Test("damaged predictions and foreign folders are named in one sentence")
    func damageIsNamed() throws {
        let images = try ImagesOfColours()
        _ = try images.run("a")
        let good = try images.predictions("a")
        var lines = good.split(separator: 0x0A).map { Data($0) }
        lines.swapAt(0, 1)
        try images.setPredictions("a", Data(lines.joined(separator: [0x0A])) + Data([0x0A]))
        let swapped = #expect(throws: EvaluationError.self) { try images.run("a") }
        #expect(swapped?.description.contains("line 1 of") == true)
        try images.setPredictions("a", good + Data("{}\n".utf8))
        let foreign = #expect(throws: EvaluationError.self) { try images.run("a") }
        #expect(foreign?.description.contains("is not a prediction") == true)

        try FileManager.default.createDirectory(atPath: images.path("b"), withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(fileURLWithPath: images.path("b/thesis.tex")))
        let other = #expect(throws: EvaluationError.self) { try images.run("b") }
        #expect(other?.description.contains("contains thesis.tex but no evaluation") == true)
    }

    @Test("a folder that another evaluation writes is refused, and nothing in it is touched")
    func oneOwner() throws {
        let images = try ImagesOfColours()
        try FileManager.default.createDirectory(atPath: images.path("a"), withIntermediateDirectories: true)
        let lock = try #require(try FolderLock(images.path("a")))
        let error = #expect(throws: EvaluationError.self) { try images.run("a") }
        #expect(error?.description.hasPrefix("another evaluation is writing \(images.path("a"));") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: images.path("a")) == [".lock"])
        lock.release()
        _ = try images.run("a")
    }

    @Test("saved evaluations of the same data are paired; of other data, or unfinished, they are refused")
    func savedEvaluationsAreCompared() throws {
        let images = try ImagesOfColours()
        _ = try images.run("a")
        _ = try images.run("b", model: "other", seed: 6)
        let comparison = try SavedEvaluation(images.path("a")).compared(with: SavedEvaluation(images.path("b")))
        #expect(comparison.lines.contains { $0.metric == "CIDEr-D" } && comparison.unpaired.isEmpty)
        #expect(comparison.table.contains("unclear") && comparison.caveats.isEmpty)
        _ = try images.run("asked", conversation: .init(template: "mplug-owl2", question: "What is this?"))
        _ = try images.run(
            "otherwise", compute: "bfloat16 on cpu",
            conversation: .init(template: "mplug-owl2", question: "Describe it."))
        let caveats = try SavedEvaluation(images.path("asked"))
            .compared(with: SavedEvaluation(images.path("otherwise"))).caveats
        #expect(
            caveats == [
                #"the two used a different dtype or device: --dtype or --device is "float32 on cpu" for A and "bfloat16 on cpu" for B"#,
                "the two used different questions or templates: --question or template is "
                    + #"{"question":"What is this?","template":"mplug-owl2"} for A and "#
                    + #"{"question":"Describe it.","template":"mplug-owl2"} for B"#,
            ])
        _ = try images.run("c", data: images.data(limit: 20))
        #expect(throws: EvaluationError.self) {
            try SavedEvaluation(images.path("a")).compared(with: SavedEvaluation(images.path("c")))
        }
        #expect(throws: Stop.self) { try images.run("d") { _ in throw Stop() } }
        let unfinished = #expect(throws: EvaluationError.self) { try SavedEvaluation(images.path("d")) }
        #expect(unfinished?.description.contains("was interrupted") == true)
        #expect(throws: EvaluationError.self) { try SavedEvaluation(images.path("nowhere")) }
        try FileManager.default.removeItem(atPath: images.path("b/predictions.jsonl"))
        let lost = #expect(throws: EvaluationError.self) { try SavedEvaluation(images.path("b")) }
        #expect(lost?.description.hasPrefix("cannot read \(images.path("b/predictions.jsonl")): ") == true)
        #expect(mkfifo(images.path("b/predictions.jsonl"), 0o600) == 0)
        let pipe = #expect(throws: EvaluationError.self) { try SavedEvaluation(images.path("b")) }
        #expect(pipe?.description.contains("it is a device or a pipe") == true)
    }

    @Test("the page stands alone, shows the user's own images, and escapes what captions say")
    func page() throws {
        let images = try ImagesOfColours()
        try images.write(
            (0..<8).map {
                "{\"image\": \"\($0).png\", \"caption\": \"a <b>red</b> thing & more\", \"id\": \"no \($0)\"}"
            })
        let data = try images.data()
        let outcome = try images.run("a", data: data)
        let identity = EvaluationIdentity(
            model: .init(path: "runs/<x>", sha256: "m"), data: .init(path: data.path, sha256: data.sha256),
            settings: .init(
                evaluation: CaptionEvaluation(), split: "test", limit: 0, compute: "float32 on cpu"))
        let page = EvaluationPage.render(outcome, identity: identity, data: data, command: "syrinx evaluate")
        #expect(page.components(separatedBy: "data:image/png;base64,").count == 9)
        #expect(page.contains("a &lt;b&gt;red&lt;/b&gt; thing &amp; more") && !page.contains("<b>red"))
        #expect(page.contains("runs/&lt;x&gt;") && !page.contains("<script") && !page.contains("https://"))
        #expect(page.contains("Skipped: dominant colour: no item has colours."))
    }
}
