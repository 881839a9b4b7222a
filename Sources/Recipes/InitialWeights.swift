import Checkpoints
import NN
import SyrinxModels

/// Published and earlier weights in the names and layout of a recipe's model.
struct InitialWeights {
    /// Weights that fill everything under their prefixes.
    struct Part {
        var weights: StateDict
        var prefixes: [String]
    }

    private let shape: ModelShape

    init(_ shape: ModelShape) { self.shape = shape }

    /// Where the vision encoder is.
    var visionPrefix: String {
        switch shape {
        case .mm1: "vision_encoder"
        case .mplugOwl: "vision_model"
        case .mplugOwl2: "model.vision_model"
        }
    }

    /// A whole model: what is recomputed is left out, the position table resized to the model's grid, and both branches of a
    /// modality-adaptive decoder start as the one that a plain decoder has.
    func whole(_ published: StateDict) -> Part {
        var weights = StateDict(
            published.pairs.filter { !$0.0.hasSuffix("rotary_emb.inv_freq") && !$0.0.hasSuffix("_pos_embed") })
        let name = visionPrefix + ".embeddings.position_embedding"
        if let table = weights[name] {
            switch shape {
            case .mm1: break
            case .mplugOwl(let config):
                weights[name] = OwlVisionTransformer.resizedPositions(table, for: config.visionEncoder)
            case .mplugOwl2(let config):
                weights[name] = OwlVisionTransformer.resizedPositions(table, for: config.visionEncoder)
            }
        }
        if case .mplugOwl2(let config) = shape { weights = MPLUGOwl2.branched(weights, for: config) }
        return Part(weights: weights, prefixes: [""])
    }

    /// A published CLIP.
    func vision(_ published: StateDict) throws(CheckpointError) -> Part {
        let weights: StateDict
        switch shape {
        case .mm1(let config):
            weights = try VisionTransformer.stateDict(fromPublished: published, for: config.visionEncoder)
        case .mplugOwl(let config):
            weights = try OwlVisionTransformer.stateDict(fromCLIP: published, for: config.visionEncoder)
        case .mplugOwl2(let config):
            weights = try OwlVisionTransformer.stateDict(fromCLIP: published, for: config.visionEncoder)
        }
        return Part(weights: weights.prefixed(with: visionPrefix), prefixes: [visionPrefix])
    }

    /// A published LLaMA.
    func language(_ published: StateDict) -> Part {
        switch shape {
        case .mm1, .mplugOwl:
            let weights = LLaMADecoder.stateDict(fromPublished: published, for: shape.languageModel)
            return Part(weights: weights.prefixed(with: "language_model"), prefixes: ["language_model"])
        case .mplugOwl2(let config):
            return Part(
                weights: MPLUGOwl2.languageModel(fromLLaMA: published, for: config),
                prefixes: ["model.layers", "model.embed_tokens", "model.norm", "lm_head"])
        }
    }
}
