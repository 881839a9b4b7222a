public import Processors

extension ChatTemplate {
    /// mPLUG-Owl as its README writes prompts: a system line, then lines of `Human: ` and `AI: `.
    public static let mplugOwl = ChatTemplate("mplug-owl", systemPrompt: owlSystemPrompt, layout: LinesLayout())

    /// The same with the system line of mPLUG-Owl's web demo.
    public static let mplugOwlDemo = ChatTemplate(
        "mplug-owl-demo",
        systemPrompt:
            "The following is a conversation between a curious human and AI. The AI gives helpful, detailed, and polite "
            + "answers to the human's questions.", layout: LinesLayout())

    /// The same lines as mPLUG-Owl's training code encodes them: roles apart from what is said, and an end token behind
    /// every answer, of earlier turns too.
    public static let mplugOwlTraining = ChatTemplate(
        "mplug-owl-training", systemPrompt: owlSystemPrompt, layout: LinesLayout(separatesRoles: true))

    /// mPLUG-Owl video: the lines of ``mplugOwl``, which hold clips and images alike.
    public static let mplugOwlVideo = ChatTemplate(
        "mplug-owl-video", systemPrompt: owlSystemPrompt, layout: LinesLayout())

    /// mPLUG-Owl2 as it is asked: `USER: ` and ` ASSISTANT:` without a system prompt, images right before the text.
    public static let mplugOwl2 = ChatTemplate("mplug-owl2", stopStrings: ["</s>"], layout: TurnsLayout())

    /// The same as mPLUG-Owl2's evaluation scripts write it: with a space at the very end.
    public static let mplugOwl2Evaluation = ChatTemplate(
        "mplug-owl2-evaluation", stopStrings: ["</s>"], layout: TurnsLayout(promptEnd: " "))

    /// Vicuna's: a system prompt, and each image on a line of its own before the text; mPLUG-Owl2's fine-tuning scripts
    /// pass it.
    public static let vicunaV1 = ChatTemplate(
        "vicuna-v1",
        systemPrompt:
            "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
            + "detailed, and polite answers to the user's questions.",
        stopStrings: ["</s>"], layout: TurnsLayout(imagesFirst: true))

    private static var owlSystemPrompt: String {
        "The following is a conversation between a curious human and AI assistant. The assistant gives helpful, "
            + "detailed, and polite answers to the user's questions."
    }
}
