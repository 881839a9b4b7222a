"""The PyTorch side of `make bench`: does one work on request, in step with the Swift side. Started by bench.py.

    peer.py prepare FOLDER            makes weights, inputs and pictures that both sides read
    peer.py WORK VARIANT FOLDER      answers each line `run` with `seconds S`; at the end `peak BYTES`

A variant whose name ends with `-float32` computes in float32, the others in bfloat16.
"""

import os
import sys

import torch
from safetensors.torch import load_file, save_file

import mm1
from conversation import THREADS, Conversation

DECODER = dict(
    vocab_size=32768, hidden_size=2048, intermediate_size=5632, num_hidden_layers=24, num_attention_heads=32,
    num_key_value_heads=32, max_position_embeddings=4096, rms_norm_eps=1e-5, tie_word_embeddings=True)
ENCODER = dict(
    hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=336,
    patch_size=14, hidden_act="quick_gelu")
LARGER = dict(vocabulary=32768, width=768, inner=2048, layers=12, heads=12)
TOKENS_PER_RUN = 4


# --- Models --------------------------------------------------------------------------------------------------------


def published(make, config, path, dtype):
    """A model of transformers over the file's tensors, built without first filling it."""
    with torch.device("meta"):
        model = make(config).to(dtype)
    state = {name: tensor.to(dtype) for name, tensor in load_file(path).items()}
    missing, unexpected = model.load_state_dict(state, strict=False, assign=True)
    model.tie_weights()
    assert not unexpected and all("lm_head" in name or "position_ids" in name for name in missing), (missing, unexpected)
    for module in model.modules():
        # What is computed at construction and not saved has to be computed again.
        if hasattr(module, "position_ids"):
            module.position_ids = torch.arange(module.position_ids.size(1)).unsqueeze(0)
        if hasattr(module, "original_inv_freq"):
            module.__init__(config)
    return model.eval()


def encoder():
    from transformers import CLIPVisionConfig, CLIPVisionModel
    return CLIPVisionModel, CLIPVisionConfig(**ENCODER)


def decoder():
    from transformers import LlamaConfig, LlamaForCausalLM
    return LlamaForCausalLM, LlamaConfig(**DECODER)


def serve_encoder(talk):
    make, config = encoder()
    model = published(make, config, talk.path("encoder.published.safetensors"), talk.dtype)
    pixels = talk.input()["pixels"].to(talk.dtype)
    if talk.variant.startswith("compiled"):
        for layer in model.vision_model.encoder.layers:
            layer.compile()
    with torch.inference_mode():
        talk.write(model(pixels).last_hidden_state)
        talk.serve(lambda: model(pixels))


def serve_prefill(talk):
    model = published(*decoder(), talk.path("decoder.published.safetensors"), talk.dtype)
    tokens = talk.input()["tokens"]

    def prefill():
        return model(tokens, use_cache=True, logits_to_keep=1).logits

    with torch.inference_mode():
        talk.write(prefill())
        talk.serve(prefill)


def serve_decoding(talk):
    model = published(*decoder(), talk.path("decoder.published.safetensors"), talk.dtype)
    tokens = talk.input()["tokens"]
    with torch.inference_mode():
        cache = model(tokens[:, :-1], use_cache=True, logits_to_keep=1).past_key_values
        state = {"next": tokens[:, -1:]}

        def step():
            logits = model(state["next"], past_key_values=cache, use_cache=True).logits
            state["next"] = logits.argmax(-1)
            return logits

        talk.write(step())
        talk.serve(lambda: [step() for _ in range(TOKENS_PER_RUN)])


def serve_training(talk):
    model = mm1.MM1(**(LARGER if talk.work == "train-100m" else {}))
    model.load_state_dict(load_file(talk.path(f"{talk.work}.safetensors")))
    batch = talk.input()
    segments = batch.pop("segments").view(-1, 3).tolist()
    batch["mask"] = mm1.block_diagonal_mask(*batch["labels"].shape, segments)
    if "pixels" not in batch:
        for part in (model.vision_encoder, model.connector):
            part.requires_grad_(False)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True)
    weight = (batch["labels"] != -100).sum()
    losses = []

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=talk.dtype == torch.bfloat16):
            loss = model.loss(batch)
        (loss / weight).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        losses.append(float(loss.detach() / weight))

    for _ in range(3):
        step()
    talk.write(torch.tensor(losses))
    talk.serve(step)


# --- Pictures ------------------------------------------------------------------------------------------------------


