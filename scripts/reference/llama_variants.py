#!/usr/bin/env python3
"""Runs transformers' Llama and CLIP of the fixtures with settings that the published mPLUG-Owls and MM1 do not have.

    .venv-reference/bin/python scripts/reference/llama_variants.py     # the environment of mm1_parts.py

Reads the weights in Tests/SyrinxModelsTests/Fixtures/{llama,clip}.safetensors and writes variants.safetensors beside them:
scores of the Llama under each type of `rope_parameters`, with `attention_bias` and with `mlp_bias` (and those biases), and
the CLIP's hidden states of images whose size the patch does not divide. In float64, stored as float32; the angles are made of
transformers' own float32 frequencies.
"""

import json
import pathlib

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.models.llama import modeling_llama

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/SyrinxModelsTests/Fixtures"
ROTATIONS = {
    "default": {"rope_type": "default", "rope_theta": 70.0},
    "linear": {"rope_type": "linear", "rope_theta": 500.0, "factor": 2.5},
    "dynamic": {"rope_type": "dynamic", "rope_theta": 500.0, "factor": 2.0},
    "llama3": {
        "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 0.2, "high_freq_factor": 0.8,
        "original_max_position_embeddings": 64},
    "yarn": {
        "rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0, "beta_fast": 3.0, "beta_slow": 0.1,
        "original_max_position_embeddings": 24},
    "yarn-exact": {
        "rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0, "beta_fast": 3.0, "beta_slow": 0.1,
        "original_max_position_embeddings": 24, "truncate": False, "mscale": 0.7, "mscale_all_dim": 1.3},
}


def weights_of(name):
    fixture = load_file(FOLDER / f"{name}.safetensors")
    return {key.removeprefix("weight."): value.double() for key, value in fixture.items() if key.startswith("weight.")}


def llama_in_float64():
    def norm(self, x):
        return torch.nn.functional.rms_norm(x, self.weight.shape, self.weight, self.variance_epsilon)

    def angles(self, x, position_ids):
        table = position_ids[..., None].double() * self.inv_freq.double()
        table = torch.cat((table, table), dim=-1)
        return table.cos() * self.attention_scaling, table.sin() * self.attention_scaling

    modeling_llama.LlamaRMSNorm.forward = norm
    modeling_llama.LlamaRotaryEmbedding.forward = angles


def llama(weights, tokens, rotation=ROTATIONS["default"], **settings):
    config = transformers.LlamaConfig(
        vocab_size=37, hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=2, head_dim=4, max_position_embeddings=64, rms_norm_eps=1e-5,
        rope_parameters=dict(rotation), tie_word_embeddings=False, attn_implementation="sdpa", **settings)
    model = transformers.LlamaForCausalLM(config).double().eval()
    # Doubling rounds nothing, but frequencies are made in float32: those stay.
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not missing and not unexpected, (missing, unexpected)
    with torch.no_grad():
        return model(input_ids=tokens).logits


def biases(weights, parts):
    generator = torch.Generator().manual_seed(31)
    found = {}
    for key in sorted(weights):
        if any(f".{part}.weight" in key for part in parts):
            found[key.replace(".weight", ".bias")] = torch.randn(
                weights[key].shape[0], generator=generator).mul(0.3).double()
    return found


def main():
    llama_in_float64()
    weights = weights_of("llama")
    tokens = load_file(FOLDER / "llama.safetensors")["tokens"][:1]
    values = {f"{name}.logits": llama(weights, tokens, rotation) for name, rotation in ROTATIONS.items()}
    for setting, parts in {
            "attention_bias": ["q_proj", "k_proj", "v_proj", "o_proj"],
            "mlp_bias": ["gate_proj", "up_proj", "down_proj"]}.items():
        added = biases(weights, parts)
        values[f"{setting}.logits"] = llama(weights | added, tokens, **{setting: True})
        values |= {f"bias.{key}": value for key, value in added.items()}

    config = transformers.CLIPVisionConfig(
        hidden_size=24, intermediate_size=44, num_hidden_layers=3, num_attention_heads=3, image_size=23, patch_size=4,
        hidden_act="quick_gelu", layer_norm_eps=1e-5, projection_dim=10, attn_implementation="sdpa")
    for activation in ("quick_gelu", "gelu_new"):
        config.hidden_act = activation
        model = transformers.CLIPVisionModelWithProjection(config).double().eval()
        model.load_state_dict(weights_of("clip"), strict=False)
        values["clip.pixels"] = torch.randn(1, 3, 23, 23, generator=torch.Generator().manual_seed(5)).float().double()
        with torch.no_grad():
            values[f"clip.{activation}"] = model(pixel_values=values["clip.pixels"]).last_hidden_state

    stored = {name: value.float().contiguous() for name, value in values.items()}
    text = json.dumps({"torch": torch.__version__, "transformers": transformers.__version__}, sort_keys=True)
    save_file(stored, FOLDER / "variants.safetensors", metadata={"provenance": text})
    print(len(stored), "tensors,", (FOLDER / "variants.safetensors").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
