"""Writes the results of bench.py as Markdown; every number comes from them."""

# work: title, goal by peer, floating-point operations or bytes read in one run, and what bounds it.
DECODER_WEIGHTS = 24 * (4 * 2048 ** 2 + 3 * 2048 * 5632) + 32768 * 2048
DECODER_CACHE = 2 * 24 * 2048 * 2  # bytes a token and row of the key-value cache
ENCODER_OPERATIONS = 2 * 24 * (12 * 1024 ** 2 * 577 + 2 * 577 ** 2 * 1024) + 2 * 576 * 588 * 1024
PREFILL_OPERATIONS = 2 * 512 * (DECODER_WEIGHTS - 32768 * 2048) + 24 * 2 * 512 ** 2 * 2048
TITLES = {
    "encoder-1": ("ViT-L/14@336 forward, bf16, 1 picture", {"eager": 1.2, "compiled": 1.0}, "bf16", ENCODER_OPERATIONS),
    "encoder-8": ("ViT-L/14@336 forward, bf16, 8 pictures", {"eager": 1.2, "compiled": 1.0}, "bf16", 8 * ENCODER_OPERATIONS),
    "prefill": ("1.3B decoder, prompt of 512, bf16", {"eager": 1.5}, "bf16", PREFILL_OPERATIONS),
    "decode-1": ("1.3B decoder, 4 tokens, bf16, 1 row", {"eager": 1.3}, "read", 4 * 2 * DECODER_WEIGHTS),
    "decode-8": ("1.3B decoder, 4 tokens, bf16, 8 rows", {"eager": 1.3}, "read", 4 * (2 * DECODER_WEIGHTS + 8 * 140 * DECODER_CACHE)),
    "train-demo": ("training step, demo model, bf16", {"eager": 1.0}, None, 0),
    "train-100m": ("training step, 110M decoder, bf16", {"eager": 1.0}, "bf16", 6 * 1024 * 110e6),
    "pictures-1mp": ("48 JPEGs of 1 Mpixel to 336 tensors", {"eager": 1.0}, None, 0),
    "pictures-12mp": ("8 JPEGs of 12 Mpixel to 336 tensors", {"eager": 1.0}, None, 0),
    "pictures-1mp-scaled": ("48 JPEGs of 1 Mpixel, decoded at a smaller scale", {"eager": 1.5}, None, 0),
    "pictures-12mp-scaled": ("8 JPEGs of 12 Mpixel, decoded at a smaller scale", {"eager": 1.5}, None, 0),
}

PEERS = {
    "eager": "PyTorch eager: `transformers`' CLIPVisionModel and LlamaForCausalLM as they come (scaled-dot-product attention,\n"
             "  dynamic cache); for training the demo's model in plain PyTorch (`mm1.py`) with bf16 autocast over float32 weights,\n"
             "  a block-diagonal causal mask and fused AdamW; for pictures Pillow and `transformers`' `CLIPImageProcessor` (the\n"
             "  Pillow one: its faster one needs torchvision) in one worker process a core, in draft mode where Syrinx scales",
    "compiled": "the same under `torch.compile`, layer by layer, with its defaults",
}


def bound(kind, amount, seconds, limits):
    if kind is None:
        return ""
    rate = amount / seconds / 1e9
    unit = "GB/s" if kind == "read" else "GFLOP/s"
    return f"{rate:.0f} {unit}, {100 * rate / limits[kind]:.0f} %"


def row(result, variant, limits):
    title, goals, kind, amount = TITLES[result["work"]]
    peer = result["peers"][variant]
    goal = goals.get(variant)
    mark = "" if goal is None else f"{goal:.1f} {'reached' if peer['ratio'] >= goal else 'missed'}"
    return (f"| {title} | {variant} | {result['seconds'] * 1e3:.0f} | {peer['seconds'] * 1e3:.0f} | **{peer['ratio']:.2f}** "
            f"({peer['lowest']:.2f}–{peer['highest']:.2f}) | {mark} | {peer['memory']:.2f} | "
            f"{bound(kind, amount, result['seconds'], limits)} | {peer['difference']:.1e} |")


def markdown(machine, results):
    limits = machine["limits"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        "# Syrinx against PyTorch", "",
        "Written by `make bench`, which measures everything on this page in one run; `Documentation/Benchmarks.md` says how to",
        "read it and what bounds each work.", "",
        f"Machine: {machine['processor']}, {machine['cores']} logical cores. Peers: {versions}; both sides compute with libtorch",
        f"{machine['versions']['torch'].split('+')[0]} and {machine['cores']} threads.", "",
        "Limits measured in the same run, each the best of several: "
        f"products of 2048 x 2048 matrices {limits['fp32']:.0f} GFLOP/s in float32 and {limits['bf16']:.0f} in bfloat16, "
        f"reading memory {limits['read']:.0f} GB/s.", "",
        "| work | peer | Syrinx ms | peer ms | times as fast (lowest–highest) | goal | memory | of the limit | difference |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    used = []
    for result in results:
        for variant in result["peers"]:
            lines.append(row(result, variant, limits))
            if variant not in used:
                used.append(variant)
    lines += [
        "", "- *times as fast*: median over rounds of the peer's seconds by Syrinx's in the same round; the sides take turns.",
        "- *memory*: Syrinx's largest resident set by the peer's, both from the start of the process; of the peer's picture",
        "  workers only the process that collects is counted.",
        "- *of the limit*: operations the work needs by definition, or bytes it must read, a second, and their share of the",
        "  limit above.",
        "- *difference*: max|a - b| by max|b| of both sides' outputs (features, logits, the losses of the first three steps,",
        "  pixels); bfloat16 rounds to 4e-3.",
    ]
    lines += [f"- *{variant}*: {PEERS[variant]}." for variant in used]
    return "\n".join(lines) + "\n"
