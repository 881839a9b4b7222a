import Foundation
import Recipes
import Testing
import Training

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a run is known to write, before it writes.
@Suite struct DiskPlanTests {
    private func plan(_ settings: String...) throws -> DiskPlan {
        let fixed = ["precision=float32", "device=cpu", "stages.0.maximumSeconds=null", "stages.1.maximumSeconds=null"]
        return try MemoryPlan(RecipeRegistry.recipe("mm1-demo", overrides: fixed + settings)).disk
    }

    private let stages = ["stages.0.steps=10", "stages.1.steps=10"]

    @Test func `The checkpoints that are kept stand beside the one being written, and the model beside the last`()
        throws
    {
        let adamW = ["stages.0.optimizer.algorithm=adamW", "stages.1.optimizer.algorithm=adamW"]
        func plan(_ interval: String, keep: Int, steps: Int = 10) throws -> DiskPlan {
            try self.plan(
                "stages.0.steps=1", "stages.1.steps=\(steps)", "checkpoints.interval=\(interval)",
                "checkpoints.keep=\(keep)", adamW[0], adamW[1])
        }
        let one = try plan("null", keep: 2)
        // A float32 weight, AdamW's two values beside it, and the weight once more in the model.
        #expect(one.checkpointBytes == 3 * one.modelBytes && one.checkpointCount == 1)
        #expect(one.neededBytes == 4 * one.modelBytes)
        #expect(try plan("5", keep: 2).checkpointCount == 2, "after five steps and at the end")
        let three = try plan("1", keep: 2)
        #expect(three.checkpointCount == 3 && three.neededBytes == 9 * one.modelBytes)
        let endless = try plan("1", keep: .max, steps: .max)
        #expect(endless.checkpointCount == .max && endless.neededBytes == .max)
    }

    @Test func `A disk with 5 MB is refused before the first step, with both figures and what to do`() throws {
        let plan = try plan(stages[0], stages[1])
        let text = try #require(plan.shortage(at: "/nowhere/at/all", freeBytes: 5_000_000))
        #expect(
            text.hasPrefix("the run takes at least ") && text.contains("but its disk has 5 MB free; free some space"))
        #expect(plan.shortage(at: "/nowhere/at/all", freeBytes: plan.neededBytes) != nil, "headers need room, too")
        #expect(plan.shortage(at: "/nowhere/at/all", freeBytes: 2 * plan.neededBytes) == nil)
        #expect(try self.plan("stages.0.steps=1", "stages.1.steps=1").shortage(at: NSTemporaryDirectory()) == nil)
    }

    @Test func `What a resumed run's checkpoints take already is room`() throws {
        let plan = try plan(stages[0], stages[1])
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder + "/checkpoints/step-000001", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let free = plan.neededBytes - 1000
        #expect(plan.shortage(at: folder, freeBytes: free) != nil)
        let file = folder + "/checkpoints/step-000001/model.safetensors"
        #expect(FileManager.default.createFile(atPath: file, contents: nil))
        // A hole takes no room on the test's disk.
        #expect(truncate(file, off_t(plan.neededBytes / 10)) == 0)
        #expect(plan.shortage(at: folder, freeBytes: free) == nil)
    }

    @Test func `A run that cannot fit its disk is refused before it trains`() throws {
        try RecipeRunnerTests().withFolder { folder in
            let recipe = try RecipeRunnerTests().recipe(
                folder, ["checkpoints.keep=1000000000000", "checkpoints.interval=1", "stages.1.steps=1000000000000"])
            let error = #expect(throws: ConfigError.self) {
                try RecipeRunner.run(recipe, .init(output: folder + "/run"))
            }
            #expect(error?.description.contains("1000000000000 checkpoints at once") == true, "\(error as Any)")
        }
    }
}
