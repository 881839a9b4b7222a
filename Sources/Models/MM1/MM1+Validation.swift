import NN

extension MM1.Config {
    /// Checks that the numbers describe a model that can be built.
    ///
    /// - Throws: ``ModelError`` that names the first value out of its range, and the range.
    public func validate() throws(ModelError) {
        try visionEncoder.validate()
        try languageModel.validate()
        try ConfigCheck.check("connector token_count", connector.tokenCount, 1...65_536)
        let side = Int(Double(connector.tokenCount).squareRoot().rounded())
        guard side * side == connector.tokenCount else {
            throw ModelError(
                message: "the model's connector token_count is \(connector.tokenCount); it must be a square number")
        }
        switch connector {
        case .averagePool: break
        case .attentionPool(_, let headCount):
            try ConfigCheck.check("connector head_count", headCount, 1...1024)
            try ConfigCheck.divides(
                "language model hidden_size", languageModel.hiddenSize, "connector head_count", headCount)
        case .cAbstractor(_, let innerWidth, let depth, let readoutDepth):
            try ConfigCheck.check("connector inner_width", innerWidth, 1...65_536)
            try ConfigCheck.check("connector depth", depth, 0...256)
            try ConfigCheck.check("connector readout_depth", readoutDepth, 1...256)
        }
        try ConfigCheck.check("image_placeholder", imagePlaceholder, 0...(languageModel.vocabularySize - 1))
    }
}
