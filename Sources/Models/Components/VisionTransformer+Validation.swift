import NN

extension VisionTransformer.Config {
    /// Checks the ranges of the encoder's numbers.
    ///
    /// - Throws: ``ModelError`` that names the first value out of its range, and the range.
    public func validate() throws(ModelError) {
        let part = "vision encoder"
        try ConfigCheck.check("\(part) image_size", imageSize, 1...16_384)
        switch stem {
        case .patch(let size): try ConfigCheck.check("\(part) patch size", size, 1...1024)
        case .convolutional(let channels):
            try ConfigCheck.check("\(part) number of stem channels", channels.count, 0...8)
            for width in channels { try ConfigCheck.check("\(part) stem channels", width, 1...65_536) }
        }
        try ConfigCheck.check("\(part) image_size, in patches of \(patchSize) pixels,", gridSize, 1...16_384)
        try ConfigCheck.check("\(part) hidden_size", hiddenSize, 1...65_536)
        try ConfigCheck.check("\(part) intermediate_size", intermediateSize, 1...1_048_576)
        try ConfigCheck.check("\(part) layer_count", layerCount, 1...1024)
        try ConfigCheck.check("\(part) head_count", headCount, 1...1024)
        try ConfigCheck.divides("\(part) hidden_size", hiddenSize, "head_count", headCount)
        if let projectionSize { try ConfigCheck.check("\(part) projection_size", projectionSize, 1...65_536) }
        try ConfigCheck.check(positive: "\(part) norm_epsilon", normEpsilon)
    }
}
