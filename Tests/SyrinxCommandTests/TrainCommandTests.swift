import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Training as a user's machine treats it: killed, and out of disk.
@Suite("syrinx train on an unkind machine", .serialized, .blocks)
struct TrainCommandTests {
    /// A model of a few thousand parameters, 12 + 40 steps, on rendered scenes.
    private static let settings = [
        "precision=float32", "device=cpu", "threads=1", "data.contextLength=96", "data.tokenizer.vocabularySize=400",
        "data.validationLimit=2", "data.augmentation=null", "model.connector={averagePool: {tokenCount: 4}}",
        "model.visionEncoder={imageSize: 32, stem: {convolutional: {channels: [8, 8]}}, hiddenSize: 16, intermediateSize: 32, layerCount: 1, headCount: 2, activation: gelu, normEpsilon: 1e-5, hasClassToken: false, hasPreNorm: true, featureLayer: postNorm, projectionSize: null}",
        "model.languageModel.hiddenSize=32", "model.languageModel.intermediateSize=48",
        "model.languageModel.layerCount=1", "model.languageModel.headCount=2",
        "model.languageModel.keyValueHeadCount=2", "model.languageModel.headSize=16",
        "stages.0.globalBatchSize=8", "stages.0.microbatchSize=4", "stages.0.steps=12",
        "stages.0.maximumSeconds=null", "stages.0.freeze=[language_model]", "stages.0.optimizer.algorithm=adamW",
        "stages.1.globalBatchSize=4", "stages.1.microbatchSize=2", "stages.1.steps=40",
        "stages.1.maximumSeconds=null", "stages.1.optimizer.algorithm=adamW", "checkpoints.interval=5",
    ]

    private struct Run {
        let corpus: String
        let output: String
        var arguments: [String] {
            ["train", "mm1-demo-short", "--output", output, "--json"]
                + (["data.corpus=\(corpus)"] + TrainCommandTests.settings).flatMap { ["--set", $0] }
        }

        /// Loss fingerprints by step; the last line of a step counts.
        func fingerprints() throws -> [Int: String] {
            let log = try String(contentsOfFile: output + "/log.jsonl", encoding: .utf8)
            var found: [Int: String] = [:]
            for line in log.split(separator: "\n") {
                let event = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                guard event?["event"] as? String == "step", let step = event?["step"] as? Int else { continue }
                found[step] = event?["fingerprint"] as? String
            }
            return found
        }

