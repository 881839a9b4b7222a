#!/usr/bin/env python3
"""Writes what the Python package sentencepiece makes of awkward strings, with the two small models it used.

    python3 -m venv .venv-reference && .venv-reference/bin/pip install sentencepiece==0.2.1
    .venv-reference/bin/python scripts/reference/sentencepiece_strings.py

The models are trained by the same package from the sentences below. Swift must encode and decode as it does.
"""

import base64
import io
import json
import pathlib
import random

import sentencepiece

COLOURS = ["red", "green", "blue", "yellow", "black", "white", "orange", "purple"]
SHAPES = ["circle", "square", "triangle", "star", "house", "tree", "bird", "boat"]
STRINGS = [
    "", " ", "  ", "a red house", " leading", "trailing ", "two  spaces   three", "line\nbreak\r\n\ttab",
    "\x00\x01\x7fcontrol", "\U0001f99c parrots \U0001f9d1\U0001f3fd\u200d\U0001f680", "日本語のテキスト", "Ελληνικά",
    "e\u0301 \u00e9", "\ufeffmark \ufffd \U0010ffff", "<0x41> <s></s><unk><pad>", "1234567890", "crème brûlée",
    "The picture shows 12 red circles, and a small boat.", "\u2585", "ＡＢＣ ﬁ",
]


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
    if options.get("byte_fallback"):
        sequences += [[draw.randrange(0, 261) for _ in range(draw.randrange(1, 9))] for _ in range(60)]
    return {
        "name": name,
        "model": base64.b64encode(serialised).decode(),
        "encoded": [{"text": text, "ids": processor.encode(text)} for text in STRINGS],
        "decoded": [{"ids": ids, "text": processor.decode(ids)} for ids in sequences],
    }


def main():
    cases = [
        case("bpe", vocab_size=400, model_type="bpe", byte_fallback=True, split_digits=True,
             normalization_rule_name="identity", remove_extra_whitespaces=False),
        case("unigram", vocab_size=70, model_type="unigram", normalization_rule_name="identity"),
    ]
    path = pathlib.Path(__file__).parents[2] / "Tests/TokenizersTests/Fixtures/sentencepiece.json"
    path.parent.mkdir(exist_ok=True)
    document = {"sentencepiece": sentencepiece.__version__, "cases": cases}
    path.write_text(json.dumps(document, ensure_ascii=True, indent=1) + "\n")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
