public import Checkpoints
import Generation
public import Processors
import Synchronization

/// A conversation about images and videos: every answer sees all turns before it.
///
/// The turns are written in a template, the model's own unless another is asked for; a model without one reads them as one
/// document, which is also how few-shot prompts look. Each image, frame or clip is encoded once for the whole conversation,
/// and of each turn only what is new is computed: the keys and values of earlier ones are kept.
public final class ChatSession: Sendable {
    /// The model that answers, with the adapter in use.
    public var model: SyrinxModel { state.withLock(\.model) }
    /// How it answers.
    public let options: AnswerOptions
    /// How the turns are written.
    public let template: ChatTemplate

    /// A question and its answer.
    private struct Turn {
        /// As it was asked.
        let question: Message
        /// As the model reads it: with a place for every frame of a video, where it reads no clips.
        let read: Message
        let media: [PreparedReference]
        var answer: Message?
    }

    private struct State {
        var model: SyrinxModel
        var turns: [Turn] = []
        var isAnswering = false
        /// How often everything was forgotten.
        var clearCount = 0
    }

    private let start: [Message]
    private let state: Mutex<State>
    private let prefix = PrefixCache()

    /// A conversation that has not begun.
    /// - Parameters:
    ///   - template: how the turns are written; nil for the model's own template.
    ///   - systemPrompt: in place of the template's; empty for none.
    public init(
        _ model: SyrinxModel, options: AnswerOptions = AnswerOptions(), template: ChatTemplate? = nil,
        systemPrompt: String? = nil
    ) {
        state = Mutex(State(model: model))
        self.options = options
        self.template = template ?? model.chatTemplate
        start = systemPrompt.map { [Message(role: .system, text: $0)] } ?? []
    }

    /// What was said so far, the system prompt included where one was given.
    public var messages: [Message] {
        start + state.withLock(\.turns).flatMap { [$0.question] + ($0.answer.map { [$0] } ?? []) }
    }

    /// The answer to the next turn: videos, images, then text.
    /// - Throws: `SyrinxError` when the conversation no longer fits the context or the last answer is still being
    ///   written, `CodecError` or `VideoError` for what cannot be read; the conversation then stays as it was.
    public func respond(
        to text: String, images: [ImageReference] = [], videos: [VideoReference] = []
    ) async throws -> String {
        var answer = ""
        for try await piece in streamResponse(to: text, images: images, videos: videos) { answer += piece }
        return answer
    }

    /// The answer piece by piece. Ending the iteration stops the answer, and what was written so far counts as said.
    public func streamResponse(
        to text: String, images: [ImageReference] = [], videos: [VideoReference] = []
    ) -> AsyncThrowingStream<String, any Error> {
        let turn = Prompt(videos.map(Prompt.Part.video)) + Prompt(text, images: images)
        return AsyncThrowingStream { continuation in
            let cancellation = CancellationFlag()
            continuation.onTermination = { _ in cancellation.cancel() }
            EngineThread.shared.run { [self] in
                do {
                    _ = try answer(
                        turn, onText: { continuation.yield($0) }, isCancelled: { cancellation.isCancelled })
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }

    /// The answer to the next turn, computed on the calling thread.
    /// - Parameter roomAdvice: what to do when earlier turns leave no room in the context.
    /// - Throws: as ``respond(to:images:videos:)``.
    package func answer(
        _ question: Prompt, roomAdvice: String = "make room with undo() or clear()", onText: (String) -> Void,
        isCancelled: () -> Bool
    ) throws -> Answer {
        try alone { earlier in
            let model = earlier.model
            var turn = try Self.turn(of: question.message, for: model)
            let prompt = try prompt(
                of: earlier.turns + [turn], for: model, roomAdvice: earlier.turns.isEmpty ? nil : roomAdvice)
            let answer = try model.respond(
                to: prompt, options: options, reusing: prefix, onText: onText, isCancelled: isCancelled)
            turn.answer = Message(role: .assistant, text: answer.text)
            state.withLock { state in
                guard state.clearCount == earlier.clearCount else { return }
                state.turns = earlier.turns + [turn]
            }
            return answer
        }
    }

    /// Goes on with an adapter of PEFT's form in place of the one in use, or, for nil, without any.
    ///
    /// What was said stays said. The base is not loaded again; what images and videos became in the model, and the keys and
    /// values, are computed anew, because the adapter may change them.
    /// - Throws: `LoadReport` when the adapter does not fit, `SyrinxError` while an answer is being written or for a model that
    ///   was not loaded from a folder, `VideoError` for an earlier video that is gone; the session then continues as before.
    public func use(_ adapter: AdapterFolder?) throws {
        try alone { earlier in
            let model = try earlier.model.adapted(by: adapter)
            let turns = try earlier.turns.map { turn in
                var again = try Self.turn(of: turn.question, for: model)
                again.answer = turn.answer
                return again
            }
            state.withLock { state in
                state.model = model
                if state.clearCount == earlier.clearCount { state.turns = turns }
            }
            prefix.clear()
        }
    }

    /// Does something that nothing else may happen beside.
    private func alone<Result>(_ body: (State) throws -> Result) throws -> Result {
        let earlier: State? = state.withLock { state in
            if state.isAnswering { return nil }
            state.isAnswering = true
            return state
        }
        guard let earlier else {
            throw SyrinxError("the last answer is still being generated; wait until it ends, or cancel it first")
        }
        defer { state.withLock { $0.isAnswering = false } }
        return try body(earlier)
    }

    /// The question with its media read and encoded.
    private static func turn(of question: Message, for model: SyrinxModel) throws -> Turn {
        let media = try model.prepareMedia([question])
        return Turn(
            question: question, read: media.messages[0], media: media.media.map(model.encoded))
    }

    /// All turns laid out, up to where the model begins to speak.
    private func prompt(
        of turns: [Turn], for model: SyrinxModel, roomAdvice: String?
    ) throws -> PreparedPrompt {
        let messages = turns.flatMap { [$0.read] + ($0.answer.map { [$0] } ?? []) }
        return try model.layOut(
            start + messages, media: turns.flatMap(\.media), template: template, roomAdvice: roomAdvice)
    }

    /// Forgets the last question and its answer; the next one is computed as if they had never been said.
    /// - Returns: the question, whose images and videos can be asked about anew; nil when there was none.
    @discardableResult public func undo() -> Message? {
        state.withLock { $0.isAnswering ? nil : $0.turns.popLast()?.question }
    }

    /// Forgets every turn.
    public func clear() {
        state.withLock { state in
            state.turns = []
            state.clearCount += 1
        }
        prefix.clear()
    }
}
