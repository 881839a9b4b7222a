"""What the scripts of mPLUG-Owl (v1) and its video variant share; `owl` is the reference's package of either."""

import torch
from PIL import Image
from transformers import LlamaConfig
from transformers.models.clip.image_processing_clip import CLIPImageProcessor

import owl_common as common
import owl_pictures

EOS = 2
QUERIES = 5


def tiny_config(owl, abstractor_width=37):
    vision = owl.configuration_mplug_owl.MplugOwlVisionConfig(
        hidden_size=24, intermediate_size=50, num_hidden_layers=2, num_attention_heads=3, image_size=20, patch_size=5,
        layer_norm_eps=2e-3)
    abstractor = owl.configuration_mplug_owl.MplugOwlVisualAbstractorConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=abstractor_width,
        layer_norm_eps=3e-3, encoder_hidden_size=24)
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


def tokenised(owl, tokenizer, media, text):
    encoded = owl.processing_mplug_owl.tokenize_prompts(
        prompts=[text], tokens_to_generate=0, add_BOS=True, tokenizer=tokenizer, ignore_dist=True, media_info=media)
    return encoded["input_ids"]


def training_rows(owl, tokenizer, media, pairs):
    """Ids of prompts and answers, padded on the right with 0, and the positions that carry the loss: the answers'."""
    rows, counted = [], []
    for prompt, answer in pairs:
        head = tokenised(owl, tokenizer, media, prompt)[0]
        tail = torch.tensor(tokenizer(answer, add_special_tokens=False)["input_ids"] + [EOS])
        rows.append(torch.cat([head, tail]))
        counted.append(torch.cat([torch.zeros_like(head), torch.ones_like(tail)]))
    return tuple(torch.nn.utils.rnn.pad_sequence(each, batch_first=True) for each in (rows, counted))

def save_folder(owl, model, folder):
    """Everything the reference's libraries write of a model, its tokenizer and its image processor.

    Returns the tokenizer as a user gets it, read back: only then are special tokens cut out of text.
    """
    common.tokenizer_model(folder / "tokenizer.model")
    model.save_pretrained(folder)
    owl.MplugOwlTokenizer(str(folder / "tokenizer.model")).save_pretrained(folder)
    CLIPImageProcessor(size=20, crop_size=20).save_pretrained(folder)
    return owl.MplugOwlTokenizer.from_pretrained(folder)


SYSTEM = (
    "The following is a conversation between a curious human and AI assistant. The assistant gives helpful, detailed, "
    "and polite answers to the user's questions.\n")


def write_prompts(owl, tokenizer, media, path):
    """What the reference's processor makes of prompts: `rows` ids a placeholder, and a batch padded on the right."""
    prompts = [
        "", "Human: What is a cat?\nAI: ", "Human: <image>\nHuman: What is shown?\nAI: ", "<image>",
        "<image> starts here", "ends with <image>", "<image><image>two together", "one<image>two<image>three",
        "Human: literal </s> and <s> and <unk> in text\nAI: ", "</s>", "a</s>b <image> c</s>", "  two  spaces ", "\n",
        "12 \U0001f43f é 日本\ttab", "Human: <|video|>\nHuman: What happens?\nAI: ", "Human: < image>\nAI: ",
        SYSTEM + "Human: <image>\nHuman: How many cats are there?\nAI: ",
        SYSTEM + "Human: <image>\nHuman: <image>\nHuman: Which one shows a cat?\nAI: The first.\n"
        "Human: <image>\nHuman: And this?\nAI: "]

    def entry(prompt, rows):
        ids = tokenised(owl, tokenizer, {name: rows for name in media}, prompt)[0]
        return {"prompt": prompt, "rows": rows, "ids": ids.tolist()}

    entries = [entry(prompt, QUERIES + 1) for prompt in prompts] + [entry(prompts[2], 65)]
    texts = [prompts[1], prompts[2]]
    batch = owl.processing_mplug_owl.tokenize_prompts(
        prompts=texts, tokens_to_generate=0, add_BOS=True, tokenizer=tokenizer, ignore_dist=True, media_info=media)
    common.write_json(path, entries + [{
        "batch": texts, "rows": QUERIES + 1, "ids": batch["input_ids"].tolist(),
        "mask": batch["attention_mask"].long().tolist()}])


def write_pictures(owl, options, mode):
    """Pictures and what the reference's processor makes of them, each alone; returns the first one's pixel values."""
    processor = owl.MplugOwlProcessor(owl.MplugOwlImageProcessor(size=20, crop_size=20), None)

    def process(picture, raw):
        arguments = {"do_rescale": False, "do_normalize": False} if raw else {}
        return processor(images=[picture], return_tensors="pt", **arguments)["pixel_values"][0]

    paths = owl_pictures.write(options.output / "pictures")
    tensors = owl_pictures.decoded(paths) | owl_pictures.processed(paths, mode, lambda picture: picture, process)
    common.save(options.output / "pictures.safetensors", tensors, common.provenance(options.reference))
    return process(Image.open(paths[0]), False).unsqueeze(0)


def write_published(owl, path):
    """The golden list of the published 7B size: the classes' defaults, with the abstractor's width as published."""
    abstractor = owl.configuration_mplug_owl.MplugOwlVisualAbstractorConfig(intermediate_size=2816)
    config = owl.MplugOwlConfig(
        visual_abstractor_config=abstractor.to_dict(), text_config=LlamaConfig(pad_token_id=0).to_dict())
    common.write_golden(path, lambda: owl.MplugOwlForConditionalGeneration(config))
