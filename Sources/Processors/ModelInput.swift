public import Torch

/// What every model takes: tokens with placeholders, and the images that fill them.
///
/// B rows, T positions, N images of height H and width W, V placeholder positions per image.
public struct ModelInput: Sendable {
    /// int64[B, T]; the image placeholder at images' positions, the padding token after the last example of a row.
    public var tokenIDs: Tensor
    /// int64[B, T]; counted from 0 in each example, 0 at padding.
    public var positionIDs: Tensor
    /// Which positions belong to one example and may attend to each other; padding belongs to none.
    public var layout: SegmentLayout
    /// float32[N, 3, H, W]; nil where there are no images.
    public var pixelValues: Tensor?
    /// int64[N * V]: flat index into B * T of each placeholder, images in order; nil where there are no images.
    public var visualPositions: Tensor?

    public init(
        tokenIDs: Tensor, positionIDs: Tensor, layout: SegmentLayout, pixelValues: Tensor? = nil,
        visualPositions: Tensor? = nil
    ) {
        self.tokenIDs = tokenIDs
        self.positionIDs = positionIDs
        self.layout = layout
        self.pixelValues = pixelValues
        self.visualPositions = visualPositions
    }

    /// The same input on another device.
    public func to(_ device: Device) -> ModelInput {
        ModelInput(
            tokenIDs: tokenIDs.to(device), positionIDs: positionIDs.to(device), layout: layout,
            pixelValues: pixelValues?.to(device), visualPositions: visualPositions?.to(device))
    }
}
