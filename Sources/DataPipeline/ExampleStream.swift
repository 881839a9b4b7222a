/// The examples of one kind in the order of their presentations, prepared ahead on a pool's threads.
///
/// Used by one thread at a time.
package final class ExampleStream {
    /// What became of one presentation.
    package typealias Outcome = Result<[Example], PresentationFailure>

    /// A record that could not be presented.
    package struct PresentationFailure: Error {
        package var entry: QuarantineEntry
    }

    /// An example and where it stands in the stream.
    package struct Placed {
        package var place: LoaderPosition.Carried
        package var example: Example
    }

    private let source: any ExampleSupply
    private let order: RecordOrder
    private let prefetch: OrderedPrefetch<Outcome>
    private let quarantine: Quarantine
    /// Examples that wait for a row.
    package var carried: [Placed]
    /// Presentations since the last that gave an example.
    private var fruitlessCount = 0

    /// - Parameters:
    ///   - order: which record each presentation shows.
    ///   - variation: what is drawn for a presentation; nil for none.
    ///   - isEndless: false to end after one pass.
    ///   - position: where to begin; nil for the start.
    package init(
        source: any ExampleSupply, order: RecordOrder, pool: WorkerPool, lookahead: Int, quarantine: Quarantine,
        isEndless: Bool, position: LoaderPosition.Stream?,
        variation: @escaping @Sendable (_ presentation: Int) -> ExampleSource.Variation?
    ) {
        self.source = source
        self.order = order
        self.quarantine = quarantine
        let make: @Sendable (Int) -> Outcome = { presentation in
            let entry = order.record(atPresentation: presentation)
            do {
                return .success(try source.examples(ofEntry: entry, variation: variation(presentation)))
            } catch {
                return .failure(PresentationFailure(entry: source.quarantineEntry(entry, error: error)))
            }
        }
        prefetch = OrderedPrefetch(
            pool: pool, lookahead: lookahead, start: position?.next ?? 0, end: isEndless ? nil : order.count, make: make
        )
        carried = (position?.carried ?? []).compactMap { place in
            guard case .success(let examples) = make(place.presentation), examples.indices.contains(place.piece) else {
                return nil
            }
            return Placed(place: place, example: examples[place.piece])
        }
    }

    /// The examples of the next presentation; none for a record that failed, nil at the end.
    /// - Throws: ``DataError`` when too many records failed.
    package func next() throws(DataError) -> [Placed]? {
        let presentation = prefetch.position
        guard let outcome = prefetch.next() else { return nil }
        switch outcome {
        case .success(let examples):
            quarantine.succeeded()
            if examples.isEmpty {
                let entry = unsupervised(order.record(atPresentation: presentation))
                try quarantine.skipped(entry)
                try checkThatSomethingIsLearnt(entry)
            } else {
                fruitlessCount = 0
            }
            return examples.enumerated().map { piece, example in
                Placed(place: LoaderPosition.Carried(presentation: presentation, piece: piece), example: example)
            }
        case .failure(let failure):
            try quarantine.failed(failure.entry)
            try checkThatSomethingIsLearnt(failure.entry)
            return []
        }
    }

    /// Ends a stream that would otherwise go through its records for ever.
    private func checkThatSomethingIsLearnt(_ last: QuarantineEntry) throws(DataError) {
        fruitlessCount += 1
        // Any twice as many presentations in a row hold a whole pass.
        guard fruitlessCount >= 2 * order.count else { return }
        throw DataError(
            "none of the \(order.count) records has a token to learn from: they are unreadable, have no answers, or have "
                + "their answers beyond the context; the last is \(last.id) (\(last.reason)); look at one with "
                + "`syrinx data inspect FILE --sample 0`, or raise data.contextLength")
    }

    private func unsupervised(_ entry: Int) -> QuarantineEntry {
        source.quarantineEntry(
            entry, error: DataError("skipped: it has no supervised token, so nothing can be learnt from it"))
    }

    /// Where the stream stands.
    package var position: LoaderPosition.Stream {
        LoaderPosition.Stream(next: prefetch.position, carried: carried.map(\.place))
    }
}

extension CorpusFolder {
    /// The line of the quarantine file for an index entry.
    package func quarantineEntry(_ number: Int, error: any Error) -> QuarantineEntry {
        let entry = index.entries[number]
        let shard = index.shards.indices.contains(entry.shard) ? index.shards[entry.shard].file : "shard \(entry.shard)"
        return QuarantineEntry(id: entry.id, source: entry.source, shard: shard, reason: "\(error)")
    }

    /// Numbers of the index entries, in the order of the index; of one split, kind or source where given.
    public func entries(split: CorpusSplit?, kind: CorpusKind? = nil, source: String? = nil) -> [Int] {
        index.entries.indices.filter { number in
            let entry = index.entries[number]
            return (split == nil || entry.split == split) && (kind == nil || entry.kind == kind)
                && (source == nil || entry.source == source)
        }
    }
}
