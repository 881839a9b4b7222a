#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Loss curves read back from a run's `log.jsonl`.
///
/// A resumed run repeats the steps since its checkpoint, so the last line of a step counts; a line that a killed run left
/// half written is passed over.
public struct LossLog: Sendable {
    /// Validation per source, in the order of first appearance, then the training loss.
    public let curves: [DemoReport.LossCurve]
    /// Seconds spent per stage, in order.
    public let stageSeconds: [(stage: String, seconds: Double)]

    private struct Event: Decodable {
        struct Source: Decodable {
            var name: String
            var loss: Double?
        }
        var event: String
        var stage: String?
        var step: Int?
        var loss: Double?
        var elapsedSeconds: Double?
        var sources: [Source]?
    }

    /// Reads a log's bytes.
    /// - Parameter pointLimit: greatest number of points of the training curve; each is the mean of its neighbours.
    public init(_ bytes: [UInt8], pointLimit: Int = 160) {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        var names = [String]()
        var validation = [String: [Int: Double]]()
        var training = [String: [Int: Double]]()
        var validatedStages = Set<String>()
        var stages = [String]()
        var seconds = [String: Double]()
        for line in bytes.split(separator: 0x0A) {
            guard let event = try? decoder.decode(Event.self, from: Data(line)), let stage = event.stage else {
                continue
            }
            if !stages.contains(stage) { stages.append(stage) }
            if let elapsed = event.elapsedSeconds { seconds[stage] = elapsed }
            guard let step = event.step else { continue }
            if event.event == "step", let loss = event.loss { training[stage, default: [:]][step] = loss }
            guard event.event == "validation" else { continue }
            validatedStages.insert(stage)
            for source in event.sources ?? [] {
                guard let loss = source.loss else { continue }
                if !names.contains(source.name) { names.append(source.name) }
                validation[source.name, default: [:]][step] = loss
            }
        }
        stageSeconds = stages.map { ($0, seconds[$0] ?? 0) }
        var curves = names.map { name in
            let points = (validation[name] ?? [:]).sorted { $0.key < $1.key }
            return DemoReport.LossCurve(
                source: name, split: "validation", steps: points.map(\.key), losses: points.map(\.value))
        }
        // A stage without validation (the encoder's warm start) has another loss, which does not belong on this scale.
        let compared = stages.filter { validatedStages.isEmpty || validatedStages.contains($0) }
        let steps = compared.reduce(into: [Int: Double]()) { $0.merge(training[$1] ?? [:]) { _, later in later } }
        let points = Self.thinned(steps.sorted { $0.key < $1.key }.filter { $0.value.isFinite }, limit: pointLimit)
        if !points.isEmpty {
            curves.append(
                DemoReport.LossCurve(
                    source: "all (training)", split: "training", steps: points.map(\.key), losses: points.map(\.value)))
        }
        self.curves = curves
    }

    /// Means over runs of neighbours, at the last step of each run.
    private static func thinned(_ points: [(key: Int, value: Double)], limit: Int) -> [(key: Int, value: Double)] {
        guard points.count > limit, limit > 0 else { return points }
        return (0..<limit).map { part in
            let run = points[part * points.count / limit..<(part + 1) * points.count / limit]
            return (run[run.endIndex - 1].key, run.reduce(0) { $0 + $1.value } / Double(run.count))
        }
    }
}
