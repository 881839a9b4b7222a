#!/usr/bin/env python3
"""Runs a tiny random mPLUG-Owl-video of the reference repository and stores its folder and its numbers.

    python3.10 -m venv .venv-owl
    .venv-owl/bin/pip install torch==2.0.1 transformers==4.28.1 'tokenizers<0.14' sentencepiece==0.1.99 \
        safetensors==0.8.0 pillow==11.3.0 'numpy<2' 'protobuf<4' einops decord
    .venv-owl/bin/python scripts/reference/mplug_owl_video.py --reference CHECKOUT \
        --output Tests/SyrinxModelsTests/Fixtures/mplug-owl-video --golden Tests/SyrinxModelsTests/Golden/published

CHECKOUT is a clone of https://github.com/X-PLUG/mPLUG-Owl. Numbers are computed in float64, with the reference's
internal casts to float32 lifted, and stored as float32; the metadata says how far its own float32 is from them. The
reference cannot train on video (its forward computes a clip's rows and drops them), so the batch's rows are put in
place here, and the script checks on the cases that `generate` puts them there too.
"""

import copy
import sys

import torch
import transformers.models.llama.modeling_llama as modeling_llama

import owl_common as common
import owl_v1_parts as parts

IMAGE, VIDEO = -1, -2
MEDIA = {"<image>": parts.QUERIES + 1, "<|video|>": parts.QUERIES + 1}
FRAMES = 3
CASES = {
    "video": "Human: <|video|>\nHuman: What happens?\nAI: ",
    "image": "Human: <image>\nHuman: What is shown?\nAI: ",
    "image_and_video": "Human: <image>\nHuman: <|video|>\nHuman: Which one shows a cat?\nAI: ",
}
# The batch of the training step: prompt and answer; the answer (and its end) carries the loss.
BATCH = [
    ("Human: <|video|>\nHuman: What happens?\nAI: ", "A dog jumps."),
    ("Human: <image>\nAI: ", "A red house."),
    ("Human: What is a cat?\nAI: ", "A small animal."),
]


def media_of(ids, seed):
    """Noise for the pictures [n, 3, 20, 20] and clips [n, 3, frames, 20, 20] of the ids; None where there are none."""
    rows = parts.QUERIES + 1
    images, videos = int((ids == IMAGE).sum()) // rows, int((ids == VIDEO).sum()) // rows
    return (
        common.normal((images, 3, 20, 20), seed) if images else None,
        common.normal((videos, 3, FRAMES, 20, 20), seed + 1) if videos else None)


def embeddings(model, ids, images, videos):
    """The LLM's input with gradients: text, and each placeholder's rows replaced by its picture's or clip's."""
    result = model.get_input_embeddings()(ids.clamp(min=0)).clone()
    for placeholder, pixels in ((IMAGE, images), (VIDEO, videos)):
        if pixels is None:
            continue
        features = model.vision_model(pixels, return_dict=True).last_hidden_state
        count, frames, tokens, _ = features.shape
        options = {}
        if placeholder == VIDEO:
            options["temporal_query_embeds"] = model.temporal_query_tokens.expand(count, -1, -1)
        rows = model.abstractor(
            query_embeds=model.query_tokens.expand(count, -1, -1), encoder_hidden_states=features,
            encoder_attention_mask=torch.ones(count, frames * tokens), **options)["last_hidden_state"]
        result[ids == placeholder] = rows.flatten(0, 1)
    return result


