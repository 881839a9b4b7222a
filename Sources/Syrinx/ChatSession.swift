import Generation
public import Processors
import Synchronization

/// A conversation about pictures: every answer sees all turns before it.
///
/// A model without a chat template reads the turns as one document: pictures, what was said of them, the next pictures,
/// and so on, which is also how few-shot prompts look. Each picture is encoded once for the whole conversation.
public final class ChatSession: Sendable {
    /// The model that answers.
    public let model: SyrinxModel
    /// How it answers.
    public let options: AnswerOptions

    private struct State {
        var parts: [PreparedPart] = []
        var isAnswering = false
    }

    private let state = Mutex(State())

    /// A conversation that has not begun.
    public init(_ model: SyrinxModel, options: AnswerOptions = AnswerOptions()) {
        self.model = model
        self.options = options
    }

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
        let earlier: [PreparedPart]? = state.withLock { state in
            if state.isAnswering { return nil }
            state.isAnswering = true
            return state.parts
        }
        guard let earlier else {
            throw SyrinxError("the last answer is still being written; wait for its end or cancel it first")
        }
        do {
            let own = try turn.parts.map(model.prepare).map { part in
                if case .picture(let picture) = part { return PreparedPart.picture(model.encoded(picture)) }
                return part
            }
            let answer = try model.respond(
                to: try model.layOut(earlier + own), options: options, onText: onText, isCancelled: isCancelled)
            state.withLock { state in
                state.parts += own + (answer.text.isEmpty ? [] : [.text(answer.text)])
                state.isAnswering = false
            }
            return answer
        } catch {
            state.withLock { $0.isAnswering = false }
            throw error
        }
    }

    /// Forgets every turn.
    public func clear() { state.withLock { $0.parts = [] } }
}
