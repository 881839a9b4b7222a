import Terminal

/// Shows a stage on the terminal: loss, tokens and images a second, utilisation, time left.
public final class ProgressObserver: TrainingObserver {
    private var bar: ProgressBar?
    private var countsSeconds = false
    private let print: (String) -> Void

    /// - Parameter print: prints whole lines while no bar is drawn.
    public init(print: @escaping (String) -> Void) { self.print = print }

    public func onStart(_ report: StartReport) throws {
        let place = report.stageCount > 1 ? "stage \(report.stageIndex + 1) of \(report.stageCount), " : ""
        print(
            "\(place)\(report.stage): \(Self.limit(report.limit))\(report.isResumed ? ", resumed at step \(report.step)" : "")"
        )
        print(report.audit.table)
        // A bar of steps where steps decide, of seconds where only time does.
        countsSeconds = report.limit.maximumSeconds != nil
        let total = countsSeconds ? report.limit.maximumSeconds.map { Int($0.rounded(.up)) } : report.limit.steps
        bar = ProgressBar(
            report.stage, total: total, unit: countsSeconds ? "s" : "steps",
            completed: countsSeconds ? Int(report.elapsedSeconds) : report.stageStep)
    }

    public func onStep(_ report: StepReport) throws {
        bar?.update(
            countsSeconds ? Int(report.elapsedSeconds) : report.stageStep, notes: Self.notes(report))
    }

    /// The notes after the bar; a narrow terminal shows the first ones.
    package static func notes(_ report: StepReport) -> [String] {
        var notes = [
            "loss \(fixed(report.loss, 3))", "step \(report.step)", "\(Int(report.tokensPerSecond)) tokens/s",
        ]
        if report.imageCount > 0 { notes.append("\(fixed(report.imagesPerSecond, 1)) images/s") }
        if let share = report.modelFLOPsUtilization { notes.append("MFU \(fixed(share * 100, 0))%") }
        return notes
    }

    public func onValidation(_ report: ValidationReport) throws {
        if report.sources.isEmpty { return }
        let losses = report.sources.map { "\($0.name) \(Self.fixed($0.loss, 3))" }.joined(separator: "  ")
        onMessage("validation at step \(report.step): \(losses)")
    }

    public func onCheckpoint(_ report: CheckpointReport) throws {
        onMessage("checkpoint \(report.path) (\(Self.megabytes(report.byteCount)))")
    }

    public func onMessage(_ text: String) { if let bar { bar.message(text) } else { print(text) } }

    public func onEnd(_ report: EndReport) throws {
        bar?.finish()
        bar = nil
        var line =
            "\(report.stage): \(Self.reason(report.reason)) after \(report.stageStep) steps and \(Self.fixed(report.elapsedSeconds, 1)) s"
        if let loss = report.loss { line += ", loss \(Self.fixed(loss, 3))" }
        if report.skippedSteps > 0 { line += ", \(report.skippedSteps) steps skipped" }
        line += ", peak memory \(Self.megabytes(report.peakResidentBytes))"
        print(line)
        if let audit = report.audit {
            let changes = audit.parts.map { "\($0.name) \($0.changed == true ? "changed" : "unchanged")" }
            print("  " + changes.joined(separator: ", "))
        }
    }

    private static func reason(_ reason: EndReport.Reason) -> String {
        switch reason {
        case .finished: "finished"
        case .endOfData: "the data ended"
        case .interrupted: "interrupted"
        case .failed: "failed"
        }
    }

    private static func limit(_ limit: RunLimit) -> String {
        switch (limit.steps, limit.maximumSeconds) {
        case (let steps?, let seconds?): "at most \(steps) steps and \(fixed(seconds, 0)) s (not bit-reproducible)"
        case (let steps?, nil): "\(steps) steps"
        case (nil, let seconds?): "\(fixed(seconds, 0)) s (not bit-reproducible)"
        case (nil, nil): "until the data ends"
        }
    }

    private static func megabytes(_ bytes: Int) -> String {
        "\(fixed(Double(bytes) / 1e6, bytes < 100_000_000 ? 1 : 0)) MB"
    }

    private static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return "\(value)" }
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let magnitude = (value.magnitude * Double(scale)).rounded()
        guard magnitude < 1e15 else { return "\(value)" }
        let whole = Int(magnitude) / scale, rest = Int(magnitude) % scale
        let sign = value < 0 && magnitude > 0 ? "-" : ""
        return digits == 0 ? "\(sign)\(whole)" : "\(sign)\(whole)." + String(rest).leftPadded(to: digits)
    }
}
