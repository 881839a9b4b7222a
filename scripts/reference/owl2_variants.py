#!/usr/bin/env python3
"""Runs the tiny mPLUG-Owl2 of the fixtures with what people's folders hold and the published one does not.

    .venv-owl2/bin/python scripts/reference/owl2_variants.py --reference CHECKOUT \
        --output Tests/SyrinxModelsTests/Fixtures/mplug-owl2     # the environment of owl2_lora.py

`variants.safetensors` gets the logits of the last positions of the prompt with one picture, in float64 as in
`mplug_owl2.py`: with `attention_bias` (and those biases), with another activation in the encoder, with position tables that
were rounded to bfloat16 as re-saved folders hold them, and with the adapter of `adapter/` beside an abstractor that was
trained with it. That abstractor's norms and projection are `non_lora_trainables.bin`, in the names and form that the
reference's fine-tuning writes, read by the steps of its loader.
"""

import copy
import sys

import peft
import torch
import transformers.models.llama.modeling_llama as modeling_llama
from safetensors.torch import load_file

import owl_common as common

POSITIONS = 3


def main():
    options = common.arguments(__doc__.splitlines()[0])
    sys.path.insert(0, str(options.reference / "mPLUG-Owl2"))
    from mplug_owl2.model import modeling_llama2, modeling_mplug_owl2

    torch.set_num_threads(1)
    expected = load_file(options.output / "expected.safetensors")
    inputs = {"input_ids": expected["input.one_image.ids"], "images": expected["input.one_image.pixel_values"].double()}
    plain = expected["output.one_image.logits"][:, -POSITIONS:]
    generator = torch.Generator().manual_seed(21)
    values, changes = {}, {}

    def load(**settings):
        torch.set_default_dtype(torch.float32)
        return modeling_mplug_owl2.MPLUGOwl2LlamaForCausalLM.from_pretrained(
            options.output / "model", **settings).eval()

    def run(name, model):
        common.lift_to_float64(model, [modeling_llama, modeling_llama2])
        with torch.no_grad():
            values[f"output.{name}.logits"] = model(**inputs).logits[:, -POSITIONS:]
        change = (values[f"output.{name}.logits"] - plain).abs().max() / plain.abs().max()
        changes[f"{name}, from the published settings"] = f"{change.item():.1e}"

    run("plain", load())
    assert torch.allclose(values.pop("output.plain.logits").float(), plain, rtol=1e-5, atol=1e-6)

    model = load(attention_bias=True)
    for name, parameter in model.named_parameters():
        if name.startswith("model.layers.") and name.endswith(".bias"):
            parameter.data = 0.2 * torch.randn(parameter.shape, generator=generator)
            values[f"bias.{name}"] = parameter.data
    run("attention_bias", model)

    visual = copy.deepcopy(load().config.visual_config)
    visual["visual_model"]["hidden_act"] = "gelu_new"
    run("gelu_new", load(visual_config=visual))

    model = load()
    for name, table in model.named_buffers():
        if name.endswith("_pos_embed"):
            table.copy_(table.to(torch.bfloat16).float())
    run("rounded_tables", model)

    model = load()
    trained = {
        f"base_model.model.{name}": parameter.detach() + 0.1 * torch.randn(parameter.shape, generator=generator)
        for name, parameter in model.named_parameters()
        if name.startswith("model.visual_abstractor.") and ("norm" in name or "visual_fc" in name or "vit_eos" in name)}
    path = options.output / "non_lora_trainables.bin"
    torch.save(trained, path)
    # The reference's loader.
    found = {(key[11:] if key.startswith("base_model.") else key): value for key, value in torch.load(path).items()}
    if any(key.startswith("model.model.") for key in found):
        found = {(key[6:] if key.startswith("model.") else key): value for key, value in found.items()}
    assert not model.load_state_dict(found, strict=False).unexpected_keys
    run("trained_beside", peft.PeftModel.from_pretrained(model, options.output / "adapter").merge_and_unload())

    common.save(options.output / "variants.safetensors", values, common.provenance(options.reference) | changes | {
        "peft": peft.__version__})


if __name__ == "__main__":
    main()
