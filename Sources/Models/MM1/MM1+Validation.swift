extension MM1.Config {
    /// Checks that the numbers describe a model that can be built.
    ///
    /// - Throws: ``ModelError`` that names the first value out of its range, and the range.
    public func validate() throws(ModelError) {
        try visionEncoder.validate()
        try languageModel.validate()
        try Self.check("connector token_count", connector.tokenCount, 1...65_536)
        let side = Int(Double(connector.tokenCount).squareRoot().rounded())
        guard side * side == connector.tokenCount else {
            throw ModelError(
                message: "the model's connector token_count is \(connector.tokenCount); it must be a square number")
        }
        switch connector {
        case .averagePool: break
        case .attentionPool(_, let headCount):
            try Self.check("connector head_count", headCount, 1...1024)
            try Self.divides("language model hidden_size", languageModel.hiddenSize, "connector head_count", headCount)
        case .cAbstractor(_, let innerWidth, let depth, let readoutDepth):
            try Self.check("connector inner_width", innerWidth, 1...65_536)
            try Self.check("connector depth", depth, 0...256)
            try Self.check("connector readout_depth", readoutDepth, 1...256)
        }
        try Self.check("image_placeholder", imagePlaceholder, 0...(languageModel.vocabularySize - 1))
    }

    static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(ModelError) {
        guard range.contains(value) else {
            throw ModelError(
                message: "the model's \(name) is \(value); it must lie in \(range.lowerBound)...\(range.upperBound)")
        }
    }

    static func divides(_ name: String, _ value: Int, _ partName: String, _ part: Int) throws(ModelError) {
        guard value % part == 0 else {
            throw ModelError(message: "the model's \(name) is \(value), which \(partName) \(part) does not divide")
        }
    }

    static func check(positive name: String, _ value: Double) throws(ModelError) {
        guard value > 0, value.isFinite else {
            throw ModelError(message: "the model's \(name) is \(value); it must be a positive number")
        }
    }
}

extension VisionTransformer.Config {
    /// Checks the ranges of the encoder's numbers.
    func validate() throws(ModelError) {
        let part = "vision encoder"
        try MM1.Config.check("\(part) image_size", imageSize, 1...16_384)
        switch stem {
        case .patch(let size): try MM1.Config.check("\(part) patch size", size, 1...1024)
        case .convolutional(let channels):
            try MM1.Config.check("\(part) number of stem channels", channels.count, 0...8)
            for width in channels { try MM1.Config.check("\(part) stem channels", width, 1...65_536) }
        }
        try MM1.Config.divides("\(part) image_size", imageSize, "the patch size", patchSize)
        try MM1.Config.check("\(part) hidden_size", hiddenSize, 1...65_536)
        try MM1.Config.check("\(part) intermediate_size", intermediateSize, 1...1_048_576)
        try MM1.Config.check("\(part) layer_count", layerCount, 1...1024)
        try MM1.Config.check("\(part) head_count", headCount, 1...1024)
        try MM1.Config.divides("\(part) hidden_size", hiddenSize, "head_count", headCount)
        if let projectionSize { try MM1.Config.check("\(part) projection_size", projectionSize, 1...65_536) }
        try MM1.Config.check(positive: "\(part) norm_epsilon", normEpsilon)
    }
}

extension LLaMADecoder.Config {
    /// Checks the ranges of the decoder's numbers.
    func validate() throws(ModelError) {
        let part = "language model"
        try MM1.Config.check("\(part) vocabulary_size", vocabularySize, 1...16_777_216)
        try MM1.Config.check("\(part) hidden_size", hiddenSize, 1...65_536)
        try MM1.Config.check("\(part) intermediate_size", intermediateSize, 1...1_048_576)
        try MM1.Config.check("\(part) layer_count", layerCount, 1...1024)
        try MM1.Config.check("\(part) head_count", headCount, 1...1024)
        try MM1.Config.check("\(part) key_value_head_count", keyValueHeadCount, 1...headCount)
        try MM1.Config.divides("\(part) head_count", headCount, "key_value_head_count", keyValueHeadCount)
        try MM1.Config.check("\(part) head_size", headSize, 2...65_536)
        try MM1.Config.divides("\(part) head_size", headSize, "the pair of a rotation,", 2)
        try MM1.Config.check("\(part) context_length", contextLength, 1...16_777_216)
        try MM1.Config.check(positive: "\(part) norm_epsilon", normEpsilon)
        try MM1.Config.check(positive: "\(part) rope_theta", ropeTheta)
    }
}
