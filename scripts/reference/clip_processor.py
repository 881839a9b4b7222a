#!/usr/bin/env python3
"""Writes what Hugging Face's CLIP image processor makes of three generated pictures.

    python3 -m venv /tmp/clip && /tmp/clip/bin/pip install pillow==12.0.0 numpy transformers==4.57.1
    /tmp/clip/bin/python scripts/reference/clip_processor.py

Stored are checksums of the float32 bytes, and the first values for a reader.
"""

import json
import pathlib

import numpy
import PIL
import transformers
from PIL import Image
from pillow_resize import checksum, generated
from transformers import CLIPImageProcessor


def main():
    cases = []
    for seed, (width, height), size in ((11, (50, 31), 28), (12, (31, 90), 28), (13, (301, 211), 56)):
        picture = Image.frombytes("RGB", (width, height), generated(seed, width * height * 3))
        processor = CLIPImageProcessor(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
        values = processor(picture, return_tensors="np")["pixel_values"][0]
        assert values.dtype == numpy.float32 and values.shape == (3, size, size)
        cases.append({
            "seed": seed, "width": width, "height": height, "imageSize": size,
            "checksum": checksum(values.astype("<f4").tobytes()), "first": [float(v) for v in values.flat[:3]],
        })
    folder = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "MediaTests" / "Fixtures"
    document = {"pillow": PIL.__version__, "transformers": transformers.__version__, "cases": cases}
    (folder / "clip-processor.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
