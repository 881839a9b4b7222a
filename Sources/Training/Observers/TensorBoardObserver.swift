/// Writes curves for TensorBoard, and whatever images and texts others hand it.
public final class TensorBoardObserver: TrainingObserver {
    private let file: EventFile

    /// - Throws: `TrainingError` if the folder cannot be written.
    public init(folder: String) throws { file = try EventFile(folder: folder) }

    /// Adds images with captions, for example samples that the model has described.
    ///
    /// - Throws: `TrainingError` if the disk is full.
    public func add(_ values: [(tag: String, value: EventFile.Value)], step: Int) throws {
        try file.add(values, step: step)
    }

    public func onStep(_ report: StepReport) throws {
        if report.skipped != nil { return }
        var values: [(tag: String, value: EventFile.Value)] = [
            ("train/loss", .scalar(report.loss)), ("train/learning_rate", .scalar(report.learningRate)),
            ("train/gradient_norm", .scalar(report.gradientNorm)),
            ("speed/tokens_per_second", .scalar(report.tokensPerSecond)),
            ("speed/images_per_second", .scalar(report.imagesPerSecond)),
        ]
        if let share = report.modelFLOPsUtilization { values.append(("speed/mfu", .scalar(share))) }
        for (name, part) in report.parts.sorted(by: { $0.key < $1.key }) {
            values.append(("train/\(name)", .scalar(part)))
        }
        try file.add(values, step: report.step)
    }

    public func onValidation(_ report: ValidationReport) throws {
        if report.sources.isEmpty { return }
        try file.add(report.sources.map { ("validation/\($0.name)", .scalar($0.loss)) }, step: report.step)
    }

    public func onStart(_ report: StartReport) throws {
        try file.add([("run/\(report.stage)", .text("```\n\(report.audit.table)\n```"))], step: report.step)
    }
}
