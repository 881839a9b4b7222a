import Foundation
public import Media
public import Processors
import Terminal

/// Reads every record of instruction data and decodes every image, before a run does.
public struct ConversationCheck: Sendable {
    /// What was found.
    public struct Report: Codable, Sendable, Equatable {
        public var recordCount: Int
        /// Images that could be decoded.
        public var imageCount: Int
        /// The template in which the records were tried.
        public var template: String
        /// Answers to learn. Without a vocabulary the context is unknown, so answers beyond it count as well.
        public var answerCount: Int
        /// Keys that nothing reads, with how often each stands in the file.
        public var unreadKeys: [String: Int]
        /// Records that cannot be used, or from which nothing can be learnt.
        public var failures: [QuarantineEntry]

        private enum CodingKeys: String, CodingKey {
            case recordCount, template, answerCount, unreadKeys, failures
            // The JSON has had this key from the start.
            case imageCount = "pictureCount"
        }
    }

    private let conversations: ConversationFile
    private let decoder: any MediaDecoder
    private let template: ChatTemplate
    private let limits: DecodeLimits

    /// - Parameter template: how training will write the turns.
    public init(
        _ conversations: ConversationFile, decoder: any MediaDecoder, template: ChatTemplate,
        limits: DecodeLimits = .default
    ) {
        self.conversations = conversations
        self.decoder = decoder
        self.template = template
        self.limits = limits
    }

    /// Checks everything.
    /// - Parameters:
    ///   - workerCount: threads that read and decode.
    ///   - progress: called after each record, from several threads, with the number of records it stands for.
    /// - Throws: `Interrupted` after Ctrl-C or SIGTERM.
    public func run(workerCount: Int, progress: @escaping @Sendable (Int) -> Void = { _ in }) throws -> Report {
        var report = Report(
            recordCount: conversations.count, imageCount: 0, template: template.name, answerCount: 0,
            unreadKeys: conversations.unreadKeys.counts, failures: [])
        // Blocks keep the hand-over between threads rare beside the decoding itself.
        let block = 32
        let count = conversations.count
        let results = OrderedPrefetch<[Result<Found, any Error>]>(
            pool: WorkerPool(threadCount: workerCount), lookahead: max(1, workerCount) * 4,
            end: (count + block - 1) / block
        ) { [self] number in
            (number * block..<min(count, (number + 1) * block)).map { record in
                defer { progress(1) }
                return Result { try check(record) }
            }
        }
        var record = 0
        while let block = results.next() {
            try InterruptFlag.check()
            for result in block {
                switch result {
                case .success(let found):
                    report.imageCount += found.imageCount
                    report.answerCount += found.answerCount
                case .failure(let error):
                    report.failures.append(conversations.quarantineEntry(record, reason: "\(error)"))
                }
                record += 1
            }
        }
        return report
    }

    private struct Found: Sendable {
        var imageCount: Int
        var answerCount: Int
    }

    private func check(_ number: Int) throws -> Found {
        let conversation = try conversations.conversation(number)
        let answers = try conversation.parts(in: template).answerCount
        guard answers > 0 else {
            throw DataError("nothing can be learnt: the assistant's answers are empty")
        }
        for (place, path) in conversation.images.enumerated() {
            let bytes = try conversations.image(place, of: number)
            do { _ = try decoder.image(from: bytes, limits: limits, target: nil) } catch {
                throw DataError("image \(place) (\(path)): \(error)")
            }
        }
        return Found(imageCount: conversation.images.count, answerCount: answers)
    }
}
