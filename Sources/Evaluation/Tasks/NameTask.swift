import DataPipeline
import Processors

/// How much of an image's name does the model say?
///
/// The prompt is the image and `name:`; the greedy continuation up to the first full stop is compared with the true
/// name word by word (token F1).
public struct NameTask: WritingTask {
    /// `name`.
    public let name = "name"
    let prompt = "name:"
    let maxNewTokens = 16
    let metrics = ["token F1"]
    let method =
        "Words of the greedy continuation of the image and \"name:\", up to the first full stop, against the words of the "
        + "true name."

    /// The task.
    public init() {}

    /// Items without a name cannot be asked about.
    public func obstacle(_ context: EvaluationContext) -> String? {
        context.set.items.contains { !$0.caption.name.isEmpty } ? nil : "no item has a name"
    }

    func references(_ item: CaptionedSet.Item) -> [String] { item.caption.name.isEmpty ? [] : [item.caption.name] }
    func answer(_ text: String) -> String {
        String(text.droppingFirstScalars(while: \.isSpace).firstScalars { $0 != "." })
    }
    func score(_ answer: String, metric: String, place: Int, _ context: EvaluationContext) -> Double {
        TokenF1.score(answer, context.set.items[place].caption.name)
    }
    func majority(_ context: EvaluationContext, source: String?) -> String {
        context.statistics.majorityName(source: source) ?? ""
    }
}
