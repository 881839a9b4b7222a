#!/usr/bin/env python3
"""Runs a tiny random mPLUG-Owl2 of the reference repository and stores its folder and its numbers.

    python3.10 -m venv .venv-owl2
    .venv-owl2/bin/pip install torch==2.0.1 torchvision==0.15.2 transformers==4.31.0 'tokenizers<0.14' \
        sentencepiece==0.1.99 safetensors==0.8.0 pillow==11.3.0 'numpy<2' 'protobuf<4' einops==0.6.1 icecream \
        accelerate==0.21.0
    .venv-owl2/bin/python scripts/reference/mplug_owl2.py --reference CHECKOUT \
        --output Tests/SyrinxModelsTests/Fixtures/mplug-owl2 --golden Tests/SyrinxModelsTests/Golden/published

CHECKOUT is a clone of https://github.com/X-PLUG/mPLUG-Owl. Numbers are computed in float64, with the reference's
internal casts to float32 lifted, and stored as float32; the metadata says how far its own float32 is from them.
"""

import copy
import sys
import types

import torch
import transformers.models.llama.modeling_llama as modeling_llama
from transformers import LlamaTokenizer
from transformers.models.clip.image_processing_clip import CLIPImageProcessor

import owl_common as common
import owl_pictures

EOS = 2
QUERIES = 5
PLACEHOLDER = -200
CASES = {
    "text": "USER: What is a cat? ASSISTANT:",
    "one_image": "USER: <|image|>How many cats are there? ASSISTANT:",
    "two_images": "USER: <|image|>First one. <|image|>Which one shows a cat? ASSISTANT:",
}
# The batch of the training step: prompt and answer; the answer (and its end) carries the loss.
BATCH = [
    ("USER: <|image|>What is shown? ASSISTANT:", " A red house by the sea."),
    ("USER: What is a cat? ASSISTANT:", " A small animal."),
    ("USER: <|image|>One. <|image|>Two. ASSISTANT:", " Cats."),
]


def tiny_config(configuration):
    vision = configuration.MplugOwlVisionConfig(
        hidden_size=24, intermediate_size=50, num_hidden_layers=2, num_attention_heads=3, image_size=20, patch_size=5,
        layer_norm_eps=2e-3)
    abstractor = configuration.MplugOwlVisualAbstractorConfig(
        num_learnable_queries=QUERIES, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=37,
        layer_norm_eps=3e-3, encoder_hidden_size=24, grid_size=4)
    return configuration.MPLUGOwl2Config(
        visual_config={"visual_model": vision.to_dict(), "visual_abstractor": abstractor.to_dict()},
        vocab_size=common.VOCABULARY_SIZE, hidden_size=32, intermediate_size=44, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=256, rms_norm_eps=5e-4, rope_theta=5000.0, pad_token_id=0)


def stages(model):
    vision, abstractor = model.model.vision_model, model.model.visual_abstractor
    found = {"vision_features": vision, "image_embeddings": abstractor}
    found |= {f"vision_layer.{i}": layer for i, layer in enumerate(vision.encoder.layers)}
    found |= {f"abstractor_layer.{i}": layer for i, layer in enumerate(abstractor.encoder.layers)}
    found |= {f"decoder_layer.{i}": layer for i, layer in enumerate(model.model.layers)}
    return found


def record_decoder_input(model, recorder):
    def record(module, inputs, keywords):
        if recorder.case is None:
            return
        embeddings = keywords["inputs_embeds"]
        if embeddings is None:
            embeddings = model.model.embed_tokens(keywords["input_ids"])
        recorder.values[f"output.{recorder.case}.embeddings"] = embeddings.detach()
        recorder.values[f"output.{recorder.case}.modality"] = keywords["modality_indicators"]

    model.model.register_forward_pre_hook(record, with_kwargs=True)


def expanded(ids):
    """The ids with each placeholder repeated, one for every row an image becomes."""
    rows = [[value] * (QUERIES + 1) if value == PLACEHOLDER else [value] for value in ids[0].tolist()]
    return torch.tensor([sum(rows, [])])


