import NN
import Settings

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension LLaMADecoder.Config {
    /// What the `config.json` beside published weights of a LLaMA says otherwise than this configuration, where no tensor's shape
    /// tells: other rotations load and give wrong scores.
    ///
    /// The epsilon is not compared: published models were trained with another than the LLaMA-2 that they began from. A file of
    /// another form contradicts nothing.
    /// - Returns: one clause per difference, such as `rope_theta is 500000.0 there and 10000.0 here`.
    public func contradictions(inPublished json: Data) -> [String] {
        guard let file = try? StrictJSON.decode(PublishedDecoderConfig.self, from: [UInt8](json), keys: .snakeCase),
            TextDecoderKind(rawValue: file.modelType ?? "") != nil
        else { return [] }
        do throws(ModelError) {
            if let object = try? StrictJSON([UInt8](json), depthLimit: 64) {
                _ = try PublishedDecoderConfig.keys.unknown(in: object)
            }
            let published = try file.decoder()
            var differences: [String] = []
            func compare<Value: Equatable>(_ name: String, _ there: Value, _ here: Value) {
                if there != here {
                    differences.append("\(name) is \(there) in the checkpoint and \(here) in the recipe")
                }
            }
            compare("rope_theta", published.ropeTheta, ropeTheta)
            if published.ropeScalingFactor != ropeScalingFactor || published.ropeBands != ropeBands {
                differences.append("the checkpoint and the recipe scale positions differently")
            }
            if file.numAttentionHeads != nil { compare("the number of heads", published.headCount, headCount) }
            return differences
        } catch {
            return [error.message]
        }
    }
}
