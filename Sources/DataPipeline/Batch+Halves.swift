import Processors
import Torch

extension Batch {
    /// The first and the second half of the rows, each with its own images.
    public func halves() -> (Batch, Batch)? {
        let rows = labels.size(0), columns = labels.size(1)
        guard rows > 1 else { return nil }
        let positions = input.visualPositions?.array(of: Int64.self) ?? []
        let perImage = imageCount > 0 ? positions.count / imageCount : 0
        func part(_ range: Range<Int>) -> Batch {
            let start = Int64(range.lowerBound * columns), end = Int64(range.upperBound * columns)
            let mine = positions.indices.filter { positions[$0] >= start && positions[$0] < end }
            let images = perImage > 0 ? mine.count / perImage : 0
            let firstImage = perImage > 0 ? (mine.first ?? 0) / perImage : 0
            var part = self
            func narrowed(_ tensor: Tensor) -> Tensor {
                tensor.narrow(dim: 0, start: range.lowerBound, length: range.count)
            }
            part.labels = narrowed(labels)
            part.input = ModelInput(
                tokenIDs: narrowed(input.tokenIDs), positionIDs: narrowed(input.positionIDs),
                layout: SegmentLayout(
                    rows: range.count, columns: columns,
                    segments: input.layout.segments.filter { range.contains($0.row) }.map {
                        .init(row: $0.row - range.lowerBound, start: $0.start, length: $0.length)
                    }),
                pixelValues: images > 0 ? input.pixelValues?.narrow(dim: 0, start: firstImage, length: images) : nil,
                visualPositions: images > 0 ? Tensor(mine.map { positions[$0] - start }).to(labels.device) : nil)
            part.rowSources = Array(rowSources[range])
            part.itemIDs = zip(itemIDs, input.layout.segments).filter { range.contains($1.row) }.map(\.0)
            part.imageCount = images
            part.supervisedTokenCount = Int(part.labels.notEqual(to: Double(ignoreIndex)).sum().item())
            part.filledTokenCount = part.input.layout.segments.reduce(0) { $0 + $1.length }
            part.textTokenCount = part.filledTokenCount - mine.count
            return part
        }
        return (part(0..<rows / 2), part(rows / 2..<rows))
    }
}
