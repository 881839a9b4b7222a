public import Checkpoints
public import NN
public import Torch

extension VisionTransformer {
    /// Translates a published CLIP checkpoint, whole or vision part only, into this encoder's names.
    ///
    /// Understands Hugging Face's layout, with and without the prefix `vision_model.`, and open_clip's (OpenAI's), whose
    /// attention projections are one matrix in the order query, key, value. The text tower is left out on purpose. The
    /// position table is resized when the grids differ.
    /// - Throws: `CheckpointError` when the checkpoint has no vision encoder or names that neither layout knows.
    public static func stateDict(
        fromPublished published: StateDict, for config: Config
    ) throws(CheckpointError) -> StateDict {
        var own: StateDict
        if published.names.contains("visual.conv1.weight") {
            own = try openCLIPAdapter.ownStateDict(from: published.under("visual"))
        } else {
            let prefixed = published.names.contains { $0.hasPrefix("vision_model.") }
            own = prefixed ? published.under("vision_model") : published
            own["embeddings.position_ids"] = nil
            if prefixed, let projection = published["visual_projection.weight"] {
                own["visual_projection.weight"] = projection
            }
        }
        if config.projectionSize == nil { own["visual_projection.weight"] = nil }
        let name = "embeddings.position_embedding.weight"
        if let table = own[name] { own[name] = resizedPositions(table, for: config) }
        return own
    }

    /// open_clip's names of the vision tower, without `visual.`.
    private static var openCLIPAdapter: StateDictAdapter {
        let block = "transformer.resblocks.{}", layer = "encoder.layers.{}"
        var rules: [StateDictAdapter.Rule] = [
            .name(published: "class_embedding", own: "embeddings.class_embedding"),
            .name(published: "positional_embedding", own: "embeddings.position_embedding.weight"),
            .name(published: "conv1.weight", own: "embeddings.patch_embedding.weight"),
            // open_clip multiplies from the right.
            .name(published: "proj", own: "visual_projection.weight", .transposed()),
        ]
        let norms = [
            ("ln_pre", "pre_layrnorm"), ("ln_post", "post_layernorm"), ("\(block).ln_1", "\(layer).layer_norm1"),
            ("\(block).ln_2", "\(layer).layer_norm2"), ("\(block).attn.out_proj", "\(layer).self_attn.out_proj"),
            ("\(block).mlp.c_fc", "\(layer).mlp.fc1"), ("\(block).mlp.c_proj", "\(layer).mlp.fc2"),
        ]
        for kind in ["weight", "bias"] {
            rules += norms.map { .name(published: "\($0.0).\(kind)", own: "\($0.1).\(kind)") }
            rules.append(
                .split(
                    published: "\(block).attn.in_proj_\(kind)",
                    own: ["q", "k", "v"].map { "\(layer).self_attn.\($0)_proj.\(kind)" }))
        }
        return StateDictAdapter(rules)
    }

    /// A position table [rows, W] interpolated to another grid, the class token's row kept.
    ///
    /// Bicubic with antialiasing and corners not aligned, as open_clip does. The same table when the grids agree, or when
    /// its rows are no square grid (loading then reports the mismatch).
    public static func resizedPositions(_ table: Tensor, for config: Config) -> Tensor {
        let extra = config.hasClassToken ? 1 : 0
        let patches = table.size(0) - extra
        let side = Int(Double(max(patches, 0)).squareRoot().rounded())
        guard side * side == patches, side != config.gridSize, side > 0 else { return table }
        let grid = table.narrow(dim: 0, start: extra, length: patches).to(.float32)
        let resized = Self.resizedGrid(grid, to: config.gridSize).to(table.dtype)
        return extra == 0 ? resized : Tensor.cat([table.narrow(dim: 0, start: 0, length: 1), resized], dim: 0)
    }

    /// float32 [n * n, W] to [size * size, W].
    static func resizedGrid(_ grid: Tensor, to size: Int) -> Tensor {
        let side = Int(Double(grid.size(0)).squareRoot().rounded())
        let image = grid.reshape([1, side, side, grid.size(1)]).permute([0, 3, 1, 2])
        return interpolate(image, height: size, width: size, mode: .bicubic, antialias: true)
            .permute([0, 2, 3, 1]).reshape([size * size, grid.size(1)])
    }
}

extension CAbstractor {
    /// The position table [1, n * n, C] of a C-Abstractor interpolated to another grid, as the encoder's is.
    public static func resizedPositions(_ table: Tensor, toGrid size: Int) -> Tensor {
        VisionTransformer.resizedGrid(table.select(dim: 0, index: 0).to(.float32), to: size)
            .to(table.dtype).unsqueeze(0)
    }
}
