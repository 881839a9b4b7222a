import Generation
public import Processors
import Torch

/// Answers many questions together and writes every answer to a file, which a later run resumes.
///
/// Questions are taken in windows of four batches. Within a window they are sorted by length, so that rows of like length
/// are computed together; the lines are written in the order of the questions. Which questions are computed together
/// depends only on the input and the batch size, so a run that was killed and resumed gives the very same file.
public struct BatchRun {
    /// How to answer.
    public struct Settings: Sendable {
        /// Sampling and length; a question's own seed comes first.
        public var options: AnswerOptions
        /// How turns are written; nil for the model's own template.
        public var template: ChatTemplate?
        /// Whether prompts are taken as they are, without a template.
        public var isRaw = false
        /// What stands before every conversation; nil for what the template says.
        public var systemPrompt: String?
        /// Frames of each video.
        public var frameCount = VideoReference.defaultFrameCount
        /// Rows computed together; nil for what memory suggests.
        public var batchSize: Int?
        /// Whether lines say how long their rows took, which no two runs agree on.
        public var writesTimes = false
        /// Whether every answer is computed alone too, and compared.
        public var checksAlone = false

        /// Settings with these options.
        public init(_ options: AnswerOptions = AnswerOptions()) { self.options = options }
    }

    /// What came out.
    public struct Outcome: Sendable {
        /// Questions in all.
        public var count: Int
        /// Lines that an earlier run had written.
        public var resumedCount: Int
        /// Lines that are written now.
        public var completedCount: Int
        /// Lines that say why there is no answer.
        public var errorCount: Int
        /// Rows that were computed together.
        public var batchSize: Int
        /// Comparison with answers computed alone, where it was asked for.
        public var agreement: BatchAgreement?
    }

    /// Batches in a window.
    static let batchesPerWindow = 4

    private let model: SyrinxModel
    private let input: BatchInput
    private let settings: Settings

    /// A run of the questions through a model.
    public init(_ model: SyrinxModel, _ input: BatchInput, settings: Settings) {
        self.model = model
        self.input = input
        self.settings = settings
    }

    /// Answers what an earlier run has not answered.
    /// - Parameters:
    ///   - output: the file of the answers.
    ///   - modelFingerprint: SHA-256 of the model folder.
    ///   - options: what decides the answers, by the names the user sets it with.
    ///   - onProgress: told how many lines there are, before the first batch and after each.
    ///   - isCancelled: asked before every step; then the lines so far stay.
    /// - Throws: `SyrinxError` when the file holds other answers; the disk's refusal.
    public func run(
        output path: String, modelFingerprint: String, options: [String: String],
        onProgress: (Int) -> Void = { _ in }, isCancelled: () -> Bool = { false }
    ) throws -> Outcome {
        let identity = BatchIdentity(
            model: .init(name: model.name, sha256: modelFingerprint),
            input: .init(name: input.name, sha256: input.fingerprint), question: input.question, options: options,
            batchSize: settings.batchSize ?? model.suggestedBatchSize)
        let output = try BatchOutput(path, identity, keepsBatchSize: settings.batchSize != nil)
        try output.resume(input)
        let batchSize = output.identity.batchSize
        var outcome = Outcome(
            count: input.count, resumedCount: output.savedCount, completedCount: output.savedCount,
            errorCount: output.savedErrorCount, batchSize: batchSize, agreement: settings.checksAlone ? .init() : nil)
        let windowSize = batchSize * Self.batchesPerWindow
        onProgress(outcome.completedCount)
        var start = outcome.completedCount / windowSize * windowSize
        while start < input.count {
            let window = start..<min(start + windowSize, input.count)
            var pending = [Int: BatchRecord]()
            for batch in batches(of: window, size: batchSize, errors: &pending) {
                if batch.allSatisfy({ $0.index < outcome.resumedCount }) { continue }
                guard let records = try answer(batch, agreement: &outcome.agreement, isCancelled: isCancelled) else {
                    return outcome
                }
                for (question, record) in zip(batch, records) { pending[question.index] = record }
                try write(&pending, to: output, &outcome)
                onProgress(outcome.completedCount)
            }
            try write(&pending, to: output, &outcome)
            start = window.upperBound
            if isCancelled() { break }
        }
        onProgress(outcome.completedCount)
        return outcome
    }

