#!/usr/bin/env python3
"""Runs a tiny random mPLUG-Owl (v1) of the reference repository and stores its folder and its numbers.

    python3.10 -m venv .venv-owl
    .venv-owl/bin/pip install torch==2.0.1 transformers==4.28.1 'tokenizers<0.14' sentencepiece==0.1.99 \
        safetensors==0.8.0 pillow==11.3.0 'numpy<2' 'protobuf<4' einops
    .venv-owl/bin/python scripts/reference/mplug_owl.py --reference CHECKOUT \
        --output Tests/SyrinxModelsTests/Fixtures/mplug-owl --golden Tests/SyrinxModelsTests/Golden/published

CHECKOUT is a clone of https://github.com/X-PLUG/mPLUG-Owl. Outputs are the reference's in float32 as it runs; the batch's
loss and gradients are computed in float64, with the reference's internal casts to float32 lifted.
"""

import copy
import sys

import torch
import transformers.models.llama.modeling_llama as modeling_llama
from transformers import LlamaConfig
from transformers.models.clip.image_processing_clip import CLIPImageProcessor

import owl_common as common

EOS = 2
QUERIES = 5
MEDIA = {"<image>": QUERIES + 1}
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


def tiny_config(owl):
    vision = owl.configuration_mplug_owl.MplugOwlVisionConfig(
        hidden_size=24, intermediate_size=50, num_hidden_layers=2, num_attention_heads=3, image_size=20, patch_size=5,
        layer_norm_eps=2e-3)
    abstractor = owl.configuration_mplug_owl.MplugOwlVisualAbstractorConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=37, layer_norm_eps=3e-3,
        encoder_hidden_size=24)
    text = LlamaConfig(
        vocab_size=common.VOCABULARY_SIZE, hidden_size=32, intermediate_size=44, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=256, rms_norm_eps=5e-4, pad_token_id=0)
    return owl.MplugOwlConfig(
        vision_config=vision.to_dict(), visual_abstractor_config=abstractor.to_dict(), text_config=text.to_dict(),
        num_query_tokens=QUERIES)


def stages(model):
    found = {"vision_features": model.vision_model, "image_embeddings": model.abstractor}
    found |= {f"vision_layer.{i}": layer for i, layer in enumerate(model.vision_model.encoder.layers)}
    found |= {f"abstractor_layer.{i}": layer for i, layer in enumerate(model.abstractor.encoder.layers)}
    found |= {f"decoder_layer.{i}": layer for i, layer in enumerate(model.language_model.model.layers)}
    return found


def forward(model, pixels, ids, labels=None, counted=None):
    """The reference's forward, whose masks have one position fewer than the ids."""
    ones = torch.ones_like(ids[:, 1:])
    return model(
        pixel_values=pixels, input_ids=ids, num_images=torch.tensor([starts(row) for row in ids]),
        non_padding_mask=ones, non_media_mask=(ids[:, 1:] >= 0).long(), prompt_mask=ones if counted is None else counted,
        labels=ids.clone() if labels is None else labels)


def starts(row):
    """How many pictures a row of ids has."""
    return int((row < 0).sum()) // (QUERIES + 1)


def record_embeddings(model, recorder):
    def record(module, inputs, keywords):
        if recorder.case is not None and keywords.get("inputs_embeds") is not None:
            recorder.values[f"output.{recorder.case}.embeddings"] = keywords["inputs_embeds"].detach()

    model.language_model.register_forward_pre_hook(record, with_kwargs=True)


def tokenised(owl, tokenizer, text):
    encoded = owl.processing_mplug_owl.tokenize_prompts(
        prompts=[text], tokens_to_generate=0, add_BOS=True, tokenizer=tokenizer, ignore_dist=True, media_info=MEDIA)
    return encoded["input_ids"]


def run_cases(owl, model, tokenizer):
    """Inputs and every stage's output of the cases, in the model's dtype."""
    recorder = common.Recorder(stages(model))
    record_embeddings(model, recorder)
    inputs, outputs, margins = {}, {}, {}
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        for index, (case, prompt) in enumerate(CASES.items()):
            ids = tokenised(owl, tokenizer, prompt)
            count = starts(ids[0])
            pixels = common.normal((count, 3, 20, 20), 10 + index).to(dtype) if count else None
            result = recorder.run(case, lambda: forward(model, pixels, ids))
            inputs[f"input.{case}.ids"] = ids
            if pixels is not None:
                inputs[f"input.{case}.pixel_values"] = pixels
            outputs[f"output.{case}.logits"] = result.logits
            # `generate` feeds embeddings: what comes back is the start id and the continuation.
            outputs[f"output.{case}.greedy"], margins[case] = common.greedy(
                lambda **options: model.generate(pixel_values=pixels, input_ids=ids, **options), 1, EOS)
    return inputs, outputs | recorder.values, margins


def training_batch(owl, tokenizer):
    """Ids padded on the right with 0, and the masked labels as the reference's forward masks them."""
    rows, counted = [], []
    for prompt, answer in BATCH:
        head = tokenised(owl, tokenizer, prompt)[0]
        tail = torch.tensor(tokenizer(answer, add_special_tokens=False)["input_ids"] + [EOS])
        rows.append(torch.cat([head, tail]))
        counted.append(torch.cat([torch.zeros_like(head), torch.ones_like(tail)]))
    pad = lambda tensors: torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True)  # noqa: E731
    ids, counted = pad(rows), pad(counted)
    return ids, counted[:, 1:], common.normal((sum(starts(row) for row in ids), 3, 20, 20), 20)


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
    folder = options.output / "model"
    common.tokenizer_model(folder / "tokenizer.model")
    tokenizer = owl.MplugOwlTokenizer(str(folder / "tokenizer.model"))
    model = common.randomise(owl.MplugOwlForConditionalGeneration(tiny_config(owl)), 7)

    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessor(size=20, crop_size=20).save_pretrained(folder)

    exact = copy.deepcopy(model)
    inputs, outputs, margins = run_cases(owl, model, tokenizer)
    ids, counted, pixels = training_batch(owl, tokenizer)
    inputs |= {"input.batch.ids": ids, "input.batch.pixel_values": pixels}
    _, single = run_batch(model, ids, counted, pixels)

    common.lift_to_float64(exact, [modeling_llama], [owl.modeling_mplug_owl.LayerNormFp32])
    _, exact_outputs, _ = run_cases(owl, exact, tokenizer)
    inputs["input.batch.labels"], batch = run_batch(exact, ids, counted, pixels)

    metadata = common.provenance(options.reference) | common.precision(outputs, exact_outputs, "outputs") | (
        common.precision(single, batch, "gradients")) | {"smallest greedy margin": f"{min(margins.values()):.1e}"}
    common.save(options.output / "expected.safetensors", inputs | outputs | batch, metadata)


if __name__ == "__main__":
    main()
