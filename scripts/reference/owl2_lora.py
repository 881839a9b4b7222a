#!/usr/bin/env python3
"""Puts a LoRA adapter of PEFT on the tiny mPLUG-Owl2 of the fixtures, as the reference's fine-tuning does; or checks an
adapter that Syrinx wrote for it.

    .venv-owl2/bin/pip install peft==0.4.0         # the environment of mplug_owl2.py
    .venv-owl2/bin/python scripts/reference/owl2_lora.py --reference CHECKOUT --output Tests/SyrinxModelsTests/Fixtures/mplug-owl2
    .venv-owl2/bin/python scripts/reference/owl2_lora.py --reference CHECKOUT --output ... --adapter DIR --activations FILE

The first writes `adapter/` as PEFT saves it (all linear layers that the reference's own function names, both branches among
them) and `adapter.safetensors` with the logits of a prompt with one picture, alone and merged. The second loads `DIR` with PEFT
and compares the logits with `logits` of the safetensors file `FILE`, which Syrinx computed from the same inputs.
"""

import argparse
import json
import pathlib
import sys

import peft
import torch
import transformers.models.llama.modeling_llama as modeling_llama
from safetensors.torch import load_file

import owl_common as common


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--adapter", type=pathlib.Path)
    parser.add_argument("--activations", type=pathlib.Path)
    options = parser.parse_args()
    sys.path.insert(0, str(options.reference / "mPLUG-Owl2"))
    from mplug_owl2.model import modeling_llama2, modeling_mplug_owl2
    from mplug_owl2.train.train import find_all_linear_names

    torch.set_num_threads(1)
    base = modeling_mplug_owl2.MPLUGOwl2LlamaForCausalLM.from_pretrained(options.output / "model").eval()
    expected = load_file(options.output / "expected.safetensors")
    inputs = {"input_ids": expected["input.one_image.ids"], "images": expected["input.one_image.pixel_values"].double()}
    plain = expected["output.one_image.logits"]

    def logits(model):
        """In float64, to which the model is lifted."""
        common.lift_to_float64(model, [modeling_llama, modeling_llama2])
        with torch.no_grad():
            return model(**inputs).logits

    if options.adapter:
        model = peft.PeftModel.from_pretrained(base, options.adapter).eval()
        found, theirs = load_file(options.activations)["logits"], logits(model)
        error = ((found - theirs).abs().max() / theirs.abs().max()).item()
        change = ((plain - theirs).abs().max() / theirs.abs().max()).item()
        print(json.dumps({
            "peft": peft.__version__, "adapted layers": sum("lora_A" in name for name, _ in model.named_parameters()),
            "largest difference from PEFT": error, "from the base": change}))
        sys.exit(0 if error < 1e-5 else 1)

    config = peft.LoraConfig(
        r=3, lora_alpha=12, target_modules=sorted(find_all_linear_names(base)), lora_dropout=0.05, bias="none",
        task_type="CAUSAL_LM")
    model = peft.get_peft_model(base, config)
    generator = torch.Generator().manual_seed(12)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)
    model.eval()
    model.save_pretrained(options.output / "adapter")
    (options.output / "adapter" / "README.md").unlink(missing_ok=True)
    adapted = logits(model)
    merged = logits(model.merge_and_unload())
    assert (adapted - plain).abs().max() > 0.1
    common.save(
        options.output / "adapter.safetensors", {"output.logits": adapted, "output.merged_logits": merged},
        common.provenance(options.reference) | {"peft": peft.__version__})


if __name__ == "__main__":
    main()
