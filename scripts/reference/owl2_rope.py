#!/usr/bin/env python3
"""Runs the tiny mPLUG-Owl2 of the fixtures with both of the reference's scalings of rotary positions.

    .venv-owl2/bin/python scripts/reference/owl2_rope.py --reference CHECKOUT \
        --output Tests/SyrinxModelsTests/Fixtures/mplug-owl2     # the environment of mplug_owl2.py

The weights of `model/` are read with another `rope_scaling` in the configuration; `rope_scaling.safetensors` gets the logits
of the prompt with two pictures and the greedy continuation, in float64 as in `mplug_owl2.py`.
"""

import sys

import torch
import transformers.models.llama.modeling_llama as modeling_llama
from safetensors.torch import load_file

import owl_common as common

EOS = 2
SCALINGS = {"linear": 2.5, "dynamic": 2.0}


def main():
    options = common.arguments(__doc__.splitlines()[0])
    sys.path.insert(0, str(options.reference / "mPLUG-Owl2"))
    from mplug_owl2.model import modeling_llama2, modeling_mplug_owl2

    torch.set_num_threads(1)
    expected = load_file(options.output / "expected.safetensors")
    ids, plain = expected["input.two_images.ids"], expected["output.two_images.logits"]
    values, margins = {}, {}
    for kind, factor in SCALINGS.items():
        torch.set_default_dtype(torch.float32)
        model = modeling_mplug_owl2.MPLUGOwl2LlamaForCausalLM.from_pretrained(
            options.output / "model", rope_scaling={"type": kind, "factor": factor}).eval()
        common.lift_to_float64(model, [modeling_llama, modeling_llama2])
        images = expected["input.two_images.pixel_values"].double()
        with torch.no_grad():
            values[f"output.{kind}.logits"] = model(input_ids=ids, images=images).logits
            values[f"output.{kind}.greedy"], margins[kind] = common.greedy(
                lambda **keywords: model.generate(ids, images=images, **keywords), ids.shape[1], EOS)
        difference = (values[f"output.{kind}.logits"] - plain).abs().max() / plain.abs().max()
        margins[kind] = f"{margins[kind]:.1e}, {difference:.1e} from unscaled"
    common.save(
        options.output / "rope_scaling.safetensors", values, common.provenance(options.reference) | {
            f"smallest greedy margin, {kind}": text for kind, text in margins.items()})


if __name__ == "__main__":
    main()
