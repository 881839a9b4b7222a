import DataPipeline

/// Is the first colour the model names the image's dominant one?
///
/// The prompt is the image and `colours:`; the answer is the first word of the greedy continuation.
public struct DominantColourTask: WritingTask {
    /// `dominant colour`.
    public let name = "dominant colour"
    let prompt = "colours:"
    let maxNewTokens = 6
    let metrics = ["accuracy"]
    let method =
        "First word of the greedy continuation of the image and \"colours:\" equals the first colour computed from the "
        + "pixels."

    /// The task.
    public init() {}

    /// Items without colours cannot be asked about.
    public func obstacle(_ context: EvaluationContext) -> String? {
        context.set.items.contains { !$0.caption.colours.isEmpty } ? nil : "no item has colours"
    }

    func references(_ item: CaptionedSet.Item) -> [String] { Array(item.caption.colours.prefix(1)) }
    func answer(_ text: String) -> String { Self.firstWord(text) }
    func score(_ answer: String, metric: String, place: Int, _ context: EvaluationContext) -> Double {
        answer == context.set.items[place].caption.colours.first ? 1 : 0
    }
    func majority(_ context: EvaluationContext, source: String?) -> String {
        context.statistics.majorityColour(source: source) ?? ""
    }

    /// The first run of letters, lower-case; empty when there is none.
    package static func firstWord(_ text: String) -> String {
        TokenF1.words(text).first ?? ""
    }
}
