#!/usr/bin/env python3
"""Writes what the COCO caption evaluation makes of captions: words (Stanford's tokenizer, in Java) and CIDEr-D.

    python3 -m venv .venv-reference && .venv-reference/bin/pip install pycocoevalcap==1.2
    .venv-reference/bin/python scripts/reference/caption_scores.py      # needs java on the PATH

Sentences and captions are made up here. Swift must give the same words, and the same scores to rounding.
"""

import json
import pathlib
import random

from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

SENTENCES = [
    "A man riding a horse.", "Two dogs play in the snow!", "A man's T-shirt says \"I don't care\"",
    "It's 3.5 miles, or 1,000 feet; isn't it?", "The U.S. flag on a boat (at sea) -- waving...",
    "name: flag: Bolivia. kind: flags. colours: red, yellow, green.",
    "a black-and-white photo of a 1970s car & truck", "he's, they're, we've, I'll, can't cannot won't",
    "children\u2019s toys on a table \u2013 really \u2014 \u201cquoted\u201d text", "$5 bill, 50% off @ home #1",
    "Mr. Smith vs. Dr. Jones at 10:30 a.m.", "a man/woman with 1/2 of a pizza", "[bracket] {brace}",
    "caf\u00e9 na\u00efve \u6771\u4eac", "the dogs' bowl and the boys' bikes", "rock and roll in the '90s",
    "A cat; a dog: a bird - a fish", "mother-in-law's co-worker", "a 3-year-old's cake", "10-15 people, 12,5 and 1.2.3",
    "Hello,world", "ph.d. student. etc.", "I'm sure they'd like it", "a sign that reads STOP", "A  double   space",
    "three (3) zebras, grazing.", "a plate of food: rice, beans and meat", "an up-close view of a bird's eye",
    # What Swift makes one character with its neighbour: accents, vowel signs, joiners, variation selectors.
    "cafe\u0301 nai\u0308ve", "a sign, \u0301 alone", "word,\u0301 next", "(\u0301bracket)", "star \u2605\u0301 x",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092c\u094b\u0932", "\u0e01\u0e34\u0e19 \u0e02\u0e49\u0e32\u0e27",
    "a \u2764\ufe0f heart", "\u0600apple pie", "apple\u200d pie", "\u200dapple pie", "red\u200dapple",
    "apple.\u200d Pie", "'\u030190s", "1\ufe0f\u20e3 cup", "can\u0301't stop", "man\u0301's hat", "don\u2019\u0301t",
    "a man\u2060's", "\u200bzero", "3.\u03015 miles", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "end.\ufe0f",
    "dog\ufe0f runs", "a \u2705 tick\u200d", "so\u00adft", "x\u0301-y", "x\u0301.y", "a\u0301/b c/\u0301d",
    "they\u0301're we\u0301'll", "x\u0301.", "\u0903a \u0e48b", "caf\u00e9-bar e\u0301-bar",
    "a portrait of Robert W. in Jan. of .30 to 5", "File \u2192 Open at 90\u00b0", "a smile \U0001f600 on plan B.",
]
SUBJECTS = ["a man", "a woman", "two dogs", "a brown horse", "the children", "a red bus", "several people", "a cat"]
VERBS = ["rides", "stands beside", "looks at", "plays with", "runs past", "sits on", "is near"]
OBJECTS = ["a green field", "the old train", "a pizza", "the snow", "a wooden bench", "a tall building", "the beach"]
ENDS = ["", " at night", " on a sunny day", ", smiling", " in the city", " while others don't watch"]


def caption(draw):
    return f"{draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(OBJECTS)}{draw.choice(ENDS)}".capitalize() + "."


def generated(seed, items, references):
    draw = random.Random(seed)
    return ([[caption(draw) for _ in range(references)] for _ in range(items)], [caption(draw) for _ in range(items)])


def sets():
    yield "the specification's golden values", (
        [["a man riding a horse", "a person rides a brown horse"],
         ["two dogs play in the snow", "dogs running through snow"],
         ["a red bus on a city street", "a bus drives down the road"]],
        ["a man rides a horse", "two dogs in the snow", "a red car on a road"])
    yield "one item", ([["a man riding a horse"]], ["a man riding a horse"])
    yield "the references themselves", (
        [["a man riding a horse"], ["red apple"], ["a cat"]], ["a man riding a horse", "red apple", "a cat"])
    yield "empty and one-word captions", (
        [["a man riding a horse"], ["two dogs play in the snow"], ["snow"]], ["", "dogs", "snow"])
    yield "repeated references", (
        [["a red bus", "a red bus", "a bus"], ["two dogs", "two dogs", "two dogs"], ["a cat on a mat"] * 3],
        ["a red bus", "two big dogs", "a mat on a cat on a mat"])
    yield "a caption of another length", (
        [["a man riding a horse on a long road through the green hills at night"], ["two dogs"], ["a cat"]],
        ["a man riding a horse", "two dogs two dogs two dogs two dogs two dogs", "a cat"])
    yield "20 items of 5 references", generated(1, 20, 5)
    yield "50 items of 1 reference", generated(2, 50, 1)


def tokenized(lists):
    return PTBTokenizer().tokenize({i: [{"caption": text} for text in texts] for i, texts in enumerate(lists)})


def main():
    words = tokenized([[sentence] for sentence in SENTENCES])
    cases = []
    for name, (references, captions) in sets():
        truths, answers = tokenized(references), tokenized([[text] for text in captions])
        # The tokenizer drops trailing empty lines; the scorer wants one caption for every item.
        answers = {i: answers[i] if answers.get(i) else [""] for i in range(len(captions))}
        mean, scores = Cider().compute_score(truths, answers)
        cases.append({"name": name, "references": references, "captions": captions, "scores": list(map(float, scores)),
                      "mean": float(mean)})
    target = pathlib.Path(__file__).parents[2] / "Tests/EvaluationTests/Fixtures/caption-scores.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({
        "sentences": [{"text": text, "words": words[i][0].split()} for i, text in enumerate(SENTENCES)],
        "sets": cases}, indent=1, sort_keys=True) + "\n")


main()