def run_cases(tokenise, model):
    """Inputs and every stage's output of the cases, in the model's dtype."""
    recorder = common.Recorder(stages(model))
    record_decoder_input(model, recorder)
    inputs, outputs, margins = {}, {}, {}
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        for index, (case, prompt) in enumerate(CASES.items()):
            ids = tokenise(prompt).unsqueeze(0)
            count = int((ids == PLACEHOLDER).sum())
            pixels = common.normal((count, 3, 20, 20), 10 + index).to(dtype) if count else None
            result = recorder.run(case, lambda: model(input_ids=ids, images=pixels))
            inputs |= {f"input.{case}.ids": ids, f"input.{case}.expanded_ids": expanded(ids)}
            if pixels is not None:
                inputs[f"input.{case}.pixel_values"] = pixels
            outputs[f"output.{case}.logits"] = result.logits
            outputs[f"output.{case}.greedy"], margins[case] = common.greedy(
                lambda **options: model.generate(ids, images=pixels, **options), ids.shape[1], EOS)
    return inputs, outputs | recorder.values, margins


def training_batch(tokenise, tokenizer):
    """Ids padded on the right with 0, their mask, the labels, and the pictures: the text row takes one of zeros."""
    rows, labels, pictures = [], [], []
    for prompt, answer in BATCH:
        head = tokenise(prompt)
        tail = torch.tensor(tokenizer(answer, add_special_tokens=False).input_ids + [EOS])
        rows.append(torch.cat([head, tail]))
        labels.append(torch.cat([torch.full_like(head, -100), tail]))
        count = int((head == PLACEHOLDER).sum())
        pictures.append(common.normal((count, 3, 20, 20), 20 + len(rows)) if count else torch.zeros(1, 3, 20, 20))
    pad = lambda tensors, value: torch.nn.utils.rnn.pad_sequence(  # noqa: E731
        tensors, batch_first=True, padding_value=value)
    mask = pad([torch.ones_like(row) for row in rows], 0)
    return {
        "input.batch.ids": pad(rows, 0), "input.batch.mask": mask, "input.batch.labels": pad(labels, -100),
        "input.batch.pixel_values": torch.cat(pictures)}


def run_batch(model, batch):
    model.zero_grad()
    result = model(
        input_ids=batch["input.batch.ids"], attention_mask=batch["input.batch.mask"].bool(),
        labels=batch["input.batch.labels"],
        images=batch["input.batch.pixel_values"].to(next(model.parameters()).dtype))
    result.loss.backward()
    return {"output.batch.loss": result.loss.reshape(1)} | common.gradients(model)


def position_tables(model):
    attention = model.model.visual_abstractor.encoder.layers[0].crossattention.attention
    return {"output.query_positions": attention.q_pos_embed, "output.key_positions": attention.k_pos_embed}


def save_shards(model, folder):
    """The files as the reference's converter writes them: one a decoder layer, one for the rest, numbers not padded,
    no position tables."""
    layers = model.config.num_hidden_layers
    shards = {f"pytorch_model-{i + 1}-of-{layers + 1}.bin": {} for i in range(layers + 1)}
    for name, value in model.state_dict().items():
        if name.endswith("_pos_embed"):
            continue
        number = int(name.split(".")[2]) if name.startswith("model.layers.") else layers
        shards[f"pytorch_model-{number + 1}-of-{layers + 1}.bin"][name] = value.clone()
    folder.mkdir(parents=True, exist_ok=True)
    for file, tensors in shards.items():
        torch.save(tensors, folder / file)
    elements = sum(value.numel() for tensors in shards.values() for value in tensors.values())
    common.write_json(folder / "pytorch_model.bin.index.json", {
        "weight_map": {name: file for file, tensors in shards.items() for name in tensors},
        "metadata": {"total_size": elements * 2}})
    model.config.save_pretrained(folder)


def write_without_class_token(configuration, visual_encoder, options):
    """Encoder and abstractor with Owl2.1's switches: no class token, 256 positions resized to a grid, no last norm."""
    vision = visual_encoder.MplugOwlVisionModel(configuration.MplugOwlVisionConfig(
        hidden_size=24, intermediate_size=50, num_hidden_layers=1, num_attention_heads=3, image_size=36, patch_size=2,
        layer_norm_eps=2e-3, use_cls_token=False, use_post_layernorm=False))
    abstractor = visual_encoder.MplugOwlVisualAbstractorModel(configuration.MplugOwlVisualAbstractorConfig(
        num_learnable_queries=QUERIES, hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=37,
        layer_norm_eps=3e-3, encoder_hidden_size=24, grid_size=18, use_cls_token=False), 32)
    model = common.randomise(torch.nn.ModuleDict({"vision_model": vision, "visual_abstractor": abstractor}), 11)
    pixels = common.normal((1, 3, 36, 36), 30)
    with torch.no_grad():
        features = vision(pixels).last_hidden_state
        rows = abstractor(encoder_hidden_states=features).last_hidden_state
    weights = {
        f"weight.{name}": value for name, value in model.state_dict().items() if not name.endswith("_pos_embed")}
    common.save(options.output / "without_class_token.safetensors", weights | {
        "input.pixel_values": pixels, "output.vision_features": features, "output.image_embeddings": rows,
    }, common.provenance(options.reference))


