#!/usr/bin/env python3
"""Runs one training step of a tiny MM1 in PyTorch and stores every stage and every gradient, for the parity test.

    python3 -m venv .venv-reference
    .venv-reference/bin/pip install torch==2.13.0 transformers==5.0.0 timm==1.0.31 safetensors==0.8.0
    .venv-reference/bin/python scripts/reference/mm1_step.py

Writes Tests/SyrinxModelsTests/Fixtures/mm1-step.safetensors. The model is put together from transformers' CLIP encoder, timm's
RegNet stages in a C-Abstractor, and transformers' Llama with a tied head. Five examples are packed into two rows: pictures first,
last, in the middle and two in a row, examples without pictures, padding. Everything is computed in float64 and stored as float32.
"""

import torch
import transformers
from mm1_parts import Abstractor, llama_in_float64, randomised, save

PLACEHOLDER, IGNORED, LENGTH = 7, -100, 29
TOKENS_PER_PICTURE = 4
Z_LOSS = 0.01

# Rows of examples; an example is a list of pictures (None) and of token lists, each with whether the loss is taken on it.
ROWS = [
    [
        [([1], False), None, None, ([12, 5, 30, 2], True)],
        [([1, 9, 9, 14, 2], True)],
        [([1], False), ([22, 8], True), None, ([17, 2], True)],
    ],
    [
        [None, ([3, 19], False), ([25, 2], True)],
        [([1], False), ([33, 4, 11], True), None, None],
    ],
]


class MM1(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.vision_encoder = transformers.CLIPVisionModel(transformers.CLIPVisionConfig(
            hidden_size=12, intermediate_size=22, num_hidden_layers=2, num_attention_heads=3, image_size=15, patch_size=3,
            hidden_act="quick_gelu", layer_norm_eps=1e-5, attn_implementation="sdpa"))
        self.connector = Abstractor(grid=5, width=12, inner=16, output=20, depth=2, side=2)
        self.language_model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
            vocab_size=41, hidden_size=20, intermediate_size=26, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=6, max_position_embeddings=64, rms_norm_eps=1e-5, rope_theta=300.0,
            tie_word_embeddings=True, attn_implementation="sdpa"))


def collated():
    """Tokens, positions, expected tokens and segment numbers (-1 for padding) of the rows, each [rows, LENGTH]."""
    shape = (len(ROWS), LENGTH)
    tokens, positions = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    expected, segments = torch.full(shape, IGNORED), torch.full(shape, -1)
    for row, examples in enumerate(ROWS):
        at = 0
        for number, example in enumerate(examples):
            own = []
            for part in example:
                ids, taught = part if part else ([PLACEHOLDER] * TOKENS_PER_PICTURE, False)
                own += [(token, taught) for token in ids]
            for offset, (token, taught) in enumerate(own):
                tokens[row, at + offset], positions[row, at + offset] = token, offset
                segments[row, at + offset] = number
                # Nothing before an example's first token may predict it.
                if taught and offset > 0:
                    expected[row, at + offset - 1] = token
            at += len(own)
    return tokens, positions, expected, segments


def main():
    model = randomised(MM1(), 21).eval()
    tokens, positions, expected, segments = collated()
    count = sum(part is None for row in ROWS for example in row for part in example)
    pixels = torch.randn(count, 3, 15, 15, generator=torch.Generator().manual_seed(22)).double()

    def decoder(embeddings, positions, mask):
        return model.language_model.model(
            inputs_embeds=embeddings, position_ids=positions, attention_mask=mask, use_cache=False).last_hidden_state

    features = model.vision_encoder(pixel_values=pixels).last_hidden_state[:, 1:]
    visual = model.connector(features)
    embedded = model.language_model.get_input_embeddings()(tokens)
    spliced = embedded.masked_scatter((tokens == PLACEHOLDER).unsqueeze(-1), visual)
    visible = (segments.unsqueeze(2) == segments.unsqueeze(1)).tril().unsqueeze(1)  # [rows, 1, query, key]
    untouched = decoder(spliced, positions, visible)
    llama_in_float64()
    hidden = decoder(spliced, positions, visible)
    assert (hidden - untouched).abs().max() < 1e-5 * hidden.abs().max()
    # The mask and the positions mean what they should: each example alone gives the same.
    for row in range(len(ROWS)):
        for number in range(len(ROWS[row])):
            places = (segments[row] == number).nonzero().flatten()
            alone = decoder(spliced[row : row + 1, places], torch.arange(len(places)).unsqueeze(0), None)
            assert (alone[0] - hidden[row, places]).abs().max() < 1e-12 * hidden.abs().max()

    logits = model.language_model.lm_head(hidden)
    taught = expected != IGNORED
    entropy = torch.nn.functional.cross_entropy(logits[taught], expected[taught])
    penalty = Z_LOSS * logits[taught].logsumexp(-1).square().mean()
    (entropy + penalty).backward()
    save("mm1-step", model, {
        "pixels": pixels, "tokens": tokens, "positions": positions, "labels": expected, "segments": segments,
        "features": features, "visual_tokens": visual, "spliced": spliced, "hidden": hidden, "logits": logits,
        "cross_entropy": entropy.reshape(1), "z_loss": penalty.reshape(1)})


if __name__ == "__main__":
    main()
