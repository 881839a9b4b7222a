#!/usr/bin/env python3
"""Runs a tiny random mPLUG-Owl (v1) of the reference repository and stores its folder and its numbers.

    python3.10 -m venv .venv-owl
    .venv-owl/bin/pip install torch==2.0.1 transformers==4.28.1 'tokenizers<0.14' sentencepiece==0.1.99 \
        safetensors==0.8.0 pillow==11.3.0 'numpy<2' 'protobuf<4' einops \
        h5py icecream
    .venv-owl/bin/python scripts/reference/mplug_owl.py --reference CHECKOUT \
        --output Tests/SyrinxModelsTests/Fixtures/mplug-owl --golden Tests/SyrinxModelsTests/Golden/published

CHECKOUT is a clone of https://github.com/X-PLUG/mPLUG-Owl. Numbers are computed in float64, with the reference's
internal casts to float32 lifted, and stored as float32; the metadata says how far its own float32 is from them.
"""

import copy
import sys
import types

import torch
import transformers.models.llama.modeling_llama as modeling_llama

import owl_common as common
import owl_v1_parts as parts

MEDIA = {"<image>": parts.QUERIES + 1}
CASES = {
    "text": "Human: What is a cat?\nAI: ",
    "one_image": "Human: <image>\nHuman: How many cats are there?\nAI: ",
    "two_images": "Human: <image>\nHuman: <image>\nHuman: Which one shows a cat?\nAI: ",
}
# The batch of the training step: prompt and answer; the answer (and its end) carries the loss.
BATCH = [
    ("Human: <image>\nHuman: What is shown?\nAI: ", "A red house by the sea."),
    ("Human: What is a cat?\nAI: ", "A small animal."),
    ("Human: <image>\nHuman: <image>\nAI: ", "Two cats."),
]


def forward(model, pixels, ids, labels=None, counted=None):
    """The reference's forward, whose masks have one position fewer than the ids."""
    ones = torch.ones_like(ids[:, 1:])
    return model(
        pixel_values=pixels, input_ids=ids, num_images=torch.tensor([starts(row) for row in ids]),
        non_padding_mask=ones, non_media_mask=(ids[:, 1:] >= 0).long(),
        prompt_mask=ones if counted is None else counted,
        labels=ids.clone() if labels is None else labels)


def starts(row):
    """How many pictures a row of ids has."""
    return int((row < 0).sum()) // (parts.QUERIES + 1)


def record_embeddings(model, recorder):
    def record(module, inputs, keywords):
        if recorder.case is not None and keywords.get("inputs_embeds") is not None:
            recorder.values[f"output.{recorder.case}.embeddings"] = keywords["inputs_embeds"].detach()

    model.language_model.register_forward_pre_hook(record, with_kwargs=True)


def run_cases(owl, model, tokenizer):
    """Inputs and every stage's output of the cases, in the model's dtype."""
    recorder = common.Recorder(parts.stages(model))
    record_embeddings(model, recorder)
    inputs, outputs, margins = {}, {}, {}
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        for index, (case, prompt) in enumerate(CASES.items()):
            ids = parts.tokenised(owl, tokenizer, MEDIA, prompt)
            count = starts(ids[0])
            pixels = common.normal((count, 3, 20, 20), 10 + index).to(dtype) if count else None
            result = recorder.run(case, lambda: forward(model, pixels, ids))
            inputs[f"input.{case}.ids"] = ids
            if pixels is not None:
                inputs[f"input.{case}.pixel_values"] = pixels
            outputs[f"output.{case}.logits"] = result.logits
            # `generate` feeds embeddings: what comes back is the start id and the continuation.
            outputs[f"output.{case}.greedy"], margins[case] = common.greedy(
                lambda **options: model.generate(pixel_values=pixels, input_ids=ids, **options), 1, parts.EOS)
    return inputs, outputs | recorder.values, margins


def write_answers(owl, model, tokenizer, pixels, path):
    """Greedy answers from a picture's file and from text, as a user gets them."""
    answers = []
    for prompt, picture in ((CASES["one_image"], "wide.jpg"), (CASES["text"], None)):
        ids, margin = common.greedy(
            lambda **options: model.generate(
                pixel_values=pixels if picture else None, input_ids=parts.tokenised(owl, tokenizer, MEDIA, prompt),
                **options), 1, parts.EOS)
        answers.append({"picture": picture, "prompt": prompt, "margin": margin} | common.continuation(tokenizer, ids))
    common.write_json(path, answers)


