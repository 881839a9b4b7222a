#!/usr/bin/env python3
"""Runs tiny random models of the Python reference packages and stores weights, inputs and outputs, for the parity tests.

    python3 -m venv .venv-reference
    .venv-reference/bin/pip install torch==2.13.0 transformers==5.0.0 timm==1.0.31 safetensors==0.8.0
    .venv-reference/bin/python scripts/reference/mm1_parts.py

Writes Tests/SyrinxModelsTests/Fixtures/{clip,llama,abstractor}.safetensors. Sizes are unusual on purpose, so that a swapped
dimension cannot go unnoticed. Outputs and gradients are computed in float64 and stored as float32.
"""

import pathlib

import timm
import timm.models.regnet as regnet
import torch
import transformers
from safetensors.torch import save_file
from timm.layers import LayerNormAct2d
from transformers.models.llama import modeling_llama

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/SyrinxModelsTests/Fixtures"


def randomised(model, seed):
    """Every parameter drawn anew, norms and biases too: what starts at one or zero would hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = (0.3 * noise + (1.0 if parameter.ndim == 1 else 0.0)).double()
    return model.double()


def llama_in_float64():
    """Makes transformers' Llama compute its norms and rotary angles in float64 too; it would round both to float32."""

    def norm(self, x):
        return torch.nn.functional.rms_norm(x, self.weight.shape, self.weight, self.variance_epsilon)

    def angles(self, x, position_ids):
        exponents = torch.arange(0, self.config.head_dim, 2).double() / self.config.head_dim
        table = position_ids[..., None].double() * self.config.rope_parameters["rope_theta"] ** -exponents
        table = torch.cat((table, table), dim=-1)
        return table.cos(), table.sin()

    modeling_llama.LlamaRMSNorm.forward = norm
    modeling_llama.LlamaRotaryEmbedding.forward = angles


def save(name, model, tensors):
    weights = {f"weight.{key}": value.float() for key, value in model.state_dict().items() if value.is_floating_point()}
    gradients = {
        f"gradient.{key}": value.grad.float() for key, value in model.named_parameters() if value.grad is not None
    }
    values = {key: value.detach() for key, value in tensors.items()}
    values = {key: value.float() if value.is_floating_point() else value for key, value in values.items()}
    everything = {key: value.contiguous().clone() for key, value in (weights | gradients | values).items()}
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "timm": timm.__version__}
    save_file(everything, FOLDER / f"{name}.safetensors", metadata=versions)
    print(name, sum(value.numel() for value in everything.values()), "values")


def clip():
    config = transformers.CLIPVisionConfig(
        hidden_size=24, intermediate_size=44, num_hidden_layers=3, num_attention_heads=3, image_size=20, patch_size=4,
        hidden_act="quick_gelu", layer_norm_eps=1e-5, projection_dim=10, attn_implementation="sdpa")
    model = randomised(transformers.CLIPVisionModelWithProjection(config), 1).eval()
    pixels = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(2)).double()
    output = model(pixel_values=pixels, output_hidden_states=True)
    weights = torch.randn(output.image_embeds.shape, generator=torch.Generator().manual_seed(3)).double()
    (output.image_embeds * weights).sum().backward()
    save("clip", model, {
        "pixels": pixels, "hidden": output.last_hidden_state, "embeddings": output.image_embeds,
        "output_weights": weights})


def llama():
    config = transformers.LlamaConfig(
        vocab_size=37, hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=2, head_dim=4, max_position_embeddings=64, rms_norm_eps=1e-5, rope_theta=500.0,
        tie_word_embeddings=False, attn_implementation="sdpa")
    model = randomised(transformers.LlamaForCausalLM(config), 4).eval()
    tokens = torch.randint(0, 37, (2, 11), generator=torch.Generator().manual_seed(5))
    untouched = model(input_ids=tokens).logits
    llama_in_float64()
    output = model(input_ids=tokens, labels=tokens)
    assert (output.logits - untouched).abs().max() < 1e-5 * untouched.abs().max()
    output.loss.backward()
    save("llama", model, {"tokens": tokens, "logits": output.logits, "loss": output.loss.reshape(1)})


class Abstractor(torch.nn.Module):
    """The C-Abstractor as the paper of Honeybee describes it, around timm's RegNet stages with channel norm and SiLU."""

    def __init__(self, grid, width, inner, output, depth, side):
        super().__init__()

        def stage(channels):
            return regnet.RegStage(
                depth, channels, inner, stride=1, dilation=1, act_layer=torch.nn.SiLU, norm_layer=LayerNormAct2d)

        self.grid = grid
        self.pos_emb = torch.nn.Parameter(torch.zeros(1, grid * grid, width))
        self.net = torch.nn.Sequential(stage(width), torch.nn.AdaptiveAvgPool2d((side, side)), stage(inner))
        self.readout = torch.nn.Sequential(
            torch.nn.Linear(inner, output), torch.nn.SiLU(), torch.nn.Linear(output, output))

    def forward(self, features):
        x = (features + self.pos_emb).transpose(1, 2).unflatten(2, (self.grid, self.grid))
        return self.readout(self.net(x).flatten(2).transpose(1, 2))


def abstractor():
    model = randomised(Abstractor(grid=5, width=12, inner=20, output=14, depth=2, side=3), 6).eval()
    features = torch.randn(2, 25, 12, generator=torch.Generator().manual_seed(7)).double()
    stages = {}
    for name, module in zip(("stage1", "pooled", "stage2"), model.net):
        module.register_forward_hook(lambda module, inputs, output, name=name: stages.update({name: output}))
    output = model(features)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(8)).double()
    (output * weights).sum().backward()
    save("abstractor", model, {"features": features, "output": output, "output_weights": weights} | stages)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    clip()
    llama()
    abstractor()
