#!/usr/bin/env python3
"""Writes what the Python package sentencepiece makes of awkward strings, with the two small models it used.

    python3 -m venv .venv-reference && .venv-reference/bin/pip install sentencepiece==0.2.1
    .venv-reference/bin/python scripts/reference/sentencepiece_strings.py

The models are trained by the same package from the sentences below. Swift must encode and decode as it does. Beside the strings
that are stored whole there are 1,000 put together from fragments: emoji, control characters, scripts and symbols that only the
byte fallback can spell, white space of every kind. Of these, checksums of the ids and of the decoded text are stored. The
placeholder <image> is not among them: the package turns it into its symbol wherever it stands, Syrinx keeps it plain text.
"""

import base64
import io
import json
import pathlib
import random
import re

import sentencepiece

COLOURS = ["red", "green", "blue", "yellow", "black", "white", "orange", "purple"]
SHAPES = ["circle", "square", "triangle", "star", "house", "tree", "bird", "boat"]
STRINGS = [
    "", " ", "  ", "a red house", " leading", "trailing ", "two  spaces   three", "line\nbreak\r\n\ttab",
    "\x00\x01\x7fcontrol", "\U0001f99c parrots \U0001f9d1\U0001f3fd\u200d\U0001f680", "日本語のテキスト", "Ελληνικά",
    "e\u0301 \u00e9", "\ufeffmark \ufffd \U0010ffff", "<0x41> <s></s><unk><pad>", "1234567890", "crème brûlée",
    "The picture shows 12 red circles, and a small boat.", "\u2585", "ＡＢＣ ﬁ",
]

FRAGMENTS = [
    # Words and pieces of words, with and without spaces around.
    "a", "red", " red", "red ", "house", " houses", "The picture shows ", "circle", "quick", "xyz", "A", "ZEBRA", ".", ", ", "?!",
    "0", "7", "12", "2026", "3.14", "-", "_", "/", "\\", "\"", "'", "(", ")", "{}", "<", ">", "<s>", "</s>", "<unk>",
    "<pad>", "<0x0A>", "&amp;", "\u2581", "%d", "$", "\u20ac",
    # White space.
    " ", "  ", "    ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028",
    # Control characters, noncharacters, direction and width marks.
    "\x00", "\x01", "\x07", "\x1b[31m", "\x7f", "\x85", "\u00ad", "\u200e", "\u202e", "\u2066", "\ufeff", "\ufffd", "\uffff",
    "\U0010ffff",
    # Emoji: alone, with skin tone, joined, flags, keycaps, tags.
    "\U0001f99c", "\U0001f600", "\u2764\ufe0f", "\U0001f44d\U0001f3fe", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1e9\U0001f1ea", "\U0001f1e9", "1\ufe0f\u20e3", "\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f9d1\u200d\U0001f680",
    # Scripts, combining and composed letters, compatibility forms.
    "\u65e5\u672c\u8a9e", "\u4e2d", "\ud55c\uad6d\uc5b4", "\u0395\u03bb\u03bb", "\u043c\u0438\u0440", "\u05e9\u05dc\u05d5\u05dd",
    "\u0627\u0644", "\u0939\u093f\u0928", "\u0e44\u0e17\u0e22", "\u00e9", "e\u0301", "\u00df", "\u0130", "\u01c6", "\ufb01", "\uff21",
    "\u212b", "\u1e9b\u0323", "\u0300", "\U0001d54f", "\U00020000", "\u00e6", "\u2126",
]


def mixed(count=1000):
    """Which fragments each of the strings is put together from: each one alone, then several, no two strings alike."""
    draw = random.Random(2)
    strings = [[index] for index in range(len(FRAGMENTS))]
    while len(strings) < count:
        parts = [draw.randrange(len(FRAGMENTS)) for _ in range(draw.randrange(2, 9))]
        if parts not in strings:
            strings.append(parts)
    return strings


def checksum(data):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def sentences():
    for i, colour in enumerate(COLOURS):
        for j, shape in enumerate(SHAPES):
            yield f"A {colour} {shape} stands beside the {SHAPES[(i + 3 * j + 1) % 8]}."
            yield f"The picture shows {i * 8 + j + 1} {colour} {shape}s, and a small {SHAPES[(i * j) % 8]}."


def model(**options):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(list(sentences())), model_writer=out, pad_id=3, minloglevel=3, num_threads=1,
        user_defined_symbols=["<image>"], **options)
    return out.getvalue()


def case(name, **options):
    serialised = model(**options)
    processor = sentencepiece.SentencePieceProcessor(model_proto=serialised)
    draw = random.Random(1)
    sequences = [[draw.randrange(processor.vocab_size()) for _ in range(draw.randrange(1, 9))] for _ in range(60)]
    texts = ["".join(FRAGMENTS[index] for index in parts) for parts in mixed()]
    if options.get("byte_fallback"):
        sequences += [[draw.randrange(0, 261) for _ in range(draw.randrange(1, 9))] for _ in range(60)]
    return {
        "name": name,
        "model": base64.b64encode(serialised).decode(),
        "encoded": [{"text": text, "ids": processor.encode(text)} for text in STRINGS],
        "decoded": [{"ids": ids, "text": processor.decode(ids)} for ids in sequences],
        "mixedIDs": [checksum(b"".join(id.to_bytes(4, "little") for id in processor.encode(text))) for text in texts],
        "mixedTexts": [checksum(processor.decode(processor.encode(text)).encode()) for text in texts],
    }


def main():
    cases = [
        case("bpe", vocab_size=400, model_type="bpe", byte_fallback=True, split_digits=True,
             normalization_rule_name="identity", remove_extra_whitespaces=False),
        case("unigram", vocab_size=70, model_type="unigram", normalization_rule_name="identity"),
    ]
    path = pathlib.Path(__file__).parents[2] / "Tests/TokenizersTests/Fixtures/sentencepiece.json"
    path.parent.mkdir(exist_ok=True)
    document = {
        "sentencepiece": sentencepiece.__version__, "fragments": FRAGMENTS, "mixed": mixed(), "cases": cases}
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    # One line for each of the larger parts, so that a change can be read.
    path.write_text(re.sub(r'("(?:fragments|mixed|cases|name|model|encoded|decoded|mixedIDs|mixedTexts)":)', r"\n\1", text) + "\n")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