    /// A question that can be answered.
    private struct Row {
        var index: Int
        var id: RecordID
        var prompt: PreparedPrompt
        var options: AnswerOptions
        var length: Int { prompt.input.tokenIDs.size(1) }
    }

    /// A window's questions in rows to compute together, short ones first; what cannot be asked becomes an error.
    private func batches(of window: Range<Int>, size: Int, errors: inout [Int: BatchRecord]) -> [[Row]] {
        var rows = [Row]()
        for index in window {
            let id = input.id(index)
            do {
                let item = try input.item(index)
                var options = settings.options
                options.generation.seed = item.seed ?? options.generation.seed
                let question = try item.question(
                    systemPrompt: settings.systemPrompt, frameCount: settings.frameCount)
                try question.check(isRaw: settings.isRaw)
                let prompt = try model.prepare(
                    question, in: settings.isRaw ? nil : settings.template ?? model.chatTemplate)
                try model.requireMemory(prompt, options)
                rows.append(Row(index: index, id: id, prompt: prompt, options: options))
            } catch {
                errors[index] = BatchRecord(id: id, error: error)
            }
        }
        rows.sort { ($0.length, $0.index) < ($1.length, $1.index) }
        return stride(from: 0, to: rows.count, by: size).map {
            Array(rows[$0..<min($0 + size, rows.count)])
        }
    }

    /// The answers to questions computed together; halves of them where memory is short, or where a question among them makes
    /// the model's scores no numbers: the others are answered. Nil when it was cancelled.
    private func answer(
        _ batch: [Row], agreement: inout BatchAgreement?, isCancelled: () -> Bool
    ) throws -> [BatchRecord]? {
        if batch.count > 1, model.memoryShortage(batch.map(\.prompt), options: batch.map(\.options)) != nil {
            return try answerHalves(batch, agreement: &agreement, isCancelled: isCancelled)
        }
        do {
            return try answerTogether(batch, agreement: &agreement, isCancelled: isCancelled)
        } catch let error as GenerationError where error == .notFinite {
            if batch.count == 1 { return [BatchRecord(id: batch[0].id, error: error)] }
            return try answerHalves(batch, agreement: &agreement, isCancelled: isCancelled)
        }
    }

    private func answerHalves(
        _ batch: [Row], agreement: inout BatchAgreement?, isCancelled: () -> Bool
    ) throws -> [BatchRecord]? {
        let middle = batch.count / 2
        guard
            let first = try answer(Array(batch[..<middle]), agreement: &agreement, isCancelled: isCancelled),
            let second = try answer(Array(batch[middle...]), agreement: &agreement, isCancelled: isCancelled)
        else { return nil }
        return first + second
    }

    private func answerTogether(
        _ batch: [Row], agreement: inout BatchAgreement?, isCancelled: () -> Bool
    ) throws -> [BatchRecord]? {
        let answers = try model.respond(
            together: batch.map(\.prompt), options: batch.map(\.options), keepsLogits: agreement != nil,
            isCancelled: isCancelled)
        if isCancelled() { return nil }
        for (question, together) in zip(batch, answers) where agreement != nil {
            let alone = try model.respond(
                together: [question.prompt], options: [question.options], keepsLogits: true, isCancelled: isCancelled)
            if isCancelled() { return nil }
            agreement?.add(together: together.result, alone: alone[0].result)
        }
        return zip(batch, answers).map { question, found in
            let times = BatchRecord.Times(
                prefillSeconds: found.answer.timings.prefillSeconds, decodeSeconds: found.answer.timings.decodeSeconds,
                batchSize: batch.count)
            return BatchRecord(
                id: question.id, found.answer, seed: question.options.generation.seed,
                times: settings.writesTimes ? times : nil)
        }
    }

    /// Writes the lines whose turn has come.
    private func write(
        _ pending: inout [Int: BatchRecord], to output: BatchOutput, _ outcome: inout Outcome
    ) throws {
        var records = [BatchRecord]()
        while let record = pending.removeValue(forKey: outcome.completedCount + records.count) {
            records.append(record)
        }
        guard !records.isEmpty else { return }
        try output.append(records)
        outcome.completedCount += records.count
        outcome.errorCount += records.count { $0.error != nil }
    }
}
