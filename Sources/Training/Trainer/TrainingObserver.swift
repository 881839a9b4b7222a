/// Watches a run without being able to change it: progress bar, logs, sample images.
///
/// Called on the training thread, between steps; an error thrown ends the run.
public protocol TrainingObserver: AnyObject {
    func onStart(_ report: StartReport) throws
    func onStep(_ report: StepReport) throws
    func onValidation(_ report: ValidationReport) throws
    func onCheckpoint(_ report: CheckpointReport) throws
    /// Something the user should know: a skipped step, a broken checkpoint that was passed over.
    func onMessage(_ text: String)
    func onEnd(_ report: EndReport) throws
}

extension TrainingObserver {
    public func onStart(_ report: StartReport) throws {}
    public func onStep(_ report: StepReport) throws {}
    public func onValidation(_ report: ValidationReport) throws {}
    public func onCheckpoint(_ report: CheckpointReport) throws {}
    public func onMessage(_ text: String) {}
    public func onEnd(_ report: EndReport) throws {}
}
