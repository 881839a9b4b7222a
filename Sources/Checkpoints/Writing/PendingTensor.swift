public import Torch

/// A tensor that is made when its turn to be written comes, so that a checkpoint never lies in memory whole.
public struct PendingTensor {
    public let name: String
    public let dtype: DType
    public let shape: [Int]
    let make: () throws(CheckpointError) -> Tensor
    let release: () -> Void

    /// Bytes of the values.
    public var byteCount: Int { shape.reduce(dtype.byteCount, *) }

    /// - Parameters:
    ///   - make: gives the values, of exactly this dtype and shape.
    ///   - release: told when they are written.
    public init(
        _ name: String, dtype: DType, shape: [Int], make: @escaping () throws(CheckpointError) -> Tensor,
        release: @escaping () -> Void = {}
    ) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.make = make
        self.release = release
    }

    /// A tensor that is there already.
    public init(_ name: String, _ tensor: Tensor) {
        self.init(name, dtype: tensor.dtype, shape: tensor.shape, make: { () throws(CheckpointError) in tensor })
    }
}
