import Checkpoints
import Foundation
import NN
import Recipes
import Reports
import SyrinxModels
import Testing
import Training

@Suite("The study owl2-from-owl")
struct DecoderStudyTests {
    private func elementCount(_ recipe: Recipe) throws -> Int {
        try MemoryPlan(recipe).stages[0].parameterCount
    }

    @Test("Its decoders differ in their branches and in nothing else, and the wider one has as many parameters")
    func decoders() throws {
        let study = DecoderStudy(folder: "nowhere", seeds: [0], overrides: ["device=cpu"])
        let adaptive = try study.recipe(.modalityAdaptive, seed: 4)
        let plain = try study.recipe(.plain, seed: 4), wider = try study.recipe(.plainWider, seed: 4)
        #expect(adaptive.seed == 4 && adaptive.data == plain.data && plain.data == wider.data)
        #expect(adaptive.stages == plain.stages && plain.stages == wider.stages)
        #expect(adaptive.initialize.checkpoint == "nowhere/start/seed-4/model")
        #expect(plain.initialize == adaptive.initialize)
        #expect(wider.initialize.checkpoint == "nowhere/start-wider/seed-4/model")
        #expect(try study.start(.plain, seed: 4) == study.start(.modalityAdaptive, seed: 4))
        #expect(try study.start(.plain, seed: 4).model == plain.model)
        #expect(try study.start(.plainWider, seed: 4).model == wider.model)
        let (most, least) = (try elementCount(adaptive), try elementCount(plain))
        #expect(most - least == 4 * (2 * 256 * 256 + 2 * 256))
        #expect(abs(try elementCount(wider) - most) < (most - least) / 100)
    }

    @Test("A study in a folder where another one runs is refused before anything is trained")
    func oneOwner() throws {
        let folder = NSTemporaryDirectory() + "study-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lock = try #require(try FolderLock(folder))
        let error = #expect(throws: ConfigError.self) {
            try DecoderStudy(folder: folder, seeds: [0]).run(observers: { _ in [] }, say: { _ in })
        }
        #expect(error?.description.hasPrefix("\(folder): another process runs a study here") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [".lock"])
        lock.release()
    }

    @Test("The two decoders of one width begin with the same held-out losses, and finished runs are not run again")
    func sameStart() throws {
        try RecipeRunnerTests().withFolder { folder in
            let owl = OwlRecipeTests()
            func settings(_ name: String) throws -> [String] { try owl.settings(name, folder) }
            let study = DecoderStudy(
                folder: folder + "/study", seeds: [3], startOverrides: try settings("owl2-from-owl-start"),
                overrides: try settings("owl2-from-owl"))
            var said: [String] = []
            let runs = try study.run(observers: { _ in [] }, say: { said.append($0) })
            #expect(
                runs.map(\.decoder) == [.modalityAdaptive, .plain, .plainWider] && runs.allSatisfy { $0.seed == 3 })
            #expect(said.count == 5, "two starts and three runs: \(said)")
            func curves(_ name: String) throws -> [String: [Double]] {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/study/\(name)/seed-3/log.jsonl"))
                let held = LossLog([UInt8](bytes)).curves.filter { $0.split == "validation" }
                return Dictionary(uniqueKeysWithValues: held.map { ($0.source, $0.losses) })
            }
            let (adaptive, plain) = (try curves("adaptive"), try curves("plain"))
            #expect(!plain.isEmpty && adaptive.keys == plain.keys)
            for (source, losses) in plain {
                #expect(abs(try #require(adaptive[source]).first! - losses.first!) < 1e-5, "\(source)")
                #expect(adaptive[source]?.last != losses.last, "\(source): three steps later they differ")
                #expect(runs[1].losses[source] == losses.last)
            }
            let log = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/study/adaptive/seed-3/log.jsonl"))
            let again = try study.run(observers: { _ in [] }, say: { _ in })
            #expect(again.map(\.losses) == runs.map(\.losses))
            let after = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/study/adaptive/seed-3/log.jsonl"))
            #expect(!String(decoding: after.dropFirst(log.count), as: UTF8.self).contains(#""event":"step""#))
        }
    }

    @Test("The table has means and Student's intervals over seeds, and differences seed by seed")
    func table() throws {
        func run(_ decoder: DecoderStudy.Decoder, _ seed: UInt64, _ loss: Double) -> DecoderStudy.Run {
            DecoderStudy.Run(decoder: decoder, seed: seed, parameterCount: 10, losses: ["emoji": loss])
        }
        let comparison = DecoderComparison([
            run(.modalityAdaptive, 0, 1), run(.plain, 0, 1.5), run(.modalityAdaptive, 1, 2), run(.plain, 1, 2.5),
            run(.modalityAdaptive, 2, 3), run(.plain, 2, 3.5),
        ])
        #expect(comparison.lines.map(\.loss.value) == [2, 2.5])
        // One standard deviation is 1: 4.303 / sqrt(3).
        #expect(abs((comparison.lines[0].loss.halfWidth ?? 0) - 2.484) < 0.001)
        #expect(comparison.lines[1].difference?.value == -0.5 && comparison.lines[1].difference?.halfWidth == 0)
        #expect(comparison.table.contains("-0.500 +- 0.000"))
        #expect(DecoderComparison([run(.plain, 0, 1)]).lines[0].loss.halfWidth == nil)
    }
}
