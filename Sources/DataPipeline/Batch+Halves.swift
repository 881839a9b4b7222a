import Processors
import Torch

extension Batch {
    /// The first and the second half of the rows, each with its own media.
    public func halves() -> (Batch, Batch)? {
        let rows = labels.size(0)
        guard rows > 1 else { return nil }
        func part(_ range: Range<Int>) -> Batch {
            var part = self
            part.labels = labels.narrow(dim: 0, start: range.lowerBound, length: range.count)
            part.input = input.rows(range)
            part.rowSources = Array(rowSources[range])
            part.itemIDs = zip(itemIDs, input.layout.segments).filter { range.contains($1.row) }.map(\.0)
            part.imageCount = part.input.itemCount(of: .image)
            part.supervisedTokenCount = Int(part.labels.notEqual(to: Double(ignoreIndex)).sum().item())
            part.filledTokenCount = part.input.layout.segments.reduce(0) { $0 + $1.length }
            part.textTokenCount = part.filledTokenCount - part.input.mediaTokenCount
            return part
        }
        return (part(0..<rows / 2), part(rows / 2..<rows))
    }
}
