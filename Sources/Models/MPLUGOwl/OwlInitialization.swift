public import Checkpoints
public import NN
public import Torch

// Where training starts: a published CLIP for the encoder, a published LLaMA for the decoder, an earlier stage for everything.

extension OwlVisionTransformer.Config {
    /// The same encoder as CLIP's: what a published CLIP is compared with.
    public var clip: VisionTransformer.Config {
        VisionTransformer.Config(
            imageSize: imageSize, stem: .patch(size: patchSize), hiddenSize: hiddenSize,
            intermediateSize: intermediateSize, layerCount: layerCount, headCount: headCount, activation: activation,
            normEpsilon: normEpsilon, hasClassToken: hasClassToken)
    }

    /// How the encoder under a prefix starts from a published CLIP.
    func published(under prefix: String) -> PublishedPart {
        .clip(clip, prefix: prefix) { [self] (published) throws(CheckpointError) in
            try OwlVisionTransformer.stateDict(fromCLIP: published, for: self)
        }
    }

    /// The weights of a whole model without what is recomputed, the position table resized to the encoder's grid.
    func start(fromWhole weights: StateDict, under prefix: String) -> StateDict {
        var own = StateDict(
            weights.pairs.filter { !$0.0.hasSuffix("rotary_emb.inv_freq") && !$0.0.hasSuffix("_pos_embed") })
        let name = prefix + ".embeddings.position_embedding"
        if let table = own[name] { own[name] = OwlVisionTransformer.resizedPositions(table, for: self) }
        return own
    }
}

extension OwlVisionTransformer {
    /// A published CLIP encoder, in Hugging Face's or open_clip's names, in this encoder's names and layout.
    ///
    /// Query, key and value projections become one, head by head; the position table is resized to the grid.
    /// - Throws: `CheckpointError` when the checkpoint has no vision encoder or names that no layout knows.
    public static func stateDict(
        fromCLIP published: StateDict, for config: Config
    ) throws(CheckpointError) -> StateDict {
        let clip = try VisionTransformer.stateDict(fromPublished: published, for: config.clip)
        var own = StateDict()
        for (name, tensor) in clip.pairs {
            let parts = ["q_proj", "k_proj", "v_proj"]
            guard let part = parts.first(where: name.contains) else {
                own[renamed(name)] = reshaped(tensor, name)
                continue
            }
            guard part == parts[0] else { continue }
            let three = parts.compactMap { clip[name.replacing(part, with: $0)] }
            // Where one is missing, loading reports the fused name.
            if three.count == 3 {
                own[name.replacing(part, with: "query_key_value")] = interleaved(three, headCount: config.headCount)
            }
        }
        return own
    }

    private static func renamed(_ name: String) -> String {
        let names = [
            ("embeddings.class_embedding", "embeddings.cls_token"),
            ("embeddings.position_embedding.weight", "embeddings.position_embedding"),
            ("patch_embedding", "patch_embed"), ("pre_layrnorm", "embeddings.pre_layernorm"),
            ("layer_norm1", "input_layernorm"), ("layer_norm2", "post_attention_layernorm"),
            ("self_attn.out_proj", "self_attn.dense"),
        ]
        return names.reduce(name) { $0.replacing($1.0, with: $1.1) }
    }

    /// The class token as [1, 1, W] and the position table as [1, 1 + L, W]; everything else as it is.
    private static func reshaped(_ tensor: Tensor, _ name: String) -> Tensor {
        switch name {
        case "embeddings.class_embedding": tensor.reshape([1, 1, -1])
        case "embeddings.position_embedding.weight": tensor.unsqueeze(0)
        default: tensor
        }
    }

    /// Three projections [W, ...] as one [3 W, ...] whose rows are q, k, v of head 0, then of head 1, ...
    private static func interleaved(_ parts: [Tensor], headCount: Int) -> Tensor {
        let shape = parts[0].shape
        let heads = parts.map { $0.reshape([headCount, 1, shape[0] / headCount] + shape.dropFirst()) }
        return Tensor.cat(heads, dim: 1).reshape([3 * shape[0]] + shape.dropFirst())
    }

    /// A position table [1, rows, W] interpolated to another grid, as CLIP's is; the same table where the grids agree.
    public static func resizedPositions(_ table: Tensor, for config: Config) -> Tensor {
        guard config.hasClassToken, table.shape.count == 3 else { return table }
        return VisionTransformer.resizedPositions(table.select(dim: 0, index: 0), for: config.clip).unsqueeze(0)
    }
}

extension MPLUGOwl2 {
    /// A published LLaMA as the decoder: both branches of the modality-adaptive module start as its norms, keys and values.
    ///
    /// Names of the whole model: `model.` and `lm_head.`.
    public static func languageModel(fromLLaMA published: StateDict, for config: Config) -> StateDict {
        let plain = LLaMADecoder.stateDict(fromPublished: published, for: config.languageModel)
        var own = StateDict()
        for (name, tensor) in plain.pairs { own[textBranchName(of: name)] = tensor }
        return branched(own, for: config)
    }

    /// The weights of an mPLUG-Owl2 whose decoder is plain for one whose decoder is modality-adaptive: the branch for images is a
    /// copy of that for text. Weights that have both branches, and those for a plain decoder, are returned as they are.
    public static func branched(_ weights: StateDict, for config: Config) -> StateDict {
        guard config.isModalityAdaptive, !weights.names.contains(where: { textBranch(of: $0) != nil }) else {
            return weights
        }
        var both = weights
        for (name, tensor) in weights.pairs where name.contains(".multiway.0.") {
            both[name.replacing(".multiway.0.", with: ".multiway.1.")] = tensor
        }
        return both
    }

    /// Where a weight of a plain LLaMA goes.
    private static func textBranchName(of name: String) -> String {
        let doubled = ["k_proj", "v_proj", "input_layernorm", "post_attention_layernorm"]
        guard let part = doubled.first(where: { name.contains(".\($0).") }) else { return name }
        return name.replacing(".\(part).", with: ".\(part).multiway.0.")
    }

    /// The text branch's name of a parameter of the image branch; nil for every other parameter.
    public static func textBranch(of name: String) -> String? {
        name.contains(".multiway.1.") ? name.replacing(".multiway.1.", with: ".multiway.0.") : nil
    }
}
