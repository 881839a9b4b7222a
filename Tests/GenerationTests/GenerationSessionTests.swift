import Generation
import Processors
import SyrinxModels
import Testing
import Torch

@Suite struct GenerationSessionTests {
    private typealias Handle = GenerationSession.Handle
    private let engine = GenerationEngine(TinyModel.shared)

    /// Requests of different lengths, with images and without, greedy and sampled in different ways.
    private static let requests = (0..<12).map { number in
        var config = GenerationConfig(maxNewTokens: 3 + number * 5 % 11, seed: UInt64(number))
        if number % 3 != 0 { config.temperature = 1.3 }
        if number % 4 == 1 { config.topK = 12 }
        if number % 4 == 2 { config.repetitionPenalty = 1.4 }
        var request = GenerationRequest(
            TinyModel.input(
                (0..<1 + number * 7 % 10).map { 5 + ($0 * 11 + number) % 40 },
                brightness: number % 5 == 2 ? Double(number) / 12 : nil), config: config)
        request.keepsLogits = true
        request.keepsLogProbabilities = true
        return request
    }

    /// What rows gave, by handle, and the tokens as they came.
    private struct Record {
        var tokens = [Handle: [Int]]()
        var results = [Handle: GenerationResult]()
        var errors = [Handle: GenerationError]()

        mutating func note(_ events: [GenerationSession.Event]) {
            for event in events {
                switch event {
                case .token(let handle, let token): tokens[handle, default: []].append(token)
                case .finished(let handle, let result): results[handle] = result
                case .failed(let handle, let error): errors[handle] = error
                }
            }
        }
    }