def run_cases(owl, model, tokenizer):
    """Inputs and every stage's output of the cases, in the model's dtype."""
    recorder = common.Recorder(parts.stages(model))
    dtype = next(model.parameters()).dtype
    inputs, outputs, margins = {}, {}, {}
    for index, (case, prompt) in enumerate(CASES.items()):
        ids = parts.tokenised(owl, tokenizer, MEDIA, prompt)
        images, videos = (None if each is None else each.to(dtype) for each in media_of(ids, 10 + 2 * index))
        inputs[f"input.{case}.ids"] = ids
        for name, pixels in (("pixel_values", images), ("video_pixel_values", videos)):
            if pixels is not None:
                inputs[f"input.{case}.{name}"] = pixels
        received = []
        handle = model.language_model.register_forward_pre_hook(
            lambda module, _, keywords: received.append(keywords.get("inputs_embeds")), with_kwargs=True)
        outputs[f"output.{case}.greedy"], margins[case] = common.greedy(
            lambda **options: model.generate(
                pixel_values=images, video_pixel_values=videos, input_ids=ids, **options), 1, parts.EOS)
        handle.remove()
        with torch.no_grad():
            ours = recorder.run(case, lambda: embeddings(model, ids, images, videos))
            assert torch.equal(ours, received[0]), f"{case}: the rows are not where the reference puts them"
            result = recorder.run(case, lambda: model.language_model(inputs_embeds=received[0]))
        outputs |= {f"output.{case}.embeddings": received[0], f"output.{case}.logits": result.logits}
    # With an image and a video the encoder runs twice, and only the second run would be kept.
    seen = {
        name: value for name, value in recorder.values.items()
        if not name.startswith("output.image_and_video.") or "decoder_layer" in name}
    return inputs, outputs | seen, margins


def write_frames(owl, path):
    """Which frames the reference takes of a clip."""
    common.write_json(path, [
        {"total": total, "count": count, "frames": owl.processing_mplug_owl.get_index(total, count).tolist()}
        for count in (1, 3, 4, 8, 16) for total in (1, 2, 3, 4, 5, 7, 10, 29, 30, 31, 100, 301, 1799)])


def run_batch(model, ids, labels, images, videos):
    model.zero_grad()
    dtype = next(model.parameters()).dtype
    result = model.language_model(
        inputs_embeds=embeddings(model, ids, images.to(dtype), videos.to(dtype)), labels=labels)
    result.loss.backward()
    return {"output.batch.loss": result.loss.reshape(1)} | common.gradients(model)


def main():
    options = common.arguments(__doc__.splitlines()[0])
    sys.path.insert(0, str(options.reference / "mPLUG-Owl"))
    import mplug_owl_video as owl

    torch.set_num_threads(1)
    # The reference widens 50 to 256: a third less than given, rounded up to a multiple of 256.
    model = common.randomise(owl.MplugOwlForConditionalGeneration(parts.tiny_config(owl, abstractor_width=50)), 9)
    tokenizer = parts.save_folder(owl, model, options.output / "model")

    parts.write_prompts(owl, tokenizer, MEDIA, options.output / "prompts.json")
    parts.write_pictures(owl, options, "crop")
    write_frames(owl, options.output / "frames.json")

    exact = copy.deepcopy(model)
    inputs, outputs, margins = run_cases(owl, model, tokenizer)
    ids, counted = parts.training_rows(owl, tokenizer, MEDIA, BATCH)
    labels = ids.masked_fill(counted == 0, -100)
    images, videos = media_of(ids, 20)
    inputs |= {
        "input.batch.ids": ids, "input.batch.labels": labels, "input.batch.pixel_values": images,
        "input.batch.video_pixel_values": videos}
    single = run_batch(model, ids, labels, images, videos)

    common.lift_to_float64(exact, [modeling_llama], [owl.modeling_mplug_owl.LayerNormFp32])
    _, exact_outputs, _ = run_cases(owl, exact, tokenizer)
    batch = run_batch(exact, ids, labels, images, videos)

    metadata = common.provenance(options.reference) | common.precision(outputs, exact_outputs, "outputs") | (
        common.precision(single, batch, "gradients")) | {"smallest greedy margin": f"{min(margins.values()):.1e}"}
    common.save(options.output / "expected.safetensors", inputs | exact_outputs | batch, metadata)
    if options.golden:
        parts.write_published(owl, options.golden / "mplug-owl-llama-7b-video.txt")


if __name__ == "__main__":
    main()
