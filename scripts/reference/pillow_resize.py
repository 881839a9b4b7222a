#!/usr/bin/env python3
"""Writes the reference results of Tests/MediaTests: what Pillow makes of resizing.

    python3 -m venv /tmp/pillow12 && /tmp/pillow12/bin/pip install pillow==12.0.0
    /tmp/pillow12/bin/python scripts/reference/pillow_resize.py

The input pictures are not stored: a generator that the tests repeat makes them. Small results are stored whole, large
ones as a checksum.
"""

import json
import pathlib
import sys

import PIL
from PIL import Image

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
MODES = {1: "L", 3: "RGB", 4: "CMYK"}  # CMYK: four plain channels (RGBA would be premultiplied)

# width, height, new width, new height
SIZES = [
    (1, 1, 1, 1), (1, 1, 7, 5), (2, 2, 5, 3), (3, 2, 2, 3), (5, 7, 5, 7), (5, 7, 5, 3), (5, 7, 3, 7), (8, 8, 4, 4),
    (9, 9, 4, 4), (10, 10, 3, 3), (13, 11, 26, 22), (16, 16, 17, 17), (17, 31, 16, 16), (23, 1, 7, 1), (1, 23, 1, 7),
    (29, 37, 32, 32), (31, 5, 3, 40), (33, 65, 16, 16), (40, 3, 11, 11), (47, 53, 20, 31), (64, 48, 24, 24),
    (64, 64, 63, 65), (97, 89, 28, 28), (100, 1, 1, 100), (101, 103, 32, 33), (128, 97, 36, 27), (150, 20, 40, 40),
    (20, 150, 40, 40), (200, 133, 14, 14), (255, 254, 31, 30), (301, 7, 5, 7), (7, 301, 7, 5), (3, 3, 40, 40),
]
LARGE = [(640, 480, 336, 336), (333, 777, 224, 522), (1023, 511, 448, 224), (224, 224, 448, 336), (2001, 301, 97, 61)]
BOXES = [
    (64, 48, 24, 24, (8, 3, 56, 45)), (64, 48, 24, 24, (0.5, 0.25, 63.5, 47.75)), (33, 65, 40, 40, (3.3, 4.7, 20.1, 60.9)),
    (20, 20, 10, 10, (5, 5, 15, 15)), (50, 40, 30, 20, (10, 10, 40, 40)), (17, 19, 9, 40, (16.25, 0, 17, 1.5)),
]


def generated(seed, count):
    """The high bytes of a linear congruential generator (Knuth's MMIX constants)."""
    state, values = seed, bytearray(count)
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        values[i] = state >> 56
    return bytes(values)


def checksum(data):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def main():
    folder = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "MediaTests" / "Fixtures"
    order = "horizontalFirst" if int(PIL.__version__.split(".")[0]) <= 12 else "smallerFirst"
    cases, blob = [], bytearray()

    def add(width, height, channels, size, name, box=None, whole=True):
        seed = len(cases) + 1
        picture = Image.frombytes(MODES[channels], (width, height), generated(seed, width * height * channels))
        result = picture.resize(size, FILTERS[name], box=box).tobytes()
        case = {
            "width": width, "height": height, "channels": channels, "newWidth": size[0], "newHeight": size[1],
            "filter": name, "seed": seed, "checksum": checksum(result),
        }
        if box:
            case["box"] = box
        if whole:
            case["offset"] = len(blob)
            blob.extend(result)
        cases.append(case)

    if order == "horizontalFirst":
        for name in FILTERS:
            for width, height, new_width, new_height in SIZES:
                add(width, height, 3, (new_width, new_height), name)
            for width, height, new_width, new_height in SIZES[10:22]:
                add(width, height, 1, (new_width, new_height), name, whole=False)
                add(width, height, 4, (new_width, new_height), name, whole=False)
            for width, height, new_width, new_height, box in BOXES:
                add(width, height, 3, (new_width, new_height), name, box)
            for width, height, new_width, new_height in LARGE:
                add(width, height, 3, (new_width, new_height), name, whole=False)
        stem = "pillow-resize"
    else:
        for name in FILTERS:
            for width, height, new_width, new_height in SIZES + LARGE:
                add(width, height, 3, (new_width, new_height), name, whole=False)
        stem = "pillow-resize-smaller-first"
    document = {"pillow": PIL.__version__, "order": order, "cases": cases}
    text = json.dumps(document, indent=None, separators=(",", ":")).replace('{"width"', '\n{"width"')
    (folder / f"{stem}.json").write_text(text + "\n")
    if blob:
        (folder / f"{stem}.bin").write_bytes(blob)
    print(f"{stem}: {len(cases)} cases, {len(blob)} bytes, Pillow {PIL.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()