def write_training(owl, tokenizer, options):
    """Training records as the reference's dataset cuts, pads and masks them."""
    sys.path.insert(0, str(options.reference / "mPLUG-Owl/pipeline"))
    # The command line and the image pipeline, which its module imports and text does not need.
    for name in ("utils", "data_utils.processors", "data_utils.processors.builder"):
        sys.modules[name] = types.SimpleNamespace(__path__=[], get_args=None, build_processors=None)
    from data_utils.xgpt3_dataset import MultiModalDataset

    dataset = types.SimpleNamespace(
        tokenizer=tokenizer, media_tokens={"<image>": -1}, media_lengths={"<image>": parts.QUERIES + 1})
    records = [
        ("Human: What is a cat?\nAI: A small animal.", 60),
        ("Human: <image>\nHuman: What is shown?\nAI: A red house.", 60),
        ("Human: <image>\nHuman: <image>\nHuman: Which one?\nAI: The first.\nHuman: Why?\nAI: It shows a cat.", 90),
        (parts.SYSTEM + "Human: What is a cat?\nAI: A small animal.\nHuman: And a dog?\nAI: Also one.", 200),
        ("Human: What is a cat?\nAI: A small animal by the sea.", 24),
        ("Human: <image>\nHuman: What is shown?\nAI: A house.", 24),
        ("Human: <image>\nHuman: <image>\nAI: Two cats.", 20), ("Human: no answer is here", 30)]
    entries = []
    for text, length in records:
        record = MultiModalDataset._extract_text_token_from_conversation(dataset, {"completion": text}, length, 0)
        mask = record["non_padding_mask"] * record["non_media_mask"] * record["prompt_mask"]
        entries.append({
            "text": text, "max_length": length, "rows": parts.QUERIES + 1, "ids": record["input_ids"].tolist(),
            "length": record["seq_length"], "loss_mask": mask.tolist()})
    common.write_json(options.output / "training.json", entries)


def run_batch(model, ids, counted, pixels):
    model.zero_grad()
    labels = ids.clone()
    result = forward(model, pixels.to(next(model.parameters()).dtype), ids, labels, counted)
    result.loss.backward()
    labels[:, 0] = -100  # never a target
    return labels, {"output.batch.loss": result.loss.reshape(1)} | common.gradients(model)


def main():
    options = common.arguments(__doc__.splitlines()[0])
    sys.path.insert(0, str(options.reference / "mPLUG-Owl"))
    import mplug_owl as owl

    torch.set_num_threads(1)
    model = common.randomise(owl.MplugOwlForConditionalGeneration(parts.tiny_config(owl)), 7)
    tokenizer = parts.save_folder(owl, model, options.output / "model")

    parts.write_prompts(owl, tokenizer, MEDIA, options.output / "prompts.json")
    pixels = parts.write_pictures(owl, options, "square")
    write_answers(owl, model, tokenizer, pixels, options.output / "answers.json")
    write_training(owl, tokenizer, options)

    exact = copy.deepcopy(model)
    inputs, outputs, margins = run_cases(owl, model, tokenizer)
    ids, counted = parts.training_rows(owl, tokenizer, MEDIA, BATCH)
    pixels = common.normal((sum(starts(row) for row in ids), 3, 20, 20), 20)
    inputs |= {"input.batch.ids": ids, "input.batch.pixel_values": pixels}
    _, single = run_batch(model, ids, counted[:, 1:], pixels)

    common.lift_to_float64(exact, [modeling_llama], [owl.modeling_mplug_owl.LayerNormFp32])
    _, exact_outputs, _ = run_cases(owl, exact, tokenizer)
    inputs["input.batch.labels"], batch = run_batch(exact, ids, counted[:, 1:], pixels)

    metadata = common.provenance(options.reference) | common.precision(outputs, exact_outputs, "outputs") | (
        common.precision(single, batch, "gradients")) | {"smallest greedy margin": f"{min(margins.values()):.1e}"}
    common.save(options.output / "expected.safetensors", inputs | exact_outputs | batch, metadata)
    if options.golden:
        parts.write_published(owl, options.golden / "mplug-owl-llama-7b.txt")


if __name__ == "__main__":
    main()
