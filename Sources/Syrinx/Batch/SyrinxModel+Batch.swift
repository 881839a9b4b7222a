import Generation
import Machine
import Processors
import SyrinxModels
import Torch

extension SyrinxModel {
    /// The answers to several prompts, computed together; each is what it would be alone.
    /// - Parameters:
    ///   - options: one for each prompt.
    ///   - isCancelled: asked before every step.
    /// - Throws: `GenerationError` when a prompt leaves no room in the context or an option is out of range.
    public func respond(
        to prompts: [PreparedPrompt], options: [AnswerOptions], isCancelled: () -> Bool = { false }
    ) throws -> [Answer] {
        try respond(together: prompts, options: options, keepsLogits: false, isCancelled: isCancelled).map(\.answer)
    }

    /// The same with what the engine gave for each.
    func respond(
        together prompts: [PreparedPrompt], options: [AnswerOptions], keepsLogits: Bool, isCancelled: () -> Bool
    ) throws -> [(answer: Answer, result: GenerationResult)] {
        precondition(prompts.count == options.count, "\(prompts.count) prompts, but \(options.count) options")
        var writers = zip(prompts, options).map { answerWriter(for: $0, $1) }
        let requests = zip(prompts, options).map { prompt, options in
            var request = GenerationRequest(prompt.input, config: generationConfig(options))
            request.keepsLogits = keepsLogits
            request.keepsLogProbabilities = options.givesLogProbabilities
            return request
        }
        let together = GenerationEngine(model, maxBatchRows: prompts.count, pieceCount: engine.pieceCount)
        let results = try together.generate(
            requests,
            onToken: { row, token in
                _ = writers[row].append(token)
                return writers[row].hasStopped ? .stop(.stopString) : .continue
            }, isCancelled: isCancelled)
        return prompts.indices.map { row in
            _ = writers[row].finish()
            return (answer(to: prompts[row], results[row], writers[row]), results[row])
        }
    }

    /// Rows to compute together where the user does not say: at most 8 on a CPU and 32 elsewhere, and so few that their
    /// keys and values, each row as long as the context, take no more than half of the free memory.
    public var suggestedBatchSize: Int {
        guard device == .cpu else { return 32 }
        let wanted = 8
        guard let memory = MachineMemory.current,
            let row = model.cacheByteCount(batch: 1, capacity: model.contextLength), row > 0
        else { return wanted }
        let free = min(memory.available ?? memory.usable, memory.usable)
        return max(1, min(wanted, free / 2 / row))
    }

    /// What is lacking for the keys and values of rows computed together; nil when there is room or nobody can tell.
    func memoryShortage(_ prompts: [PreparedPrompt], options: [AnswerOptions]) -> MemoryShortage? {
        let lengths = prompts.map { $0.input.tokenIDs.size(1) }
        let answer = zip(lengths, options).map { length, options in
            max(0, min(options.generation.maxNewTokens, model.contextLength - length))
        }
        guard device == .cpu,
            let needed = model.cacheByteCount(
                batch: prompts.count, capacity: (lengths.max() ?? 0) + (answer.max() ?? 0))
        else { return nil }
        return MachineMemory.shortage(of: needed)
    }
}
