import Torch

extension Collator {
    /// Rows while they are filled.
    struct Rows {
        /// A medium's place and the flat positions it takes.
        private struct Place {
            let span: MediaSpan
            let positions: [Int64]
        }

        private let shape: [Int]
        private let names: String
        private var tokenIDs, positionIDs, labels: [Int64]
        private var segments: [SegmentLayout.Segment] = []
        private var places: [Place] = []
        private var media: [MediaBatch] = []
        private var textTokenCount = 0, supervisedTokenCount = 0, filledTokenCount = 0

        /// Writes text, labels and placeholders.
        init(_ rows: [[PromptLayout]], length: Int, contract: TokenContract, padID: Int) throws(ProcessorError) {
            let total = rows.count * length
            shape = [rows.count, length]
            names = rows.joined().map(\.name).prefix(3).joined(separator: ", ")
            tokenIDs = [Int64](repeating: Int64(padID), count: total)
            positionIDs = [Int64](repeating: 0, count: total)
            labels = [Int64](repeating: Int64(Labels.ignoreIndex), count: total)
            for (row, examples) in rows.enumerated() {
                var start = 0
                for example in examples {
                    try contract.check(example)
                    let count = example.tokenCount
                    guard start + count <= length else {
                        throw ProcessorError(
                            "\(example.name): \(count) tokens do not fit into row \(row), which has \(length - start) of "
                                + "\(length) left; raise the context length or shorten the text (media are never cut)")
                    }
                    try write(example, contract, at: row * length + start)
                    if count > 0 { segments.append(SegmentLayout.Segment(row: row, start: start, length: count)) }
                    start += count
                }
            }
        }

        private mutating func write(
            _ example: PromptLayout, _ contract: TokenContract, at base: Int
        ) throws(ProcessorError) {
            for (offset, token) in try example.tokenIDs(contract).enumerated() {
                tokenIDs[base + offset] = Int64(token)
                positionIDs[base + offset] = Int64(offset)
            }
            for (offset, label) in example.labels().enumerated() where label != Labels.ignoreIndex {
                labels[base + offset] = Int64(label)
                supervisedTokenCount += 1
            }
            var place = base
            for segment in example.segments {
                if case .media(let span) = segment {
                    let positions = (place..<place + span.tokenCount).map(Int64.init)
                    places.append(Place(span: span, positions: positions))
                }
                place += segment.tokenCount
            }
            textTokenCount += example.textTokenCount
            filledTokenCount += example.tokenCount
        }

        /// Puts items into the places, in order; those of one modality and shape become one batch.
        mutating func fill(with items: [PreparedMedia]) throws(ProcessorError) {
            try check(items.count)
            struct Kind: Hashable {
                let modality: Modality
                let shape: [Int]
                let isEncoded: Bool
            }
            var order: [Kind] = []
            var groups: [Kind: (items: [PreparedMedia], positions: [Int64])] = [:]
            for (item, place) in zip(items, places) {
                guard item.modality == place.span.modality, item.tokenCount == place.span.tokenCount else {
                    throw ProcessorError(
                        "batch of \(names): the place of \(place.span.title) takes \(place.span.tokenCount) tokens of the modality "
                            + "\(place.span.modality), but its item has the modality \(item.modality) and becomes "
                            + "\(item.tokenCount); give the items in the order of their places")
                }
                let kind = Kind(modality: item.modality, shape: item.values.shape, isEncoded: item.encoded != nil)
                if groups[kind] == nil { order.append(kind) }
                groups[kind, default: ([], [])].items.append(item)
                groups[kind, default: ([], [])].positions += place.positions
            }
            media = order.compactMap { groups[$0] }.map { MediaBatch($0.items, positions: $0.positions) }
        }

        /// Puts stacked values into the places of their modality, in order.
        mutating func fill(with values: [Modality: Tensor]) throws(ProcessorError) {
            try check(values.values.reduce(0) { $0 + $1.size(0) })
            // In the order of the modalities' first places, so that equal rows give equal batches.
            var order: [Modality] = []
            for place in places where !order.contains(place.span.modality) { order.append(place.span.modality) }
            for modality in order {
                let mine = places.filter { $0.span.modality == modality }
                guard let own = values[modality], own.size(0) == mine.count else {
                    throw ProcessorError(
                        "batch of \(names), ...: places for \(modality.counted(mine.count)), but values of "
                            + "\(values[modality]?.size(0) ?? 0); give one item per place, in the same order")
                }
                let positions = mine.flatMap(\.positions)
                media.append(
                    MediaBatch(
                        modality: modality, values: own, tokenCounts: mine.map(\.span.tokenCount),
                        positions: Tensor(positions, shape: [positions.count])))
            }
        }

        private func check(_ given: Int) throws(ProcessorError) {
            guard given == places.count else {
                throw ProcessorError(
                    "batch of \(names), ...: \(places.count) places for media "
                        + "(\(places.reduce(0) { $0 + $1.positions.count }) placeholder tokens), but values of \(given) items; "
                        + "give one item per place, in the same order")
            }
        }

        var collated: Collated {
            Collated(
                input: ModelInput(
                    tokenIDs: Tensor(tokenIDs, shape: shape), positionIDs: Tensor(positionIDs, shape: shape),
                    layout: SegmentLayout(rows: shape[0], columns: shape[1], segments: segments), media: media),
                labels: Tensor(labels, shape: shape), textTokenCount: textTokenCount,
                supervisedTokenCount: supervisedTokenCount, filledTokenCount: filledTokenCount)
        }
    }
}
