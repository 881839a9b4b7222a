public import DataPipeline
import Processors

/// How well does the model caption an image it never saw?
///
/// The prompt is the image and, where one is given, a few words; the greedy continuation up to the first line break is
/// held against the item's reference captions. Zero-shot means zero: no examples stand before the image.
public struct CaptioningTask: WritingTask {
    /// `captioning`.
    public let name = "captioning"
    let prompt: String
    let maxNewTokens: Int
    let metrics: [String]
    let method =
        "Greedy continuation of the image, up to the first line break, against the item's captions: CIDEr-D (0 to 10, "
        + "document frequencies from the evaluated items' captions; papers print it times 100), best token F1, any exact "
        + "match after normalisation."
    private static let cider = "CIDEr-D"
    private let template: CaptionTemplate
    private let scorer: CIDEr

    /// The task on a set's items.
    /// - Parameters:
    ///   - template: renders captions of items that come as fields.
    ///   - prompt: text between the image and the caption, such as `A photo of`.
    public init(_ set: CaptionedSet, template: CaptionTemplate, prompt: String = "", maxNewTokens: Int = 64) {
        self.template = template
        self.prompt = prompt
        self.maxNewTokens = maxNewTokens
        scorer = CIDEr(references: set.items.map { $0.references(template) })
        metrics = (scorer.tellsCaptionsApart ? [Self.cider] : []) + ["token F1", "exact match"]
    }

    /// Items without a caption cannot be asked about.
    public func obstacle(_ context: EvaluationContext) -> String? {
        context.set.items.contains { !references($0).isEmpty } ? nil : "no item has a caption"
    }

    /// CIDEr-D, where it could not be anything but 0.
    public func omission(_ context: EvaluationContext) -> String? {
        guard !metrics.contains(Self.cider) else { return nil }
        let count = context.set.items.count { !references($0).isEmpty }
        return
            "CIDEr-D, which weighs a word by how few items have it in their captions: of \(count) "
            + "\(count == 1 ? "item" : "items") with the same words every answer would score 0; evaluate items with different "
            + "captions, at least 2"
    }

    func references(_ item: CaptionedSet.Item) -> [String] { item.references(template) }
    func answer(_ text: String) -> String {
        let line = text.droppingFirstScalars(while: \.isSpace).firstScalars { !$0.isLineEnd }
        return String(line.droppingLastScalars(while: \.isSpace))
    }
    func score(_ answer: String, metric: String, place: Int, _ context: EvaluationContext) -> Double {
        let references = references(context.set.items[place])
        switch metric {
        case Self.cider: return scorer.score(answer, item: place)
        case "token F1": return TokenF1.score(answer, references: references)
        default: return ExactMatch.score(answer, references: references)
        }
    }
    func majority(_ context: EvaluationContext, source: String?) -> String {
        context.statistics.majorityCaption(template, source: source)
    }
}
