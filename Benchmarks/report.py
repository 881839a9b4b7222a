"""Writes the results of bench.py as Markdown; every number comes from them."""

# work: title, goal by peer, floating-point operations or bytes read in one run, and what bounds it.
DECODER_WEIGHTS = 24 * (4 * 2048 ** 2 + 3 * 2048 * 5632) + 32768 * 2048
DECODER_CACHE = 2 * 24 * 2048 * 2  # bytes a token and row of the key-value cache
ENCODER_OPERATIONS = 2 * 24 * (12 * 1024 ** 2 * 577 + 2 * 577 ** 2 * 1024) + 2 * 576 * 588 * 1024
PREFILL_OPERATIONS = 2 * 512 * (DECODER_WEIGHTS - 32768 * 2048) + 24 * 2 * 512 ** 2 * 2048
# mPLUG-Owl2 halved (peer_owl2.py): a prompt of 128 positions, 65 of them a picture's 1025 encoder tokens in the end.
OWL2_LAYER = 4 * 2048 ** 2 + 3 * 2048 * 5504  # that one position uses; the other branch's keys and values are not among them
OWL2_PICTURE = (12 * (12 * 512 ** 2 * 1025 + 2 * 1025 ** 2 * 512) + 1024 * 588 * 512
                + 3 * (2 * 512 ** 2 * (64 + 1089) + 2 * 64 * 1089 * 512 + 3 * 64 * 512 * 1408) + 64 * 512 * 2048)
OWL2_OPERATIONS = 2 * (OWL2_PICTURE + 128 * 16 * OWL2_LAYER + 16 * 128 ** 2 * 2048 + 32000 * 2048)
OWL2_WEIGHTS = 16 * OWL2_LAYER + 32000 * 2048
OWL2_CACHE = 2 * 16 * 2048 * 2
TITLES = {
    "encoder-1": ("ViT-L/14@336 forward, bf16, 1 picture", {"eager": 1.2, "compiled": 1.0}, "bf16", ENCODER_OPERATIONS),
    "encoder-8": ("ViT-L/14@336 forward, bf16, 8 pictures", {"eager": 1.2, "compiled": 1.0}, "bf16", 8 * ENCODER_OPERATIONS),
    "prefill": ("1.3B decoder, prompt of 512, bf16", {"eager": 1.5}, "bf16", PREFILL_OPERATIONS),
    "decode-1": ("1.3B decoder, 4 tokens, bf16, 1 row", {"eager": 1.3}, "read", 4 * 2 * DECODER_WEIGHTS),
    "decode-8": ("1.3B decoder, 4 tokens, bf16, 8 rows", {"eager": 1.3}, "read", 4 * (2 * DECODER_WEIGHTS + 8 * 140 * DECODER_CACHE)),
    "owl2-prefill-1": ("mPLUG-Owl2 1.1B, picture and text, bf16, 1 row", {"reference": 1.2}, "bf16", OWL2_OPERATIONS),
    "owl2-prefill-8": ("mPLUG-Owl2 1.1B, picture and text, bf16, 8 rows", {"reference": 1.2}, "bf16", 8 * OWL2_OPERATIONS),
    "owl2-decode-1": ("mPLUG-Owl2 1.1B, 4 tokens, bf16, 1 row", {}, "read", 4 * 2 * OWL2_WEIGHTS),
    "owl2-decode-8": ("mPLUG-Owl2 1.1B, 4 tokens, bf16, 8 rows", {"reference": 1.5}, "read", 4 * (2 * OWL2_WEIGHTS + 8 * 140 * OWL2_CACHE)),
    "train-demo": ("training step, demo model, bf16", {"eager": 1.0}, None, 0),
    "train-100m": ("training step, 110M decoder, bf16", {"eager": 1.0}, "bf16", 6 * 1024 * 110e6),
    "pictures-1mp": ("48 JPEGs of 1 Mpixel to 336 tensors", {"eager": 1.0}, None, 0),
    "pictures-12mp": ("8 JPEGs of 12 Mpixel to 336 tensors", {"eager": 1.0}, None, 0),
    "pictures-1mp-scaled": ("48 JPEGs of 1 Mpixel, decoded at a smaller scale", {"eager": 1.5}, None, 0),
    "pictures-12mp-scaled": ("8 JPEGs of 12 Mpixel, decoded at a smaller scale", {"eager": 1.5}, None, 0),
}

# What bfloat16 is to reach against Syrinx's own float32 on a processor without instructions for bfloat16 products.
FLOAT32_GOALS = {"encoder": 0.8, "prefill": 0.8, "decode": 1.5, "train": 1.0}

# Largest share of the peer's memory, by peer, where one is set.
MEMORY_GOALS = {"reference": 1.0}

PEERS = {
    "eager": "PyTorch eager: `transformers`' CLIPVisionModel and LlamaForCausalLM as they come (scaled-dot-product attention,\n"
             "  dynamic cache); for training the demo's model in plain PyTorch (`mm1.py`) with bf16 autocast over float32 weights,\n"
             "  a block-diagonal causal mask and fused AdamW; for pictures Pillow and `transformers`' `CLIPImageProcessor` (the\n"
             "  Pillow one: its faster one needs torchvision) in one worker process a core, in draft mode where Syrinx scales",
    "reference": "mPLUG-Owl2's own code, unchanged, on a model of its own with every width and depth halved (1.12 billion\n"
                 "  parameters), loaded as its loader does: its attention, its cache and its batch of equal rows with one picture\n"
                 "  each. A prompt has 128 positions, 65 of them from a picture of 448 pixels; the time includes encoding it",
    "eager-float32": "PyTorch eager computing in float32, because its bfloat16 products run in a scalar loop on such processors:\n"
                     "  `transformers`' CLIPVisionModel and LlamaForCausalLM as they come (scaled-dot-product attention, dynamic cache);\n"
                     "  for training the demo's model in plain PyTorch (`mm1.py`), a block-diagonal causal mask and fused AdamW",
    "syrinx-float32": "Syrinx itself, computing in float32",
    "compiled": "the same under `torch.compile`, layer by layer, with its defaults",
}


