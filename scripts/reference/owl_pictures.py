"""Pictures for the preprocessing goldens of the mPLUG-Owl family, and what the reference's processors make of them."""

import io

import numpy
import torch
from PIL import Image

from pillow_pictures import alpha_of, scene


def write(folder):
    """Small files: wide, tall, smaller than the input, with alpha, with a palette and grey. Returns their paths."""
    tall = scene(23, 47, seed=4)
    coloured = scene(31, 22, seed=6)
    coloured.putalpha(alpha_of(coloured))
    pictures = {
        "wide.jpg": scene(57, 34, seed=3), "tall.png": tall, "small.png": scene(13, 9, seed=5), "alpha.png": coloured,
        "palette.png": scene(29, 18, seed=7).quantize(40), "grey.png": scene(26, 33, seed=8).convert("L")}
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        data = io.BytesIO()
        picture.save(data, "JPEG" if name.endswith("jpg") else "PNG", quality=85)
        (folder / name).write_bytes(data.getvalue())
    return [folder / name for name in pictures]


def decoded(paths):
    """Each file as Pillow decodes it, [height, width, channels]: RGB, but RGBA keeps its alpha."""
    tensors = {}
    for path in paths:
        picture = Image.open(path)
        picture = picture if picture.mode == "RGBA" else picture.convert("RGB")
        tensors[f"decoded.{path.name}"] = torch.from_numpy(numpy.array(picture))
    return tensors


def processed(paths, mode, prepare, process):
    """`process(picture, raw)` for every file: 8-bit values where raw, and one file normalised.

    `prepare` does to an opened picture what the reference's caller does before its processor.
    """
    tensors = {}
    for path in paths:
        tensors[f"{mode}.{path.name}"] = process(prepare(Image.open(path)), True)
    tensors[f"{mode}.{paths[0].name}.normalised"] = process(prepare(Image.open(paths[0])), False)
    return tensors
