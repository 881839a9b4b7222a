#!/usr/bin/env python3
"""Runs LoRA adapters of Hugging Face's PEFT on tiny models and stores what they compute, for the parity test; or checks an
adapter that Syrinx wrote.

    python3 -m venv .venv-reference
    .venv-reference/bin/pip install torch==2.13.0 transformers==5.0.0 peft==0.21.2 safetensors==0.8.0
    .venv-reference/bin/python scripts/reference/lora.py                           # writes the fixture
    .venv-reference/bin/python scripts/reference/lora.py ADAPTER ACTIVATIONS       # PEFT's logits with an adapter of Syrinx

Writes Tests/SyrinxModelsTests/Fixtures/lora: a linear layer and a LLaMA with adapters, their outputs and every gradient in
float64, stored as float32, and two adapter folders as PEFT saves them, in safetensors and as the archive of older versions.

With two arguments, the base model of the fixture is built again, PEFT loads ADAPTER beside it, and the logits are compared
with `logits` of the safetensors file ACTIVATIONS, whose `token_ids` say what was read.
"""

import json
import pathlib
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/SyrinxModelsTests/Fixtures/lora"


def llama():
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=37, hidden_size=20, intermediate_size=26, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=6, max_position_embeddings=64, rms_norm_eps=1e-5, rope_theta=300.0,
        tie_word_embeddings=False, attn_implementation="sdpa")
    model = transformers.LlamaForCausalLM(config)
    for parameter in model.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape) + (1.0 if parameter.ndim == 1 else 0.0)
    return model.double()


def randomised(model, seed):
    """B begins at zero and would hide A: both drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return model


def llama_with(config, seed):
    model = randomised(peft.get_peft_model(llama(), config), seed)
    return model.double().eval()


def values(model, prefix):
    """Base weights and adapters by Syrinx's names, and the gradients of what trains."""
    out = {}
    for name, parameter in model.named_parameters():
        name = name.removeprefix("base_model.model.").replace(".base_layer.", ".").replace(".default.", ".")
        out[f"{prefix}.weight.{name}"] = parameter.detach()
        if parameter.grad is not None:
            out[f"{prefix}.gradient.{name}"] = parameter.grad
    return out


def linear_step():
    """One layer with a bias, a scale that is no whole number, loss = sum of squares."""
    torch.manual_seed(1)
    layer = torch.nn.Sequential()
    layer.add_module("proj", torch.nn.Linear(7, 5, bias=True))
    model = peft.get_peft_model(layer.double(), peft.LoraConfig(r=3, lora_alpha=4, target_modules=["proj"]))
    model = randomised(model, 2).double().eval()
    x = torch.randn(2, 6, 7, dtype=torch.float64)
    output = model(x)
    output.square().sum().backward()
    return {"linear.input": x, "linear.output": output.detach()} | values(model, "linear")


def llama_step(folder):
    config = peft.LoraConfig(r=4, lora_alpha=12, lora_dropout=0.1, target_modules=["q_proj", "v_proj", "down_proj"])
    model = llama_with(config, 5)
    ids = torch.randint(0, 37, (2, 11), generator=torch.Generator().manual_seed(6))
    output = model(input_ids=ids, labels=ids)
    output.loss.backward()
    step = {name: tensor.clone() for name, tensor in values(model, "llama").items()}
    model.float().save_pretrained(folder / "safetensors")
    model.save_pretrained(folder / "archive", safe_serialization=False)
    model.double()
    (folder / "archive" / "README.md").unlink(missing_ok=True)
    (folder / "safetensors" / "README.md").unlink(missing_ok=True)
    merged = model.merge_and_unload()
    return {
        "llama.ids": ids, "llama.logits": output.logits.detach(), "llama.loss": output.loss.detach().reshape(1),
        "llama.merged": merged.model.layers[0].self_attn.q_proj.weight.detach(),
    } | step


def rank_stabilised(folder):
    config = peft.LoraConfig(r=4, lora_alpha=6, use_rslora=True, target_modules=r".*layers\.1\..*(gate|up)_proj")
    model = llama_with(config, 8)
    ids = torch.randint(0, 37, (1, 9), generator=torch.Generator().manual_seed(9))
    logits = model(input_ids=ids).logits.detach()
    model.float().save_pretrained(folder / "rank-stabilised")
    (folder / "rank-stabilised" / "README.md").unlink(missing_ok=True)
    return {"stabilised.ids": ids, "stabilised.logits": logits}


def write():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    tensors = linear_step() | llama_step(FIXTURES) | rank_stabilised(FIXTURES)
    stored = {
        name: (tensor.float() if tensor.is_floating_point() else tensor).contiguous() for name, tensor in tensors.items()}
    save_file(stored, FIXTURES / "expected.safetensors", metadata={
        "peft": peft.__version__, "torch": torch.__version__, "transformers": transformers.__version__})
    print(f"{len(stored)} tensors, {sorted(path.name for path in FIXTURES.iterdir())}")


def check(adapter, activations):
    model = peft.PeftModel.from_pretrained(llama(), adapter).double().eval()
    found = load_file(activations)
    with torch.no_grad():
        logits = model(input_ids=found["token_ids"]).logits
        base = llama()(input_ids=found["token_ids"]).logits
    largest = logits.abs().max()
    error = ((found["logits"].double() - logits).abs().max() / largest).item()
    print(json.dumps({
        "peft": peft.__version__, "adapted layers": sum("lora_A" in name for name, _ in model.named_parameters()),
        "largest difference from PEFT": error, "from the base": ((base - logits).abs().max() / largest).item()}))
    sys.exit(0 if error < 1e-5 else 1)


if __name__ == "__main__":
    check(*sys.argv[1:]) if len(sys.argv) == 3 else write()
