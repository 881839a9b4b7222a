#!/usr/bin/env python3
"""Runs a tiny random vision tower of open_clip, with QuickGELU and with GELU, and stores it for the parity test.

    python3 -m venv .venv-reference
    .venv-reference/bin/pip install torch==2.13.0 open_clip_torch==3.3.0 safetensors==0.8.0
    .venv-reference/bin/python scripts/reference/open_clip_vit.py

Writes Tests/SyrinxModelsTests/Fixtures/open-clip.safetensors: a whole checkpoint in open_clip's names (text tower included), the
pictures, and for both activations the last block's output, the normalised tokens and the picture embeddings. Outputs and
gradients are computed in float64 and stored as float32.
"""

import pathlib

import open_clip
import torch
from open_clip.model import CLIP
from safetensors.torch import save_file

PATH = pathlib.Path(__file__).parents[2] / "Tests/SyrinxModelsTests/Fixtures/open-clip.safetensors"


def tower(quick_gelu):
    """The same weights for both activations; 3 heads of 6, an MLP of 26, a grid of 5 by 5."""
    model = CLIP(
        embed_dim=10, quick_gelu=quick_gelu,
        vision_cfg={"layers": 2, "width": 18, "head_width": 6, "mlp_ratio": 26 / 18, "patch_size": 4, "image_size": 20},
        text_cfg={"context_length": 6, "vocab_size": 11, "width": 8, "heads": 2, "layers": 1}).double().eval()
    generator = torch.Generator().manual_seed(31)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = (0.3 * noise + (1.0 if parameter.ndim == 1 else 0.0)).double()
    return model


def main():
    pixels = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(32)).double()
    weights = torch.randn(2, 10, generator=torch.Generator().manual_seed(33)).double()
    tensors = {"pixels": pixels, "output_weights": weights}
    for name, quick_gelu in (("quick_gelu", True), ("gelu", False)):
        model = tower(quick_gelu)
        kept = {}
        model.visual.transformer.register_forward_hook(lambda module, inputs, output: kept.update(hidden=output))
        model.visual.ln_post.register_forward_hook(lambda module, inputs, output: kept.update(tokens=output))
        embeddings = model.encode_image(pixels, normalize=False)
        (embeddings * weights).sum().backward()
        tensors |= {f"{name}.{key}": value for key, value in kept.items()} | {f"{name}.embeddings": embeddings}
        tensors |= {
            f"{name}.gradient.{key}": value.grad for key, value in model.named_parameters() if value.grad is not None
        }
    tensors |= {f"weight.{key}": value for key, value in model.state_dict().items() if value.is_floating_point()}
    everything = {key: value.detach().float().contiguous().clone() for key, value in tensors.items()}
    save_file(everything, PATH, metadata={"torch": torch.__version__, "open_clip": open_clip.__version__})
    for key in ("quick_gelu.hidden", "quick_gelu.tokens", "quick_gelu.embeddings"):
        print(key, tuple(everything[key].shape))
    print(sum(value.numel() for value in everything.values()), "values")


if __name__ == "__main__":
    main()
