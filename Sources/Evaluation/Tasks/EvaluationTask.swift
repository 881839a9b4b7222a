/// One question put to the model about held-out images.
///
/// Asking and scoring are apart: answers are saved as they come, and scores are computed from saved answers alone.
public protocol EvaluationTask: Sendable {
    /// The task's name in tables and predictions.
    var name: String { get }

    /// Why the task cannot be put to these items, as half a sentence; `nil` where it can.
    func obstacle(_ context: EvaluationContext) -> String?

    /// What the task leaves out of these items' scores, and why; `nil` where nothing.
    func omission(_ context: EvaluationContext) -> String?

    /// Places in the set's items that the model is asked about, in order; `context.blankPlace` is the blank picture.
    func places(_ context: EvaluationContext) -> [Int]

    /// The model's answers about `places`, in order. Computed together: the same places give the same bits.
    /// - Throws: `GenerationError` when a sequence does not fit the model's context.
    func predictions(_ context: EvaluationContext, places: [Int]) throws -> [Prediction]

    /// The scores with their controls on every population the task applies to.
    /// - Parameter predictions: one per place of ``places(_:)``, in order.
    func scores(_ context: EvaluationContext, _ predictions: [Prediction]) -> [TaskScore]
}

extension EvaluationTask {
    /// Nothing.
    public func omission(_ context: EvaluationContext) -> String? { nil }

    /// Asks about everything at once, and scores.
    /// - Throws: as ``predictions(_:places:)``.
    public func scores(_ context: EvaluationContext) throws -> [TaskScore] {
        guard obstacle(context) == nil else { return [] }
        return scores(context, try predictions(context, places: places(context)))
    }
}