def conversation_prompt(template, turns):
    """The prompt of a conversation whose last answer is still to come."""
    conversation = template.copy()
    for question, answer in turns:
        conversation.append_message(conversation.roles[0], question)
        conversation.append_message(conversation.roles[1], answer)
    return conversation.get_prompt()


def write_prompts(tokenise, template, path):
    """What the reference makes of prompts, some of them written by its conversation template."""
    conversations = [
        [("What is a cat?", None)], [("<|image|>What is shown?", None)],
        [("<|image|>What is shown?", "A red house."), ("Which one?", None)],
        [("<|image|><|image|>Which one shows a cat?", "The first."), ("<|image|>And this?", "No."), ("Why?", None)],
        [("What is a cat?\nAnswer the question using a single word or phrase.", None)],
        [("<|image|>Is it?\nA. yes\nB. no\nAnswer with the option’s letter from the given choices directly.", None)]]
    prompts = [
        "USER: <|image|>How many cats are there? ASSISTANT: ", "<|image|>", "<|image|>starts here",
        "ends with <|image|>", "<|image|><|image|>two together", "one<|image|>two<|image|>three", "one <|image|> two",
        "<|image|>one<|image|>two", "USER: literal </s> and <s> and <unk> in text ASSISTANT:", "</s>",
        "a</s>b <|image|> c</s>", "<s>x", "  two  spaces ", "\n", "12 \U0001f43f é 日本\ttab",
        "USER: <image>What is shown? ASSISTANT:", "USER: <|video|>What happens? ASSISTANT:"]
    entries = [{
        "conversation": turns, "prompt": conversation_prompt(template, turns),
        "ids": tokenise(conversation_prompt(template, turns)).tolist()} for turns in conversations]
    entries += [{"prompt": prompt, "ids": tokenise(prompt).tolist()} for prompt in prompts]
    common.write_json(path, entries)


def write_pictures(mm_utils, options):
    """Pictures, and what the reference makes of them in its modes; returns the first one's pixel values by mode."""
    configs = {"resize": None, "pad": types.SimpleNamespace(image_aspect_ratio="pad"), "none": types.SimpleNamespace()}
    paths = owl_pictures.write(options.output / "pictures")
    tensors = owl_pictures.decoded(paths)
    for mode, config in configs.items():
        def process(picture, raw):
            processor = CLIPImageProcessor(size=20, crop_size=20, do_rescale=not raw, do_normalize=not raw)
            return mm_utils.process_images([picture], processor, config)[0]

        # Its command line and its evaluation convert first.
        tensors |= owl_pictures.processed(paths, mode, lambda picture: picture.convert("RGB"), process)
    common.save(options.output / "pictures.safetensors", tensors, common.provenance(options.reference))
    return {mode: tensors[f"{mode}.{paths[0].name}.normalised"].unsqueeze(0) for mode in configs}


def write_answers(tokenise, model, tokenizer, pixels, path):
    """Greedy answers from a picture's file in each mode, and from text, as a user gets them."""
    cases = [(CASES["one_image"], "wide.jpg", mode) for mode in pixels] + [(CASES["text"], None, None)]
    answers = []
    for prompt, picture, mode in cases:
        ids = tokenise(prompt).unsqueeze(0)
        found, margin = common.greedy(
            lambda **options: model.generate(ids, images=pixels.get(mode), **options), ids.shape[1], EOS)
        answers.append({"picture": picture, "mode": mode, "prompt": prompt, "margin": margin} | (
            common.continuation(tokenizer, found)))
    common.write_json(path, answers)


