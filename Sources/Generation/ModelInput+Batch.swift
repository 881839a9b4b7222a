public import Processors
import Torch

extension ModelInput {
    /// Number of images.
    public var imageCount: Int { pixelValues?.shape[0] ?? 0 }

    /// One-row inputs as the rows of one, padded at the right to the longest.
    ///
    /// Padding has token 0, goes on counting positions and belongs to no segment. Under a causal mask nothing before
    /// it is changed by it, and its own outputs mean nothing.
    /// - Precondition: every input has one row; all images have the same size.
    package static func batch(_ inputs: [ModelInput]) -> ModelInput {
        if inputs.count == 1 { return inputs[0] }
        let columnCount = inputs.map { $0.tokenIDs.shape[1] }.max() ?? 0
        var tokenIDs = [Int64]()
        var positionIDs = [Int64]()
        var visualPositions = [Int64]()
        var segments = [SegmentLayout.Segment]()
        for (row, input) in inputs.enumerated() {
            precondition(input.tokenIDs.shape[0] == 1, "row \(row) of a batch has \(input.tokenIDs.shape[0]) rows")
            let own = input.tokenIDs.array(of: Int64.self)
            let padding = columnCount - own.count
            tokenIDs += own + [Int64](repeating: 0, count: padding)
            positionIDs += input.positionIDs.array(of: Int64.self)
            positionIDs += (0..<padding).map { Int64(own.count + $0) }
            if let own = input.visualPositions?.array(of: Int64.self) {
                visualPositions += own.map { $0 + Int64(row * columnCount) }
            }
            segments += input.layout.segments.map {
                SegmentLayout.Segment(row: row, start: $0.start, length: $0.length)
            }
        }
        let device = inputs[0].tokenIDs.device
        let shape = [inputs.count, columnCount]
        let pixelValues = inputs.compactMap(\.pixelValues)
        return ModelInput(
            tokenIDs: Tensor(tokenIDs, shape: shape).to(device),
            positionIDs: Tensor(positionIDs, shape: shape).to(device),
            layout: SegmentLayout(rows: inputs.count, columns: columnCount, segments: segments),
            pixelValues: pixelValues.isEmpty ? nil : Tensor.cat(pixelValues, dim: 0),
            visualPositions: visualPositions.isEmpty
                ? nil : Tensor(visualPositions, shape: [visualPositions.count]).to(device))
    }
}
