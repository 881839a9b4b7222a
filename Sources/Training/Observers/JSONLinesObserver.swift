import Files

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
/// Writes everything that happens as JSON, one event a line: `{"event": "step", "time": ..., "step": 7, "loss": ...}`.
///
/// Lines are appended whole, so a killed run leaves at most one cut line at the end; a resumed run goes on in the same file,
/// and repeats the steps since its checkpoint: readers keep the last line of a step.
public final class JSONLinesObserver: TrainingObserver {
    private struct Event<Body: Encodable>: Encodable {
        let name: String
        let time: Double
        let body: Body
        enum Keys: String, CodingKey { case event, time }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(name, forKey: .event)
            try container.encode(time, forKey: .time)
            try body.encode(to: encoder)
        }
    }
    private struct Message: Encodable { let text: String }

    private let file: AppendFile
    private let path: String
    private let encoder: JSONEncoder

    /// Opens or creates the log.
    ///
    /// - Throws: `TrainingError` if it cannot be written.
    public init(path: String) throws {
        self.path = path
        do { file = try AppendFile(path) } catch {
            throw TrainingError("cannot write the log \(path): \(error.reason)")
        }
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    }

    public func onStart(_ report: StartReport) throws { try write("start", report) }
    public func onStep(_ report: StepReport) throws { try write("step", report) }
    public func onValidation(_ report: ValidationReport) throws { try write("validation", report) }
    public func onCheckpoint(_ report: CheckpointReport) throws { try write("checkpoint", report) }
    public func onMessage(_ text: String) { try? write("message", Message(text: text)) }
    public func onEnd(_ report: EndReport) throws { try write("end", report) }

    private func write(_ name: String, _ body: some Encodable) throws {
        let event = Event(name: name, time: Date().timeIntervalSince1970, body: body)
        let line = Array(try encoder.encode(event))
        do { try file.append(line: line) } catch { throw TrainingError("cannot write \(path): \(error.reason)") }
    }
}