def write_training(conversation, train, tokenizer, path):
    """Conversations in LLaVA's form as the reference's fine-tuning writes, cuts and masks them, in both its templates.

    `v1` is what its scripts pass; `mplug_owl2` is the template of inference.
    """
    def turns(*texts):
        return [{"from": "human" if i % 2 == 0 else "gpt", "value": text} for i, text in enumerate(texts)]

    records = [
        (turns("What is a cat?", "A small animal."), False),
        (turns("<|image|>\nWhat is shown?", "A red house."), True),
        (turns("What is shown?\n<|image|>", "A red house.", "Which one?", "The first."), True),
        (turns("What is a cat?", "A small animal.", "And a dog?", "Also one.", "Why?", "It shows a cat."), False),
        (turns("Is 12 \U0001f43f?\nAnswer the question using a single word or phrase.", "Yes"), False),
        (turns("say ASSISTANT: now", "No."), False), (turns("literal </s> in text", "No."), False),
        (turns("<|image|>\nWhat is shown?", ""), True),
        ([{"from": "gpt", "value": "Hello."}] + turns("Why?", "No."), False)]
    tokenizer.model_max_length = 2048
    entries = []
    for template in ("v1", "mplug_owl2"):
        conversation.default_conversation = conversation.conv_templates[template]
        for record, image in records:
            sources = [copy.deepcopy(record)]
            if image:
                train.preprocess_multimodal(sources, types.SimpleNamespace(is_multimodal=True))
            result = train.preprocess(sources, tokenizer, has_image=image)
            entries.append({
                "template": template, "image": image, "conversations": record, "ids": result["input_ids"][0].tolist(),
                "labels": result["labels"][0].tolist()})
    common.write_json(path, entries)


def main():
    options = common.arguments(__doc__.splitlines()[0])
    sys.path.insert(0, str(options.reference / "mPLUG-Owl2"))
    from mplug_owl2 import conversation, mm_utils
    from mplug_owl2.model import configuration_mplug_owl2, modeling_llama2, modeling_mplug_owl2, visual_encoder
    from mplug_owl2.train import train

    torch.set_num_threads(1)
    folder = options.output / "model"
    common.tokenizer_model(folder / "tokenizer.model")
    model = modeling_mplug_owl2.MPLUGOwl2LlamaForCausalLM(tiny_config(configuration_mplug_owl2))
    common.randomise(model, 8)

    model.save_pretrained(folder)
    LlamaTokenizer(str(folder / "tokenizer.model"), pad_token="<unk>", legacy=True).save_pretrained(folder)
    CLIPImageProcessor(size=20, crop_size=20).save_pretrained(folder)
    save_shards(model, options.output / "sharded")
    # Read back, as a user gets it: only then are special tokens cut out of text.
    tokenizer = LlamaTokenizer.from_pretrained(folder)

    def tokenise(prompt):
        return mm_utils.tokenizer_image_token(prompt, tokenizer, return_tensors="pt")

    write_prompts(tokenise, conversation.conv_templates["mplug_owl2"], options.output / "prompts.json")
    pixels = write_pictures(mm_utils, options)
    write_answers(tokenise, model, tokenizer, pixels, options.output / "answers.json")
    write_without_class_token(configuration_mplug_owl2, visual_encoder, options)
    write_training(conversation, train, tokenizer, options.output / "training.json")

    exact = copy.deepcopy(model)
    inputs, outputs, margins = run_cases(tokenise, model)
    inputs |= training_batch(tokenise, tokenizer)
    single = run_batch(model, inputs)

    common.lift_to_float64(exact, [modeling_llama, modeling_llama2])
    _, exact_outputs, _ = run_cases(tokenise, exact)
    batch = run_batch(exact, inputs)

    metadata = common.provenance(options.reference) | (
        common.precision(outputs, exact_outputs, "outputs")) | (
        common.precision(single, batch, "gradients")) | {"smallest greedy margin": f"{min(margins.values()):.1e}"}
    values = inputs | exact_outputs | position_tables(model) | batch
    common.save(options.output / "expected.safetensors", values, metadata)
    if options.golden:
        # The position tables are buffers of the module, which the published files lack.
        common.write_golden(
            options.golden / "mplug-owl2-llama2-7b.txt",
            lambda: modeling_mplug_owl2.MPLUGOwl2LlamaForCausalLM(configuration_mplug_owl2.MPLUGOwl2Config()),
            dropped=("q_pos_embed", "k_pos_embed"))


if __name__ == "__main__":
    main()
