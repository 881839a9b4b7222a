public import Torch

/// What every model takes: tokens with placeholders, and the media that fill them.
///
/// B rows, T positions.
public struct ModelInput: Sendable {
    /// int64[B, T]; a modality's placeholder at the positions of its items, the padding token after the last example of a row.
    public var tokenIDs: Tensor
    /// int64[B, T]; counted from 0 in each example, 0 at padding.
    public var positionIDs: Tensor
    /// Which positions belong to one example and may attend to each other; padding belongs to none.
    public var layout: SegmentLayout
    /// The media, one batch for each modality and shape; empty where there are none.
    public var media: [MediaBatch]

    public init(tokenIDs: Tensor, positionIDs: Tensor, layout: SegmentLayout, media: [MediaBatch] = []) {
        self.tokenIDs = tokenIDs
        self.positionIDs = positionIDs
        self.layout = layout
        self.media = media
    }

    /// One row that is one example: positions counted from 0.
    public init(tokenIDs: [Int], media: [MediaBatch] = []) {
        let count = tokenIDs.count
        self.init(
            tokenIDs: Tensor(tokenIDs.map(Int64.init), shape: [1, count]),
            positionIDs: Tensor((0..<count).map(Int64.init), shape: [1, count]),
            layout: SegmentLayout(rows: 1, columns: count, segments: [.init(row: 0, start: 0, length: count)]),
            media: media)
    }

    /// Media items of all rows.
    public var mediaItemCount: Int { media.reduce(0) { $0 + $1.itemCount } }
    /// Positions that media fill.
    public var mediaTokenCount: Int { media.reduce(0) { $0 + $1.tokenCount } }
    /// Items of one modality.
    public func itemCount(of modality: Modality) -> Int {
        media.reduce(0) { $0 + ($1.modality == modality ? $1.itemCount : 0) }
    }

    /// int64[K]: the flat positions in B * T that media fill, batch after batch; nil for text alone.
    public var mediaPositions: Tensor? {
        switch media.count {
        case 0: nil
        case 1: media[0].positions
        default: Tensor.cat(media.map(\.positions), dim: 0)
        }
    }

    /// The same input on another device.
    public func to(_ device: Device) -> ModelInput {
        ModelInput(
            tokenIDs: tokenIDs.to(device), positionIDs: positionIDs.to(device), layout: layout,
            media: media.map { $0.to(device) })
    }

    /// The same input with the media's values in another dtype.
    public func castingMedia(to dtype: DType) -> ModelInput {
        var input = self
        for index in media.indices { input.media[index].values = media[index].values?.to(dtype) }
        return input
    }
}
