public import NN
public import Torch

/// Average pooling: an n x n output grid over the patches, then one linear layer (arXiv 2403.09611, section 3.1).
///
/// n x n is the output, not the kernel: where the grid is no multiple of n, neighbouring cells overlap.
public struct AveragePoolConnector: Connector {
    public let tokenCount: Int
    private let inputGrid, outputGrid: Int
    private let projection: Linear

    /// - Parameter inputGrid: patches along a side.
    public init(tokenCount: Int, inputGrid: Int, visionWidth: Int, hiddenSize: Int, at path: ParameterPath) {
        self.tokenCount = tokenCount
        self.inputGrid = inputGrid
        outputGrid = squareSide(of: tokenCount)
        projection = Linear(visionWidth, hiddenSize, bias: true, at: path / "proj")
    }

    public func callAsFunction(_ features: Tensor) -> Tensor {
        let width = features.size(2)
        let grid = features.transpose(1, 2).reshape([-1, width, inputGrid, inputGrid])
        let pooled = adaptiveAvgPool2d(grid, height: outputGrid, width: outputGrid)
        return projection(pooled.flatten(2).transpose(1, 2))
    }
}

/// The side of a square of `count` tokens.
///
/// - Precondition: `count` is a square number.
func squareSide(of count: Int) -> Int {
    let side = Int(Double(count).squareRoot().rounded())
    precondition(side * side == count && count > 0, "a connector needs a square number of tokens, not \(count)")
    return side
}
