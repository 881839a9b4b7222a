import NN
import Settings

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension VisionTransformer.Config {
    /// What the configuration beside a published checkpoint says otherwise than this one, where no tensor's shape tells.
    ///
    /// QuickGELU and GELU, or 16 and 20 heads, have the same parameters: a wrong choice loads and gives wrong features.
    /// Reads Hugging Face's `config.json` (of a whole CLIP or of its encoder) and open_clip's `open_clip_config.json`; a
    /// file of another form contradicts nothing.
    /// - Returns: one clause per difference, such as `the activation is gelu there and quick_gelu here`.
    public func contradictions(inPublished json: Data) -> [String] {
        guard let published = try? StrictJSON.decode(PublishedVisionConfig.self, from: [UInt8](json), keys: .snakeCase)
        else {
            return []
        }
        var differences: [String] = []
        if let theirs = published.activation, Activation(published: theirs) != activation {
            differences.append(
                "the activation is \(theirs) in the checkpoint and \(activation.rawValue) in the recipe")
        }
        if let theirs = published.headCount, theirs != headCount {
            differences.append("the number of heads is \(theirs) in the checkpoint and \(headCount) in the recipe")
        }
        return differences
    }
}

/// The fields of either layout, those of the encoder alone at the top level.
private struct PublishedVisionConfig: Decodable {
    struct Encoder: Decodable {
        var hiddenAct: String?
        var numAttentionHeads: Int?
    }

    struct OpenCLIP: Decodable {
        struct Encoder: Decodable {
            var width: Int
            /// open_clip takes 64 where the file says nothing.
            var headWidth: Int?
        }

        var quickGelu: Bool?
        var visionCfg: Encoder
    }

    var hiddenAct: String?
    var numAttentionHeads: Int?
    var visionConfig: Encoder?
    var modelCfg: OpenCLIP?

    var activation: String? {
        if let modelCfg { return modelCfg.quickGelu == true ? "quick_gelu" : "gelu" }
        return visionConfig?.hiddenAct ?? hiddenAct
    }

    var headCount: Int? {
        if let encoder = modelCfg?.visionCfg { return encoder.width / max(encoder.headWidth ?? 64, 1) }
        return visionConfig?.numAttentionHeads ?? numAttentionHeads
    }
}
