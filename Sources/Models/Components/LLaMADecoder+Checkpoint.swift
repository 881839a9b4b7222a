public import NN
public import Torch

extension LLaMADecoder {
    /// Translates a published `LlamaForCausalLM` checkpoint into this decoder's names and rotary layout.
    ///
    /// Hugging Face's weights rotate coordinate i together with i + D/2. For a decoder that rotates neighbours, the rows
    /// of the query and key projections are reordered so that the pairs become neighbours: scores stay as they are.
    /// The recomputed `rotary_emb.inv_freq` is left out.
    public static func stateDict(fromPublished published: StateDict, for config: Config) -> StateDict {
        StateDict(
            published.pairs.compactMap { name, tensor in
                if name.hasSuffix("rotary_emb.inv_freq") { return nil }
                let isRotated = name.hasSuffix("q_proj.weight") || name.hasSuffix("k_proj.weight")
                guard isRotated, config.ropeLayout == .interleaved else { return (name, tensor) }
                return (name, neighbouringPairs(tensor, headSize: config.headSize))
            })
    }

    /// Rows of a projection [heads * D, in] reordered within each head: i and i + D/2 become 2i and 2i + 1.
    public static func neighbouringPairs(_ weight: Tensor, headSize: Int) -> Tensor {
        let (rows, columns) = (weight.size(0), weight.size(1))
        return weight.reshape([rows / headSize, 2, headSize / 2, columns]).transpose(1, 2)
            .reshape([rows, columns])
    }
}
