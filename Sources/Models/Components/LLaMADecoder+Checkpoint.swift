public import NN
public import Torch

extension LLaMADecoder {
    /// Translates a published `LlamaForCausalLM` checkpoint into this decoder's names and rotary layout.
    ///
    /// Hugging Face's weights rotate coordinate i together with i + D/2. For a decoder that rotates neighbours, the rows
    /// of the query and key projections, and of their biases, are reordered so that the pairs become neighbours: scores stay
    /// as they are.
    /// The recomputed `rotary_emb.inv_freq` is left out.
    public static func stateDict(fromPublished published: StateDict, for config: Config) -> StateDict {
        StateDict(
            published.pairs.compactMap { name, tensor in
                if name.hasSuffix("rotary_emb.inv_freq") { return nil }
                let isRotated = ["q_proj.weight", "k_proj.weight", "q_proj.bias", "k_proj.bias"].contains(
                    where: name.hasSuffix)
                guard isRotated, config.ropeLayout == .interleaved else { return (name, tensor) }
                return (name, neighbouringPairs(tensor, headSize: config.headSize))
            })
    }

    /// Rows of a projection [heads * D, in], or of its bias [heads * D], reordered within each head: i and i + D/2 become 2i
    /// and 2i + 1.
    public static func neighbouringPairs(_ weight: Tensor, headSize: Int) -> Tensor {
        weight.reshape([weight.size(0) / headSize, 2, headSize / 2, -1]).transpose(1, 2).reshape(weight.shape)
    }
}
