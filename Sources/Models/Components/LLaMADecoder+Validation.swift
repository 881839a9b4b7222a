import NN

extension LLaMADecoder.Config {
    /// Checks the ranges of the decoder's numbers.
    ///
    /// - Throws: ``ModelError`` that names the first value out of its range, and the range.
    public func validate() throws(ModelError) {
        let part = "language model"
        try ConfigCheck.check("\(part) vocabulary_size", vocabularySize, 1...16_777_216)
        try ConfigCheck.check("\(part) hidden_size", hiddenSize, 1...65_536)
        try ConfigCheck.check("\(part) intermediate_size", intermediateSize, 1...1_048_576)
        try ConfigCheck.check("\(part) layer_count", layerCount, 1...1024)
        try ConfigCheck.check("\(part) head_count", headCount, 1...1024)
        try ConfigCheck.check("\(part) key_value_head_count", keyValueHeadCount, 1...headCount)
        try ConfigCheck.divides("\(part) head_count", headCount, "key_value_head_count", keyValueHeadCount)
        try ConfigCheck.check("\(part) head_size", headSize, 2...65_536)
        try ConfigCheck.divides("\(part) head_size", headSize, "the pair of a rotation,", 2)
        try ConfigCheck.check("\(part) context_length", contextLength, 1...16_777_216)
        try ConfigCheck.check(positive: "\(part) norm_epsilon", normEpsilon)
        try ConfigCheck.check(positive: "\(part) rope_theta", ropeTheta)
        if let ropeScalingFactor {
            try ConfigCheck.check(positive: "\(part) rope_scaling factor", ropeScalingFactor)
        }
        try ropeBands?.validate(part)
    }
}

extension RotaryBands {
    /// Checks the ranges of the numbers that stretch frequencies.
    fileprivate func validate(_ part: String) throws(ModelError) {
        let length: Int
        let numbers: [(String, Double)]
        switch self {
        case .llama3(let factor, let low, let high, let trainedLength):
            length = trainedLength
            numbers = [("factor", factor), ("high_freq_factor - low_freq_factor", high - low)]
        case .yarn(let factor, let fast, let slow, let trainedLength, let attentionFactor, _):
            length = trainedLength
            numbers = [
                ("factor", factor), ("beta_fast", fast), ("beta_slow", slow), ("attention_factor", attentionFactor),
            ]
        }
        for (name, value) in numbers { try ConfigCheck.check(positive: "\(part) rope_scaling \(name)", value) }
        try ConfigCheck.check("\(part) rope_scaling original_max_position_embeddings", length, 1...16_777_216)
    }
}
