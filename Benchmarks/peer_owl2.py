"""The peer of the mPLUG-Owl2 works of `make bench`: the reference's own code, out of a checkout. Started by bench.py.

    peer_owl2.py CHECKOUT describe               says what it runs on, as JSON
    peer_owl2.py CHECKOUT prepare FOLDER         makes a model of random weights in the published form, and inputs
    peer_owl2.py CHECKOUT WORK FOLDER            answers each line `run` with `seconds S`; at the end `peak BYTES`

Runs in an environment of its own (requirements-owl2.txt); CHECKOUT is a clone of https://github.com/X-PLUG/mPLUG-Owl.
Nothing of the reference is changed: its modules, attention, cache of keys and values and batches are what it brings.
"""

import json
import os
import pathlib
import platform
import subprocess
import sys

import torch
import transformers
from safetensors.torch import save_file

from conversation import THREADS, Conversation

# mPLUG-Owl2 with every width and depth halved; head sizes, picture, patches and queries are the published ones.
DECODER = dict(
    vocab_size=32000, hidden_size=2048, intermediate_size=5504, num_hidden_layers=16, num_attention_heads=16,
    max_position_embeddings=2048, rms_norm_eps=1e-5)
VISION = dict(
    hidden_size=512, intermediate_size=2048, num_hidden_layers=12, num_attention_heads=8, image_size=448, patch_size=14)
ABSTRACTOR = dict(
    num_learnable_queries=64, hidden_size=512, encoder_hidden_size=512, num_hidden_layers=3, num_attention_heads=8,
    intermediate_size=1408, grid_size=32)
PLACEHOLDER = -200
# A prompt: text, a picture of 65 positions, text; 128 positions in all.
TEXT_BEFORE, VISUAL, TEXT_AFTER = 35, 65, 28
TOKENS_PER_RUN = 4


def reference(checkout):
    """The modules of the reference, and the model's configuration."""
    sys.path.insert(0, os.path.join(checkout, "mPLUG-Owl2"))
    from mplug_owl2.model import configuration_mplug_owl2 as configuration, modeling_mplug_owl2 as modeling
    vision = configuration.MplugOwlVisionConfig(**VISION)
    abstractor = configuration.MplugOwlVisualAbstractorConfig(**ABSTRACTOR)
    return modeling.MPLUGOwl2LlamaForCausalLM, configuration.MPLUGOwl2Config(
        visual_config={"visual_model": vision.to_dict(), "visual_abstractor": abstractor.to_dict()}, **DECODER)


def describe(checkout):
    commit = subprocess.run(
        ["git", "-C", checkout, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    reference(checkout)
    print(json.dumps({
        "commit": commit, "torch": torch.__version__, "transformers": transformers.__version__,
        "python": platform.python_version()}))


def random_weights(make, config):
    """The reference's own names, without what it computes: bfloat16 values that keep sums near one."""
    with torch.device("meta"):
        state = make(config).state_dict()
    generator = torch.Generator().manual_seed(7)
    weights = {}
    for name, tensor in state.items():
        if name.endswith(("_pos_embed", "inv_freq")):
            continue
        is_norm = tensor.dim() == 1 and name.endswith("weight")
        deviation = tensor[0].numel() ** -0.5 if tensor.dim() > 1 and name.endswith("weight") else 0.02
        values = torch.empty(tensor.shape).normal_(0, deviation, generator=generator)
        weights[name] = (values + 1 if is_norm else values).to(torch.bfloat16)
    return weights


def prepare(checkout, folder):
    model = pathlib.Path(folder, "owl2")
    if (model / "config.json").exists():
        return
    make, config = reference(checkout)
    model.mkdir(parents=True, exist_ok=True)
    save_file(random_weights(make, config), model / "model.safetensors", metadata={"format": "pt"})
    generator = torch.Generator().manual_seed(8)
    for batch in (1, 8):
        tokens = torch.randint(3, config.vocab_size, (batch, TEXT_BEFORE + 1 + TEXT_AFTER), generator=generator)
        tokens[:, TEXT_BEFORE] = PLACEHOLDER
        pixels = torch.randn(batch, 3, 448, 448, generator=generator)
        expanded = torch.cat([
            tokens[:, :TEXT_BEFORE], torch.full((batch, VISUAL), PLACEHOLDER), tokens[:, TEXT_BEFORE + 1:]], 1)
        for work in ("prefill", "decode"):
            save_file(
                {"tokens": tokens, "expanded": expanded.contiguous(), "pixels": pixels},
                os.path.join(folder, f"owl2-{work}-{batch}.input.safetensors"))
    config.save_pretrained(model)  # the last: says that everything is there


def loaded(checkout, folder):
    """The model as the reference's loader makes it, on the CPU and in the dtype of the weights."""
    make, _ = reference(checkout)
    return make.from_pretrained(
        os.path.join(folder, "owl2"), low_cpu_mem_usage=True, device_map={"": "cpu"}, torch_dtype=torch.bfloat16).eval()


def serve(checkout, talk):
    model = loaded(checkout, talk.folder)
    given = talk.input()
    pixels = given["pixels"].to(torch.bfloat16)

    def prefill():
        return model(input_ids=given["tokens"], images=pixels, use_cache=True)

    with torch.inference_mode():
        if "prefill" in talk.work:
            talk.write(prefill().logits[:, -1:])
            return talk.serve(prefill)
        # The prompt's own last token is the first to be decoded.
        state = {
            "cache": model(input_ids=given["tokens"][:, :-1], images=pixels, use_cache=True).past_key_values,
            "next": given["tokens"][:, -1:]}

        def step():
            result = model(input_ids=state["next"], past_key_values=state["cache"], use_cache=True)
            state.update(cache=result.past_key_values, next=result.logits.argmax(-1))
            return result.logits

        talk.write(step())
        talk.serve(lambda: [step() for _ in range(TOKENS_PER_RUN)])


def main():
    torch.set_num_threads(THREADS)
    transformers.logging.set_verbosity_error()  # it would name each position table that no published file holds
    checkout, action, *rest = sys.argv[1:]
    if action == "describe":
        describe(checkout)
    elif action == "prepare":
        prepare(checkout, *rest)
    else:
        serve(checkout, Conversation(rest[0], action, "reference"))


main()