class Pictures(torch.utils.data.Dataset):
    def __init__(self, path, count, scaled):
        from transformers import CLIPImageProcessor
        self.path, self.count, self.scaled = path, count, scaled
        self.processor = CLIPImageProcessor(
            size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        from PIL import Image
        picture = Image.open(self.path)
        if self.scaled:
            picture.draft("RGB", (336, 336))
        return self.processor(picture, return_tensors="pt")["pixel_values"][0]


def serve_pictures(talk):
    size = "1mp" if "-1mp" in talk.work else "12mp"
    data = Pictures(talk.path(f"{size}.jpg"), 48 if size == "1mp" else 8, talk.work.endswith("-scaled"))
    talk.write(data[0])
    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=THREADS, persistent_workers=True)
    for _ in loader:
        pass
    talk.serve(lambda: [tensor for tensor in loader])


# --- Preparation ---------------------------------------------------------------------------------------------------


def random_state(make, config, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        names = make(config).state_dict()
    state = {}
    for name, tensor in names.items():
        if "position_ids" in name or name == "lm_head.weight":
            continue
        if tensor.dim() > 1:
            fan = tensor[0].numel()
            values = torch.empty(tensor.shape).normal_(0, fan ** -0.5, generator=generator)
        else:
            values = torch.empty(tensor.shape).normal_(0, 0.02, generator=generator)
            if "norm" in name and name.endswith("weight"):
                values += 1
        state[name] = values.to(torch.bfloat16)
    return state


def training_input(rows, columns, vocabulary, lengths, visual, seed):
    generator = torch.Generator().manual_seed(seed)
    segments, places = [], []
    labels = torch.full((rows, columns), -100)
    positions = torch.zeros(rows, columns, dtype=torch.int64)
    tokens = torch.randint(10, vocabulary, (rows, columns), generator=generator)
    for row in range(rows):
        start = 0
        while True:
            length = lengths[len(segments) % len(lengths)]
            if start + length > columns:
                break
            segments.append((row, start, length))
            positions[row, start:start + length] = torch.arange(length)
            first = row * columns + start
            if visual:
                places += range(first + 1, first + 1 + visual)
                tokens[row, start + 1:start + 1 + visual] = 4
            labels[row, start + visual:start + length - 1] = tokens[row, start + visual + 1:start + length]
            start += length
    batch = {"tokens": tokens, "labels": labels, "positions": positions, "segments": torch.tensor(segments).flatten()}
    if visual:
        batch["pixels"] = torch.randn(len(segments), 3, 64, 64, generator=generator)
        batch["visual_positions"] = torch.tensor(places)
    return batch


def prepare(folder):
    from PIL import Image
    os.makedirs(folder, exist_ok=True)
    path = lambda name: os.path.join(folder, name)
    if os.path.exists(path("complete")):
        return
    generator = torch.Generator().manual_seed(1)
    state = random_state(*encoder(), 2)
    save_file(state, path("encoder.published.safetensors"))
    save_file({name.removeprefix("vision_model."): value for name, value in state.items()}, path("encoder.safetensors"))
    state = random_state(*decoder(), 3)
    save_file(state, path("decoder.published.safetensors"))
    os.link(path("decoder.published.safetensors"), path("decoder.safetensors"))
    for batch in (1, 8):
        pixels = torch.randn(batch, 3, 336, 336, generator=generator).to(torch.bfloat16)
        save_file({"pixels": pixels}, path(f"encoder-{batch}.input.safetensors"))
        tokens = torch.randint(0, 32768, (batch, 128), generator=generator)
        save_file({"tokens": tokens}, path(f"decode-{batch}.input.safetensors"))
    tokens = torch.randint(0, 32768, (1, 512), generator=generator)
    save_file({"tokens": tokens}, path("prefill.input.safetensors"))
    for work, sizes in (("train-demo", {}), ("train-100m", LARGER)):
        model = mm1.MM1(**sizes)
        mm1.initialise(model, 4)
        save_file({name: value.detach() for name, value in model.named_parameters()}, path(f"{work}.safetensors"))
    save_file(training_input(4, 512, 4096, (48, 55, 62, 53, 60, 51, 58, 49), 16, 5), path("train-demo.input.safetensors"))
    save_file(training_input(2, 512, 32768, (96, 160, 128, 128), 0, 6), path("train-100m.input.safetensors"))
    for name, width, height in (("1mp", 1152, 864), ("12mp", 4000, 3000)):
        noise = Image.effect_noise((width // 4, height // 4), 60).resize((width, height), Image.Resampling.BICUBIC)
        ramp = Image.linear_gradient("L").resize((width, height))
        Image.merge("RGB", (noise, ramp, noise.rotate(180))).save(path(f"{name}.jpg"), quality=85)
    open(path("complete"), "w").close()


def main():
    torch.set_num_threads(THREADS)
    if sys.argv[1] == "prepare":
        return prepare(sys.argv[2])
    work, variant, folder = sys.argv[1:]
    talk = Conversation(folder, work, variant)
    kind = work.split("-")[0]
    {"encoder": serve_encoder, "prefill": serve_prefill, "decode": serve_decoding, "train": serve_training,
     "pictures": serve_pictures}[kind](talk)


main()