    private func expectEqual(_ result: GenerationResult?, _ alone: GenerationResult) throws {
        let result = try #require(result)
        #expect(result.tokenIDs == alone.tokenIDs && result.stopReason == alone.stopReason)
        let (logits, expected) = (try #require(result.logits), try #require(alone.logits))
        #expect(logits.shape == expected.shape && (logits - expected).abs().max().item() < 1e-4)
        let distances = zip(result.logProbabilities ?? [], alone.logProbabilities ?? []).map { abs($0 - $1) }
        #expect(distances.count == alone.tokenIDs.count && distances.allSatisfy { $0 < 1e-4 })
    }

    private func request(_ text: [Int], count: Int) -> GenerationRequest {
        GenerationRequest(TinyModel.input(text), config: GenerationConfig(maxNewTokens: count))
    }

    @Test(arguments: [1, 2, 3, 12]) func `Rows that join late and leave early get what they get alone`(
        rowLimit: Int
    ) throws {
        let session = GenerationSession(GenerationEngine(TinyModel.shared, maxBatchRows: rowLimit), answerRoom: 2)
        var record = Record()
        var handles = [Handle]()
        for (number, request) in Self.requests.enumerated() {
            handles.append(try session.admit(request))
            for _ in 0..<number % 3 { record.note(session.step()) }
            #expect(session.runningCount <= rowLimit)
        }
        while !session.isEmpty { record.note(session.step()) }
        for (handle, request) in zip(handles, Self.requests) {
            try expectEqual(record.results[handle], try engine.generate(request))
            #expect(record.tokens[handle] == record.results[handle]?.tokenIDs)
        }
        #expect(session.cacheByteCount == 0 && session.step().isEmpty)
    }

    @Test func `Any order of joining, cancelling and releasing leaves the other rows alone`() throws {
        let alone = try Self.requests.map { try engine.generate($0) }
        var state: UInt64 = 1
        func draw(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        for _ in 0..<5 {
            let session = GenerationSession(
                GenerationEngine(TinyModel.shared, maxBatchRows: 1 + draw(5)), answerRoom: 1 + draw(4))
            var record = Record()
            var rows = [(handle: Handle, number: Int)]()
            var stopped = Set<Handle>()
            for _ in 0..<40 {
                let action = draw(8)
                if action < 3 {
                    let number = draw(Self.requests.count)
                    rows.append((try session.admit(Self.requests[number]), number))
                } else if action > 4 {
                    record.note(session.step())
                } else if !rows.isEmpty {
                    let (handle, number) = rows[draw(rows.count)]
                    let hasEnded = stopped.contains(handle) || record.results[handle] != nil
                    if action == 3 {
                        let result = session.cancel(handle)
                        #expect((result == nil) == hasEnded)
                        if let result { #expect(alone[number].tokenIDs.starts(with: result.tokenIDs)) }
                    } else {
                        session.release(handle)
                    }
                    if !hasEnded { stopped.insert(handle) }
                }
            }
            while !session.isEmpty { record.note(session.step()) }
            for (handle, number) in rows where !stopped.contains(handle) {
                try expectEqual(record.results[handle], alone[number])
            }
            #expect(stopped.isDisjoint(with: record.results.keys) && record.errors.isEmpty)
        }
    }

    @Test func `The model is asked for running rows alone, and for prompts that start together in one pass`() throws {
        let model = WatchedModel()
        let session = GenerationSession(GenerationEngine(model, maxBatchRows: 3))
        for (text, count) in [([5, 9, 30], 4), ([7], 2), ([8, 6], 3), ([11, 12], 2)] {
            _ = try session.admit(request(text, count: count))
        }
        var passes = [[WatchedModel.Pass]]()
        while !session.isEmpty {
            _ = session.step()
            passes.append(model.takePasses())
        }
        #expect(
            passes == [
                [.init(rows: 3, columns: 3)],  // Three prompts, padded to the longest.
                [.init(rows: 3, columns: 1), .init(rows: 1, columns: 2)],  // The second ends, and the fourth starts.
                [.init(rows: 3, columns: 1)],  // The third and the fourth end.
                [.init(rows: 1, columns: 1)],
            ])
    }

    @Test func `A batch of prompts asks for no row that has ended`() throws {
        let model = WatchedModel()
        let requests = (1...4).map { request([5, 9, 30 + $0], count: $0) }
        _ = try GenerationEngine(model).generate(requests)
        #expect(model.takePasses().map(\.rows) == [4, 3, 2, 1])
    }

    @Test func `A cancelled row keeps what it has, and the next one takes its place`() throws {
        let session = GenerationSession(GenerationEngine(TinyModel.shared, maxBatchRows: 2))
        var record = Record()
        let handles = try (0..<4).map { try session.admit(request([5 + $0, 9], count: 6)) }
        for _ in 0..<2 { record.note(session.step()) }
        #expect(session.runningCount == 2 && session.waitingCount == 2)
        let cancelled = try #require(session.cancel(handles[0]))
        #expect(cancelled.tokenIDs == record.tokens[handles[0]] && cancelled.tokenIDs.count == 2)
        #expect(cancelled.stopReason == .cancelled && cancelled.timings.decodeTokenCount == 1)
        let unread = try #require(session.cancel(handles[3]))
        #expect(unread.tokenIDs.isEmpty && unread.timings.prefillTokenCount == 0)
        #expect(session.cancel(handles[0]) == nil && session.cancel(handles[3]) == nil)
        #expect(session.runningCount == 1 && session.waitingCount == 1)
        while !session.isEmpty { record.note(session.step()) }
        for row in [1, 2] {
            let alone = try engine.generate(request([5 + row, 9], count: 6))
            #expect(record.results[handles[row]]?.tokenIDs == alone.tokenIDs)
        }
        #expect(Set(record.results.keys) == [handles[1], handles[2]])
    }

    @Test func `A released row is gone without a result, and the memory with the last one`() throws {
        let session = GenerationSession(engine)
        let running = try session.admit(request([5, 9], count: 6))
        _ = session.step()
        #expect(session.cacheByteCount > 0)
        let waiting = try session.admit(request([5], count: 6))
        session.release(running)
        session.release(waiting)
        session.release(waiting)
        #expect(session.isEmpty && session.cacheByteCount == 0)
        #expect(session.step().isEmpty && session.cancel(running) == nil)
    }

    @Test func `The owner's reason ends a row, also where its last token would have ended it`() throws {
        let session = GenerationSession(engine)
        let handle = try session.admit(request([5, 9], count: 6))
        _ = session.step()
        #expect(session.end(handle, because: .stopString)?.stopReason == .stopString)
        let result = try engine.generate(request([5, 9], count: 2)) { _ in .stop(.stopString) }
        #expect(result.tokenIDs.count == 1 && result.stopReason == .stopString)
        let last = try engine.generate(request([5, 9], count: 1)) { _ in .stop(.stopString) }
        #expect(last.tokenIDs.count == 1 && last.stopReason == .stopString)
    }

    @Test func `A row whose scores are no numbers fails alone, and its slot can be used again`() throws {
        let session = GenerationSession(GenerationEngine(WatchedModel(), maxBatchRows: 3))
        var record = Record()
        // The broken prompts are the longest: what they leave in the cache lies where the next rows have nothing.
        let broken = [5, 6, 7, 8, 9, 10, 11, 12, WatchedModel.poison, 14, 15]
        let texts = [broken, [5, 9, 30], [7, 8], [6], broken, [40, 41, 42, 43]]
        let handles = try texts.map { try session.admit(request($0, count: 9)) }
        while !session.isEmpty { record.note(session.step()) }
        for (handle, text) in zip(handles, texts) {
            if text == broken {
                #expect(record.errors[handle]?.description.contains("NaN or infinite") == true)
                #expect(record.tokens[handle] == nil && record.results[handle] == nil)
            } else {
                let alone = try engine.generate(request(text, count: 9)).tokenIDs
                #expect(record.results[handle]?.tokenIDs == alone && record.errors[handle] == nil)
            }
        }
        #expect(throws: GenerationError.self) {
            try GenerationEngine(WatchedModel()).generate([request([5], count: 2), request(broken, count: 2)])
        }
    }

    @Test func `A request that cannot be carried out is refused at once, and the session goes on`() throws {
        let session = GenerationSession(engine)
        let long = request([Int](repeating: 5, count: 64), count: 1)
        let error = #expect(throws: GenerationError.self) { try session.admit(long, named: "question 7") }
        #expect(error?.description.hasPrefix("question 7 has 64 tokens") == true)
        #expect(session.isEmpty)
        _ = try session.admit(request([5], count: 1))
        #expect(session.step().count == 2)
    }

    @Test func `The cache has memory for what came, and grows up to what is allowed`() throws {
        func bytes(_ rows: Int, _ capacity: Int) throws -> Int {
            try #require(TinyModel.shared.cacheByteCount(batch: rows, capacity: capacity))
        }
        let session = GenerationSession(GenerationEngine(TinyModel.shared, maxBatchRows: 6), answerRoom: 4)
        func step(_ count: Int) { for _ in 0..<count { _ = session.step() } }
        _ = try session.admit(request([5, 9, 30], count: 40))
        step(1)
        #expect(try session.cacheByteCount == bytes(1, 3 + 4))
        step(5)
        #expect(try session.cacheByteCount == bytes(1, 2 * 7))
        let others = try (0..<2).map { try session.admit(request([6 + $0], count: 3)) }
        step(1)
        #expect(try session.cacheByteCount == bytes(3, 14))
        others.forEach(session.release)
        let long = try session.admit(request([Int](repeating: 7, count: 20), count: 1))
        step(2)
        #expect(session.cancel(long) == nil)
        // A prompt of 20 needs 21 positions beside a row that has 10; its slot was there.
        #expect(try session.cacheByteCount == bytes(3, 21))
        step(40)
        #expect(session.isEmpty)
        let fresh = GenerationSession(GenerationEngine(TinyModel.shared), answerRoom: 4)
        _ = try fresh.admit(request([5, 9, 30], count: 15))
        for _ in 0..<14 { _ = fresh.step() }
        #expect(try fresh.cacheByteCount == bytes(1, 18))  // Not 28: no more than the prompt and its answer.
    }

    @Test func `A kept prompt is taken up beside other rows, and kept again`() throws {
        let prefix = PrefixCache()
        let text = [5, 9, 30, 7, 12, 13]
        _ = try engine.generate(request(text, count: 4), reusing: prefix)
        let session = GenerationSession(engine)
        var record = Record()
        _ = try session.admit(request([8, 6, 4], count: 12))
        record.note(session.step())
        let next = text + [20, 21]
        let handle = try session.admit(request(next, count: 5), reusing: prefix)
        while !session.isEmpty { record.note(session.step()) }
        let result = try #require(record.results[handle])
        #expect(result.cachedTokenCount == 6 && result.timings.prefillTokenCount == 2)
        #expect(try result.tokenIDs == engine.generate(request(next, count: 5)).tokenIDs)
        #expect(prefix.tokenCount == next.count + 4)
        let third = next + result.tokenIDs + [11]
        let last = try engine.generate(request(third, count: 5), reusing: prefix)
        #expect(try last.tokenIDs == engine.generate(request(third, count: 5)).tokenIDs)
        #expect(last.cachedTokenCount == next.count + 4)
    }

    @Test func `What is cancelled before it starts is not computed`() throws {
        let model = WatchedModel()
        let results = try GenerationEngine(model, maxBatchRows: 1).generate(
            [request([5], count: 3), request([6], count: 3)], isCancelled: { true })
        #expect(results.map(\.stopReason) == [.cancelled, .cancelled])
        #expect(results.allSatisfy(\.tokenIDs.isEmpty) && model.takePasses().isEmpty)
    }
}
