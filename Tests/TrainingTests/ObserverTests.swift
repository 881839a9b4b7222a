import Foundation
import Testing
import Training

@Suite("Logs")
struct ObserverTests {
    @Test("The JSON log has one valid line for each event, and a cut last line does not spoil the next")
    func jsonLines() throws {
        let path = NSTemporaryDirectory() + "log-\(UUID().uuidString).jsonl"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let run = try ToyRun(steps: 3)
        func observe(_ body: (JSONLinesObserver) throws -> Void) throws { try body(JSONLinesObserver(path: path)) }
        try observe { log in
            let trainer = Trainer(
                run.config, run.objective, on: TrainingData(run.source.source), run.optimizers,
                TrainingHooks(observers: [log, run.recorder]))
            try trainer.run()
        }
        let handle = try #require(FileHandle(forWritingAtPath: path))
        handle.seekToEndOfFile()
        handle.write(Data("{\"event\":\"st".utf8))
        try handle.close()
        try observe { $0.onMessage("resumed") }
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let events = lines.map { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
        #expect(events.map { $0?["event"] as? String } == ["start", "step", "step", "step", "end", nil, "message"])
        #expect(events[1]?["fingerprint"] as? String == run.recorder.fingerprints[0])
        #expect(events[1]?["loss"] as? Double == run.recorder.steps[0].loss)
    }

    @Test("A log that cannot be written is one sentence")
    func unwritable() { #expect(throws: TrainingError.self) { try JSONLinesObserver(path: "/proc/none/log.jsonl") } }
}
