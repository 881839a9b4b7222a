import Generation
public import Processors
import Synchronization

/// A conversation about pictures: every answer sees all turns before it.
///
/// The turns are written in a template, the model's own unless another is asked for; a model without one reads them as one
/// document, which is also how few-shot prompts look. Each picture is encoded once for the whole conversation, and of each
/// turn only what is new is computed: the keys and values of earlier ones are kept.
public final class ChatSession: Sendable {
    /// The model that answers.
    public let model: SyrinxModel
    /// How it answers.
    public let options: AnswerOptions
    /// How the turns are written.
    public let template: ChatTemplate

    private struct State {
        var messages: [Message] = []
        var pictures: [PreparedPicture] = []
        var isAnswering = false
        /// How often everything was forgotten.
        var clearCount = 0
    }

    private let start: [Message]
    private let state = Mutex(State())
    private let prefix = PrefixCache()

    /// A conversation that has not begun.
    /// - Parameters:
    ///   - template: how the turns are written; nil for the model's own template.
    ///   - systemPrompt: in place of the template's; empty for none.
    public init(
        _ model: SyrinxModel, options: AnswerOptions = AnswerOptions(), template: ChatTemplate? = nil,
        systemPrompt: String? = nil
    ) {
        self.model = model
        self.options = options
        self.template = template ?? model.chatTemplate
        start = systemPrompt.map { [Message(role: .system, text: $0)] } ?? []
    }

    /// What was said so far, the system prompt included where one was given.
    public var messages: [Message] { start + state.withLock(\.messages) }

    /// The answer to the next turn: pictures, then text.
    /// - Throws: `SyrinxError` when the conversation no longer fits the context or the last answer is still being
    ///   written; the conversation then stays as it was.
    public func respond(to text: String, images: [ImageReference] = []) async throws -> String {
        var answer = ""
        for try await piece in streamResponse(to: text, images: images) { answer += piece }
        return answer
    }

    /// The answer piece by piece. Ending the iteration stops the answer, and what was written so far counts as said.
    public func streamResponse(
        to text: String, images: [ImageReference] = []
    ) -> AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { continuation in
            let cancellation = CancellationFlag()
            continuation.onTermination = { _ in cancellation.cancel() }
            EngineThread.shared.run { [self] in
                do {
                    _ = try answer(
                        Prompt(text, images: images), onText: { continuation.yield($0) },
                        isCancelled: { cancellation.isCancelled })
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }

    /// The answer to the next turn, computed on the calling thread.
    /// - Throws: as ``respond(to:images:)``.
    package func answer(
        _ turn: Prompt, onText: (String) -> Void, isCancelled: () -> Bool
    ) throws -> Answer {
        let earlier: State? = state.withLock { state in
            if state.isAnswering { return nil }
            state.isAnswering = true
            return state
        }
        guard let earlier else {
            throw SyrinxError("the last answer is still being written; wait for its end or cancel it first")
        }
        do {
            let messages = earlier.messages + [turn.message]
            let pictures = try earlier.pictures + turn.message.images.map { model.encoded(try model.prepare($0)) }
            let prompt = try model.layOut(start + messages, pictures: pictures, template: template)
            let answer = try model.respond(
                to: prompt, options: options, reusing: prefix, onText: onText, isCancelled: isCancelled)
            state.withLock { state in
                state.isAnswering = false
                guard state.clearCount == earlier.clearCount else { return }
                state.messages = messages + [Message(role: .assistant, text: answer.text)]
                state.pictures = pictures
            }
            return answer
        } catch {
            state.withLock { $0.isAnswering = false }
            throw error
        }
    }

    /// Forgets the last question and its answer; the next one is computed as if they had never been said.
    /// - Returns: false when there was none.
    @discardableResult public func undo() -> Bool {
        state.withLock { state in
            guard !state.isAnswering, state.messages.count >= 2 else { return false }
            state.messages.removeLast(2)
            state.pictures = Array(state.pictures.prefix(state.messages.reduce(0) { $0 + $1.images.count }))
            return true
        }
    }

    /// Forgets every turn.
    public func clear() {
        state.withLock { state in
            state.messages = []
            state.pictures = []
            state.clearCount += 1
        }
        prefix.clear()
    }
}
