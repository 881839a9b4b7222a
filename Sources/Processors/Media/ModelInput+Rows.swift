public import Torch

// Rows are cut and put together here and nowhere else: whoever needs a part of a batch asks for it.

extension ModelInput {
    /// Some of the rows, with the media in them.
    ///
    /// - Precondition: no item lies in two rows.
    public func rows(_ range: Range<Int>) -> ModelInput {
        let columns = tokenIDs.size(1)
        func narrowed(_ tensor: Tensor) -> Tensor {
            tensor.narrow(dim: 0, start: range.lowerBound, length: range.count)
        }
        return ModelInput(
            tokenIDs: narrowed(tokenIDs), positionIDs: narrowed(positionIDs),
            layout: SegmentLayout(
                rows: range.count, columns: columns,
                segments: layout.segments.filter { range.contains($0.row) }.map {
                    .init(row: $0.row - range.lowerBound, start: $0.start, length: $0.length)
                }), media: media(from: range.lowerBound * columns, to: range.upperBound * columns))
    }

    /// One row without its first `count` positions and the media in them.
    ///
    /// - Precondition: there is one row, and no item is cut.
    public func dropping(first count: Int) -> ModelInput {
        guard count > 0 else { return self }
        let length = tokenIDs.size(1) - count
        precondition(tokenIDs.size(0) == 1, "positions are dropped from one row, not from \(tokenIDs.size(0))")
        return ModelInput(
            tokenIDs: tokenIDs.narrow(dim: 1, start: count, length: length),
            positionIDs: positionIDs.narrow(dim: 1, start: count, length: length),
            layout: SegmentLayout(rows: 1, columns: length, segments: [.init(row: 0, start: 0, length: length)]),
            media: media(from: count, to: count + length))
    }

    /// The media whose positions lie in a range of flat positions, which becomes the whole.
    private func media(from start: Int, to end: Int) -> [MediaBatch] {
        media.flatMap { batch in
            let positions = batch.positions.array(of: Int64.self)
            var first = 0
            let starts = batch.tokenCounts.map { count in
                defer { first += count }
                return first
            }
            // An item belongs where its first position is; one without positions can belong nowhere.
            let members = batch.tokenCounts.indices.filter { item in
                batch.tokenCounts[item] > 0 && (start..<end).contains(Int(positions[starts[item]]))
            }
            return members.runs.compactMap { run in
                let last = run.upperBound - 1
                let own = positions[starts[run.lowerBound]..<starts[last] + batch.tokenCounts[last]]
                precondition(own.allSatisfy { (start..<end).contains(Int($0)) }, "a cut goes through a media item")
                return batch.items(run, positions: own.map { $0 - Int64(start) }, device: batch.positions.device)
            }
        }
    }

    /// One-row inputs as the rows of one, padded at the right to the longest.
    ///
    /// Padding has token 0, goes on counting positions and belongs to no segment. Under a causal mask nothing before
    /// it is changed by it, and its own outputs mean nothing. Media of one modality and shape become one batch, those that
    /// are encoded already apart from those that are not.
    /// - Precondition: there is an input, and each has one row.
    public static func batch(_ inputs: [ModelInput]) -> ModelInput {
        if inputs.count == 1 { return inputs[0] }
        let columnCount = inputs.map { $0.tokenIDs.shape[1] }.max() ?? 0
        var tokenIDs = [Int64]()
        var positionIDs = [Int64]()
        var segments = [SegmentLayout.Segment]()
        var media = [MediaBatch]()
        for (row, input) in inputs.enumerated() {
            precondition(input.tokenIDs.shape[0] == 1, "row \(row) of a batch has \(input.tokenIDs.shape[0]) rows")
            let own = input.tokenIDs.array(of: Int64.self)
            let padding = columnCount - own.count
            tokenIDs += own + [Int64](repeating: 0, count: padding)
            positionIDs += input.positionIDs.array(of: Int64.self)
            positionIDs += (0..<padding).map { Int64(own.count + $0) }
            segments += input.layout.segments.map {
                SegmentLayout.Segment(row: row, start: $0.start, length: $0.length)
            }
            media += input.media.map { $0.moved(by: row * columnCount) }
        }
        let device = inputs[0].tokenIDs.device
        let shape = [inputs.count, columnCount]
        return ModelInput(
            tokenIDs: Tensor(tokenIDs, shape: shape).to(device),
            positionIDs: Tensor(positionIDs, shape: shape).to(device),
            layout: SegmentLayout(rows: inputs.count, columns: columnCount, segments: segments),
            media: MediaBatch.merged(media))
    }
}

extension MediaBatch {
    fileprivate func moved(by offset: Int) -> MediaBatch {
        guard offset > 0 else { return self }
        var batch = self
        let moved = positions.array(of: Int64.self).map { $0 + Int64(offset) }
        batch.positions = Tensor(moved, shape: [moved.count]).to(positions.device)
        return batch
    }

    /// What batches must have in common to become one.
    private struct Kind: Hashable {
        let modality: Modality
        let shape: [Int]?
        let isEncoded: Bool
    }

    private var kind: Kind {
        Kind(
            modality: modality, shape: encoded == nil ? values.map { Array($0.shape.dropFirst()) } : nil,
            isEncoded: encoded != nil)
    }

    /// Batches of one kind as one, in the order of their first ones; what is encoded needs no values any more.
    fileprivate static func merged(_ batches: [MediaBatch]) -> [MediaBatch] {
        var order: [Kind] = []
        var members: [Kind: [MediaBatch]] = [:]
        for batch in batches {
            if members[batch.kind] == nil { order.append(batch.kind) }
            members[batch.kind, default: []].append(batch)
        }
        return order.compactMap { members[$0] }.map { group in
            guard group.count > 1 else { return group[0] }
            let encoded = group.compactMap(\.encoded)
            return MediaBatch(
                modality: group[0].modality,
                values: encoded.isEmpty ? Tensor.cat(group.compactMap(\.values), dim: 0) : nil,
                tokenCounts: group.flatMap(\.tokenCounts), positions: Tensor.cat(group.map(\.positions), dim: 0),
                encoded: encoded.count == group.count ? Tensor.cat(encoded, dim: 0) : nil, ids: group.flatMap(\.ids))
        }
    }
}

extension [Int] {
    /// Rising numbers as ranges of neighbours.
    fileprivate var runs: [Range<Int>] {
        reduce(into: []) { runs, number in
            if let last = runs.last, last.upperBound == number {
                runs[runs.count - 1] = last.lowerBound..<number + 1
            } else {
                runs.append(number..<number + 1)
            }
        }
    }
}
