public import Torch

/// How a published tensor is laid out differently from ours, in both directions.
public struct TensorTransform: Sendable {
    let toOwn: @Sendable (Tensor) -> Tensor
    let toPublished: @Sendable (Tensor) -> Tensor

    /// A transform of one's own; the second closure must undo the first.
    public init(toOwn: @escaping @Sendable (Tensor) -> Tensor, toPublished: @escaping @Sendable (Tensor) -> Tensor) {
        self.toOwn = toOwn
        self.toPublished = toPublished
    }

    /// The same layout.
    public static let identity = TensorTransform(toOwn: { $0 }, toPublished: { $0 })

    /// Two dimensions swapped, as in checkpoints of code that multiplies from the other side.
    public static func transposed(_ first: Int = 0, _ second: Int = 1) -> TensorTransform {
        TensorTransform(
            toOwn: { $0.transpose(first, second).contiguous() },
            toPublished: { $0.transpose(first, second).contiguous() })
    }

    /// The dimensions in another order: dimension `i` of ours is dimension `order[i]` of the published tensor.
    ///
    /// - Precondition: `order` holds every dimension once.
    public static func permuted(_ order: [Int]) -> TensorTransform {
        precondition(order.sorted() == Array(0..<order.count), "\(order) does not hold every dimension once")
        let inverse = order.indices.map { dim in order.firstIndex(of: dim) ?? 0 }
        return TensorTransform(
            toOwn: { $0.permute(order).contiguous() }, toPublished: { $0.permute(inverse).contiguous() })
    }

    /// The same elements under other sizes; -1 stands for the one size that follows from the others.
    public static func reshaped(own: [Int], published: [Int]) -> TensorTransform {
        TensorTransform(
            toOwn: { $0.contiguous().reshape(own) }, toPublished: { $0.contiguous().reshape(published) })
    }

    /// This transform, then another, on the way from the published tensor to ours.
    public func followed(by next: TensorTransform) -> TensorTransform {
        TensorTransform(
            toOwn: { next.toOwn(self.toOwn($0)) }, toPublished: { self.toPublished(next.toPublished($0)) })
    }
}
