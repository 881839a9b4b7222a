package import Training

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Proves on the user's own recipe that an interrupted run continues to the bit-identical result.
///
/// A short form of the recipe (four steps a stage, a checkpoint every two) runs once without interruption, and once for
/// every stage with a stop one step after a checkpoint, as a kill leaves it, and a resume. Loss fingerprints of every
/// step and the final weights must agree.
public enum ResumeCheck {
    /// What was compared.
    public struct Result: Codable, Sendable {
        public var stages: Int
        public var stepsCompared: Int
        public var interruptions: Int
        public var weightsHash: String
    }

    private struct Stopped: Error {}

    /// Records fingerprints by step; ends the run without warning at one of them.
    private final class Fingerprints: TrainingObserver {
        var bits: [Int: String] = [:]
        let stop: (stage: String, stageStep: Int)?

        init(stop: (stage: String, stageStep: Int)? = nil) { self.stop = stop }

        func onStep(_ report: StepReport) throws {
            bits[report.step] = report.fingerprint
            if let stop, report.stage == stop.stage, report.stageStep == stop.stageStep { throw Stopped() }
        }
    }

    /// Runs the check in a temporary folder, which is removed afterwards.
    ///
    /// - Throws: `TrainingError` that names the first step whose loss differs, or says that the weights do; and whatever
    ///   running the recipe throws, `Interrupted` after a signal among it.
    public static func run(_ recipe: Recipe, say: @escaping (String) -> Void) throws -> Result {
        try run(recipe, say: say, watchers: { [] })
    }

    /// - Parameters:
    ///   - watchers: makes what watches each of the runs, such as a progress bar.
    ///   - meddling: further observers of the resumed runs, with which a test shows that the check can fail.
    package static func run(
        _ recipe: Recipe, say: (String) -> Void, watchers: @escaping () -> [any TrainingObserver],
        meddling: @escaping (RecipeRunner.RunContext) -> [any TrainingObserver] = { _ in [] }
    ) throws -> Result {
        try recipe.validate()
        let folder = FileManager.default.temporaryDirectory.path + "/syrinx-resume-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var short = shortened(recipe)
        say("running \(short.stages.count * 4) steps without interruption")
        let whole = Fingerprints()
        let reference = try RecipeRunner.run(
            short, .init(output: folder + "/whole", observers: { _ in [whole] + watchers() }, say: { _ in }))
        // The vocabulary is the same either way; training it again would only take time.
        short.data.tokenizer.path = reference.folder.model + "/tokenizer.model"
        for (index, stage) in short.stages.enumerated() {
            let path = "\(folder)/stopped-\(index)"
            say("stopping in stage \(stage.name) after step 3 of 4, resuming from the checkpoint of step 2")
            let before = Fingerprints(stop: (stage.name, 3))
            do {
                _ = try RecipeRunner.run(short, .init(output: path, observers: { _ in [before] }))
                throw TrainingError(
                    "stage \(stage.name) ended before its third step; the data may be too small to check resuming")
            } catch is Stopped {}
            let after = Fingerprints()
            let resumed = try RecipeRunner.run(
                short, .init(output: path, resume: true, observers: { [after] + watchers() + meddling($0) }))
            for bits in [before.bits, after.bits] {
                for (step, fingerprint) in bits.sorted(by: { $0.key < $1.key }) where whole.bits[step] != fingerprint {
                    throw TrainingError(
                        "the loss of step \(step) diverges: \(whole.bits[step] ?? "none") without interruption, \(fingerprint) with one in stage \(stage.name)"
                    )
                }
            }
            guard after.bits[index * 4 + 3] != nil else {
                throw TrainingError("the resumed run did not repeat step \(index * 4 + 3) of stage \(stage.name)")
            }
            guard resumed.weightsHash == reference.weightsHash else {
                throw TrainingError(
                    "the losses agree, but the final weights diverge after an interruption in stage \(stage.name)")
            }
        }
        return Result(
            stages: short.stages.count, stepsCompared: whole.bits.count, interruptions: short.stages.count,
            weightsHash: reference.weightsHash)
    }

    private static func shortened(_ recipe: Recipe) -> Recipe {
        var short = recipe
        short.checkpoints = Recipe.CheckpointSettings(interval: 2, keep: 2)
        short.data.validationLimit = 2
        for index in short.stages.indices {
            short.stages[index].steps = 4
            short.stages[index].maximumSeconds = nil
            short.stages[index].validationInterval = nil
        }
        return short
    }
}