        func checkpoints() -> [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: output + "/checkpoints")) ?? []).sorted()
        }
    }

    @Test("SIGTERM ends it with 143 and prints the very command that goes on")
    func interrupted() throws {
        let folder = NSTemporaryDirectory() + "train it's \(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = try SyrinxProcess.run(["data", "fetch", "scenes", "--output", folder + "/corpus", "--count", "200"])
        try #require(made.status == 0, "\(made.errors)")
        let run = Run(corpus: folder + "/corpus", output: folder + "/run")
        /// Runs the program until it has done a step, then ends it; what it said.
        func stop(_ program: String, _ arguments: [String], after steps: Int) throws -> String {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
            process.standardOutput = FileHandle.nullDevice
            let errors = folder + "/errors"
            try Data().write(to: URL(fileURLWithPath: errors))
            process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errors))
            try process.run()
            while process.isRunning, ((try? run.fingerprints()) ?? [:]).count <= steps { usleep(10_000) }
            process.terminate()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 143)
            return try String(contentsOfFile: errors, encoding: .utf8)
        }
        // So long that it cannot end before the signal.
        let endless = run.arguments + ["--set", "stages.0.steps=1000000"]
        let said = try stop(SyrinxProcess.program.path, endless, after: 0)
        let lines = said.components(separatedBy: "interrupted; resume with:\n\n    ")
        try #require(lines.count == 2, "\(said)")
        let command = try #require(lines[1].components(separatedBy: "\n").first)
        #expect(command.hasSuffix("--set stages.0.steps=1000000 --resume"))
        let resumed = try stop("/bin/sh", ["-c", "exec " + command], after: try run.fingerprints().count)
        #expect(resumed.contains("resuming from \(run.output)/checkpoints/step-"), "\(resumed)")
        #expect(resumed.contains("    \(command)\n"), "the option is there already")
    }

    private func weightsHash(_ result: SyrinxProcess) throws -> String {
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        return try #require(object?["weightsHash"] as? String)
    }

    /// The folder, and a run of the recipe that nothing disturbed.
    private func withWholeRun(_ body: (String, Run, SyrinxProcess) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "train-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = try SyrinxProcess.run(["data", "fetch", "scenes", "--output", folder + "/corpus", "--count", "200"])
        try #require(made.status == 0, "\(made.errors)")
        let whole = Run(corpus: folder + "/corpus", output: folder + "/whole")
        let result = try SyrinxProcess.run(whole.arguments)
        try #require(result.status == 0, "\(result.errors)")
        try body(folder, whole, result)
    }

    @Test("Killed four times without warning, a run ends with the bit-identical losses and weights")
    func kills() throws {
        try withWholeRun { folder, whole, result in
            let run = Run(corpus: whole.corpus, output: folder + "/killed")
            // Before anything is written, and in the middle of both stages: wherever the kill falls, the outcome is the same.
            for (number, steps) in [0, 4, 20, 37].enumerated() {
                let process = Process()
                process.executableURL = SyrinxProcess.program
                process.arguments = run.arguments + (number > 0 ? ["--resume"] : [])
                process.standardOutput = FileHandle.nullDevice
                process.standardError = FileHandle.nullDevice
                try process.run()
                while process.isRunning, ((try? run.fingerprints()) ?? [:]).count < steps { usleep(2000) }
                usleep(.random(in: 0..<50_000))
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
            let resumed = try SyrinxProcess.run(run.arguments + ["--resume"])
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try weightsHash(resumed) == weightsHash(result))
            #expect(try run.fingerprints() == nonempty(whole.fingerprints()))
        }
    }

    @Test("A run in a folder that another process has, fresh or resumed, ends with status 2 and touches nothing")
    func takenFolder() throws {
        let folder = NSTemporaryDirectory() + "train-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/run", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lock = open(folder + "/run/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        defer { close(lock) }
        try #require(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
        let run = Run(corpus: folder + "/nowhere", output: folder + "/run")
        for option in [[], ["--resume"]] {
            let second = try SyrinxProcess.run(run.arguments + option)
            #expect(second.status == 2)
            #expect(
                second.errors.hasPrefix("error: \(run.output): another process is training here"), "\(second.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: run.output) == [".lock"])
        }
    }

    @Test("A checkpoint that finds no room ends the run in one sentence, and the one before is resumed to the same end")
    func fullDisk() throws {
        try withWholeRun { folder, whole, result in
            let run = Run(corpus: whole.corpus, output: folder + "/full")
            // The first stage trains little, so its optimizer's file is small; the second stage's is not let through.
            let files = try ["model", "optimizer"].map { name in
                let path = "\(whole.output)/checkpoints/\(try #require(whole.checkpoints().last))/\(name).safetensors"
                return try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
            }
            try #require(files[0] < files[1])
            let limited = try SyrinxProcess.run(run.arguments, fileSizeLimit: (files[0] + files[1]) / 2)
            #expect(limited.status == 1)
            let last = limited.errors.split(separator: "\n").last.map(String.init) ?? ""
            #expect(
                last.hasPrefix("error: the checkpoint of step 17 was not saved (earlier ones are untouched): "),
                "\(last)")
            #expect(run.checkpoints().last == "step-000012")
            #expect(!run.checkpoints().contains { $0.hasPrefix(".partial") })
            let resumed = try SyrinxProcess.run(run.arguments + ["--resume"])
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(resumed.errors.contains("resuming from \(run.output)/checkpoints/step-000012"))
            #expect(try weightsHash(resumed) == weightsHash(result))
        }
    }
}
