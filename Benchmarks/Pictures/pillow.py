"""Makes the two JPEG files of the picture benchmark, or measures Pillow on them; see run.sh."""

import sys
import time

import PIL
from PIL import Image


def make(large, small):
    for path, width, height in ((large, 4000, 3000), (small, 640, 480)):
        noise = Image.effect_noise((width // 4, height // 4), 60).resize((width, height), Image.Resampling.BICUBIC)
        ramp = Image.linear_gradient("L").resize((width, height))
        Image.merge("RGB", (noise, ramp, noise.rotate(180))).save(path, quality=85)


def measure(path, scale, size, rounds):
    decoding = resizing = 1e9
    for _ in range(rounds):
        start = time.perf_counter()
        picture = Image.open(path)
        width, height = picture.size
        if scale > 1:
            picture.draft("RGB", (width // scale, height // scale))
        picture.load()
        middle = time.perf_counter()
        picture.resize((size, size), Image.Resampling.BICUBIC)
        end = time.perf_counter()
        decoding, resizing = min(decoding, middle - start), min(resizing, end - middle)
    print(f"Pillow {PIL.__version__}, 1/{scale} scale, {width} x {height} to {size}: "
          f"decode {decoding * 1e3:.1f} ms, resize {resizing * 1e3:.2f} ms")


if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3])
else:
    measure(sys.argv[2], 1, 336, 7)
    measure(sys.argv[2], 8, 336, 7)
    measure(sys.argv[3], 1, 336, 30)
