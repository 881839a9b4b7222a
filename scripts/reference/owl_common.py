"""What the reference scripts of mPLUG-Owl, its video variant and mPLUG-Owl2 share.

Nothing of the reference repository is copied here: the scripts import its classes from the checkout that --reference
names.
"""

import argparse
import io
import json
import pathlib
import subprocess

import PIL
import sentencepiece
import torch
import transformers
from safetensors.torch import save_file

VOCABULARY_SIZE = 331
GREEDY_STEPS = 20
SENTENCES = [
    "Human: How many cats are there in the picture?", "AI: There are two cats in the picture.",
    "USER: What is shown in the image? ASSISTANT: A red house by the sea.",
    "The following is a conversation between a curious human and AI assistant.",
    "The assistant gives helpful, detailed, and polite answers to the user's questions.",
    "Describe the video in one sentence.", "What is a cat? A cat is a small animal.",
    "Which one of these shows a dog and which one shows a cat?", "Answer the question using a single word or phrase.",
    "Provide a one-sentence caption for the provided image.", "quick brown foxes jump over lazy dogs",
]


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--reference", type=pathlib.Path, required=True, help="a checkout of X-PLUG/mPLUG-Owl")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the folder of the fixtures")
    parser.add_argument("--golden", type=pathlib.Path, help="a folder for the published sizes' parameter list")
    return parser.parse_args()


def provenance(reference):
    """The reference's commit and the library versions, for a fixture's metadata."""
    commit = subprocess.run(
        ["git", "-C", reference, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    return {
        "reference": f"X-PLUG/mPLUG-Owl {commit}", "torch": torch.__version__,
        "transformers": transformers.__version__, "sentencepiece": sentencepiece.__version__, "pillow": PIL.__version__}


def tokenizer_model(path):
    """A tiny SentencePiece BPE as LLaMA's: byte fallback, dummy prefix, white space kept, no pad piece."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 3), model_writer=model, model_type="bpe", vocab_size=VOCABULARY_SIZE,
        byte_fallback=True, add_dummy_prefix=True, remove_extra_whitespaces=False, normalization_rule_name="identity",
        split_digits=True, character_coverage=1.0, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1,
        minloglevel=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.getvalue())


def randomise(model, seed):
    """Every parameter drawn anew, so that nothing is one, zero or equal to its neighbour.

    Queries and the two outer norms of the vision encoder are small: their variance then lies near the epsilons of the
    norms that follow, and a wrong epsilon shows.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        value = 0.2 * noise + (1.0 if parameter.ndim == 1 and not name.endswith("bias") else 0.0)
        small = any(part in name for part in ("query_tokens", "query_embeds", "pre_layernorm", "post_layernorm"))
        parameter.data = value * (0.1 if small else 1.0)
    return model.eval()


def normal(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)


class Recorder:
    """Collects what modules return (and what the language model receives) while a case runs."""

    def __init__(self, stages):
        self.values = {}
        self.case = None
        for label, module in stages.items():
            module.register_forward_hook(self.hook(label))

    def hook(self, label):
        def record(module, inputs, output):
            if self.case is None:
                return
            if hasattr(output, "last_hidden_state"):
                output = output.last_hidden_state
            output = output[0] if isinstance(output, tuple) else output
            self.values[f"output.{self.case}.{label}"] = output.detach()

        return record

    def run(self, case, action):
        self.case = case
        try:
            return action()
        finally:
            self.case = None


class _Float64Torch:
    """The module torch, where `float32` means float64."""

    float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


def lift_to_float64(model, modules, layer_norms=()):
    """Makes the model compute in float64 throughout: the reference's casts to float32 become casts to float64."""
    torch.set_default_dtype(torch.float64)
    for module in modules:
        module.torch = _Float64Torch()
    for kind in layer_norms:
        kind.forward = torch.nn.LayerNorm.forward
    return model.double()


def precision(values, exact, what):
    """How far the reference's float32 is from float64: the largest max|a - b| / max|b| of all tensors, as metadata.

    Left out are the key biases, whose exact gradient is zero: softmax ignores what all keys share. Ids must agree.
    """
    for name, value in values.items():
        assert value.is_floating_point() or torch.equal(value, exact[name]), f"{name} depends on the precision"
    errors = {
        name: ((value.double() - exact[name].double()).abs().max() / exact[name].abs().max()).item()
        for name, value in values.items() if value.is_floating_point() and not name.endswith("attention.key.bias")}
    worst = max(errors, key=errors.get)
    return {f"float32 against float64, {what}": f"at most {errors[worst]:.1e} ({worst})"}


def save(path, tensors, metadata):
    def stored(value):
        value = value.detach()
        return (value.float() if value.is_floating_point() else value).contiguous().clone()

    path.parent.mkdir(parents=True, exist_ok=True)
    # One key only: safetensors writes several in changing order, and a second run should give the same bytes.
    text = json.dumps(metadata, sort_keys=True)
    save_file({name: stored(value) for name, value in tensors.items()}, path, metadata={"provenance": text})
    print(path.name, path.stat().st_size, "bytes,", len(tensors), "tensors;", text)


def gradients(model):
    missing = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not missing, f"no gradient: {missing}"
    return {f"gradient.{name}": parameter.grad for name, parameter in model.named_parameters()}


def continuation(tokenizer, ids):
    """Continuation ids as the reference's users see them: with the text of the tokenizer's decoding."""
    return {"ids": ids.tolist(), "text": tokenizer.decode(ids, skip_special_tokens=True)}


def greedy(generate, prompt_length, eos):
    """The ids of a greedy continuation through the cache, and how clear the closest decision was."""
    output = generate(
        max_new_tokens=GREEDY_STEPS, do_sample=False, return_dict_in_generate=True, output_scores=True, pad_token_id=0,
        eos_token_id=eos)
    ids = output.sequences[0, prompt_length:]
    assert len(ids) == GREEDY_STEPS and eos not in ids, f"choose another seed: {ids.tolist()}"
    best = [step[0].topk(2).values for step in output.scores]
    return ids, min((pair[0] - pair[1]).item() for pair in best)


def write_json(path, value):
    """JSON with a line for each element of the outermost object or array."""
    def line(element):
        return json.dumps(element, ensure_ascii=False)

    if isinstance(value, dict):
        text = "{\n" + ",\n".join(f"{line(key)}: {line(element)}" for key, element in value.items()) + "\n}\n"
    else:
        text = "[\n" + ",\n".join(map(line, value)) + "\n]\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_golden(path, make, dropped=()):
    """The state dict of a published size, built without memory: a line an entry, marked where loaders ignore it."""
    with torch.device("meta"):
        model = make()
    lines, kept = [], 0
    for name, value in model.state_dict().items():
        if name.endswith(dropped):
            continue
        ignored = name.endswith("inv_freq")
        kept += 0 if ignored else value.numel()
        lines.append(f"{name} {list(value.shape)}{' ignored' if ignored else ''}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(path.name, len(lines), "entries,", kept, "elements of parameters")