# Why a goal may be missed, from profiles of the worker; Documentation/Benchmarks.md says how to repeat them.
REASONS = {
    **{work: "nearly all of Syrinx's time is its matrix product (`ManyRows.cpp`), which is close to the best product of this machine"
       for work in ("prefill", "owl2-prefill-1", "owl2-prefill-8")},
    "pictures-12mp-scaled": "nearly all of the time is libjpeg-turbo reading the entropy-coded bits, the same library on both sides",
}


def bound(kind, amount, seconds, limits):
    if kind is None:
        return ""
    rate = amount / seconds / 1e9
    unit = "GB/s" if kind == "read" else "GFLOP/s"
    return f"{rate:.0f} {unit}, {100 * rate / limits[kind]:.0f} %"


def speed_goal(work, variant, kernel_class):
    if variant == "syrinx-float32":
        return FLOAT32_GOALS.get(work.split("-")[0]) if kernel_class in ("portable", "avx2", "neon") else None
    return TITLES[work][1].get(variant)


def goals_of(result, variant, kernel_class):
    """What is to be reached: its name, the bound and whether it was reached; speed first, then memory."""
    peer, speed = result["peers"][variant], speed_goal(result["work"], variant, kernel_class)
    memory = MEMORY_GOALS.get(variant)
    found = [] if speed is None else [("", speed, peer["ratio"] >= speed)]
    return found if memory is None else [*found, ("memory ", memory, peer["memory"] <= memory)]


def row(result, variant, limits, kernel_class):
    title, _, kind, amount = TITLES[result["work"]]
    peer = result["peers"][variant]
    mark = ", ".join(
        f"{name}{bound:.1f} {'reached' if reached else 'missed'}" for name, bound, reached in goals_of(result, variant, kernel_class))
    return (f"| {title} | {variant} | {result['seconds'] * 1e3:.0f} | {peer['seconds'] * 1e3:.0f} | **{peer['ratio']:.2f}** "
            f"({peer['lowest']:.2f}–{peer['highest']:.2f}) | {mark} | {peer['memory']:.2f} | "
            f"{bound(kind, amount, result['seconds'], limits)} | {peer['difference']:.1e} |")


def reference_line(reference):
    return (f"The reference is X-PLUG/mPLUG-Owl at commit {reference['commit']}, run with torch {reference['torch']},\n"
            f"transformers {reference['transformers']} and Python {reference['python']}.")


def markdown(machine, results, left_out):
    limits = machine["limits"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        f"# Syrinx against PyTorch: processors of class {machine['class']}", "",
        "Written by `make bench`, which measures everything on this page in one run; `Documentation/Benchmarks.md` says how to",
        "read it and what bounds each work.", "",
        *([f"Only these works were measured: `BENCH_FLAGS=\"--works {machine['works']}\"`.", ""] if machine["works"] else []),
        f"Machine: {machine['processor']}, {machine['cores']} logical cores; kernels of class {machine['class']}"
        + (", to which both sides were limited" if machine["forced"] else "") + f". Peers: {versions};",
        f"both sides compute with libtorch {machine['versions']['torch'].split('+')[0]} and {machine['cores']} threads.", "",
        "Limits measured in the same run, each the best of several: products of 2048 x 2048 matrices "
        f"{limits['fp32']:.0f} GFLOP/s in float32",
        f"and {limits['bf16']:.0f} in bfloat16, reading memory {limits['read']:.0f} GB/s.", "",
        "| work | peer | Syrinx ms | peer ms | times as fast (lowest–highest) | goal | memory | of the limit | difference |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    if machine["reference"]:
        lines[-3:-3] = ["", reference_line(machine["reference"])]
    used = []
    for result in results:
        for variant in result["peers"]:
            lines.append(row(result, variant, limits, machine["class"]))
            if variant not in used:
                used.append(variant)
    lines += [f"| {TITLES[work][0]} | reference | | | not measured | | | | |" for work in left_out]
    lines += [
        "", "- *times as fast*: median over rounds of the peer's seconds by Syrinx's in the same round; the sides take turns.",
        "- *memory*: Syrinx's largest resident set by the peer's, both from the start of the process; of the peer's picture",
        "  workers only the process that collects is counted.",
        "- *of the limit*: operations the work needs by definition, or bytes it must read, a second, and their share of the",
        "  limit above.",
        "- *difference*: max|a - b| by max|b| of both sides' outputs (features, logits, the losses of the first three steps,",
        "  pixels); bfloat16 rounds to 4e-3.",
    ]
    for result in results:
        if not all(reached for variant in result["peers"] for _, _, reached in goals_of(result, variant, machine["class"])):
            title, reason = TITLES[result["work"]][0], REASONS.get(result["work"], "not looked into yet")
            lines.append(f"- *missed*, {title}: {reason}.")
    if left_out:
        lines.append("- *not measured*: `Benchmarks/requirements-owl2.txt` says how to give a checkout of the reference.")
    lines += [f"- *{variant}*: {PEERS[variant]}." for variant in used]
    return "\n".join(lines) + "\n"
