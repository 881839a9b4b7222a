import Synchronization

/// In which order the records of one kind are presented: a new permutation in every pass.
///
/// Presentation number p is record p mod n of pass p / n; both are found from the seed without walking there.
package final class RecordOrder: Sendable {
    /// Index entries, each as often as it is repeated in one pass.
    private let records: [Int]
    /// Nil: the order of the index, for validation.
    private let seed: UInt64?
    private let stream: Int
    private let latest = Mutex<[(pass: Int, order: [Int])]>([])

    /// - Parameters:
    ///   - records: numbers of index entries; not empty.
    ///   - seed: nil for the given order in every pass.
    ///   - stream: tells apart orders with one seed.
    package init(records: [Int], seed: UInt64?, stream: Int) {
        self.records = records
        self.seed = seed
        self.stream = stream
    }

    /// Presentations in one pass.
    package var count: Int { records.count }

    /// The index entry of a presentation.
    package func record(atPresentation presentation: Int) -> Int {
        let (pass, place) = presentation.quotientAndRemainder(dividingBy: records.count)
        guard let seed else { return records[place] }
        return latest.withLock { latest in
            if let known = latest.first(where: { $0.pass == pass }) { return known.order[place] }
            var order = records
            var random = KeyedRandom(seed: seed, purpose: .order, stream, pass)
            random.shuffle(&order)
            // Two passes are kept, because reading ahead straddles the end of a pass.
            if latest.count > 1 { latest.removeFirst() }
            latest.append((pass, order))
            return order[place]
        }
    }
}
