#!/usr/bin/env python3
"""Writes the picture files of Tests/CodecsTests and what Pillow reads in them.

    python3 -m venv /tmp/pillow12 && /tmp/pillow12/bin/pip install pillow==12.0.0
    /tmp/pillow12/bin/python scripts/reference/pillow_pictures.py

Each file is small; `expected.bin` holds, one after another, the upright RGB that Pillow gives, alpha composited over
white. The one exception is 16-bit grey PNG: Pillow clips it to 255, here the high byte is expected, as Pillow gives for
16-bit RGB.
"""

import io
import json
import pathlib
import struct
import sys
import zlib

import PIL
from PIL import Image, ImageOps

WIDTH, HEIGHT = 45, 34


def generated(seed, count):
    state, values = seed, bytearray(count)
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        values[i] = state >> 56
    return bytes(values)


def scene(width=WIDTH, height=HEIGHT, seed=1):
    """Smooth colours with an asymmetric block and some noise: no two orientations look alike."""
    noise, pixels = generated(seed, width * height * 3), bytearray()
    for y in range(height):
        for x in range(width):
            base = (255 * x // width, 255 * y // height, 255 * (x + y) // (width + height))
            if x < width // 4 and y < height // 3:
                base = (230, 20, 40)
            at = (y * width + x) * 3
            pixels += bytes(max(0, min(255, value + noise[at + c] % 24 - 12)) for c, value in enumerate(base))
    return Image.frombytes("RGB", (width, height), bytes(pixels))


def alpha_of(picture):
    ramp = bytes(255 * (x + 2 * y) // (picture.width + 2 * picture.height) for y in range(picture.height)
                 for x in range(picture.width))
    values = bytearray(ramp)
    values[:20] = bytes(20)
    values[-20:] = b"\xff" * 20
    return Image.frombytes("L", picture.size, bytes(values))


def upright_rgb(data, draft=None):
    picture = Image.open(io.BytesIO(data))
    if draft:
        picture.draft("RGB", draft)
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return picture.convert("RGB")


def png16(width, height, channels, colour_type, samples, interlace=0):
    """A 16-bit PNG written by hand: Pillow does not write 16-bit RGB."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = width * channels * 2
    raw = b"".join(b"\0" + samples[y * row:(y + 1) * row] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def interlaced_png(picture):
    """An Adam7 PNG written by hand: Pillow does not write interlaced files."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    width, height = picture.size
    pixels, raw = picture.tobytes(), bytearray()
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        for y in range(y0, height, dy):
            row = b"".join(pixels[(y * width + x) * 3:(y * width + x) * 3 + 3] for x in range(x0, width, dx))
            if row:
                raw += b"\0" + row
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(raw)))
            + chunk(b"IEND", b""))


def main():
    folder = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "CodecsTests" / "Fixtures"
    for old in folder.glob("*"):
        old.unlink()
    entries, blob = [], bytearray()

    def keep(name, data, expected=None, target=None, draft=None):
        expected = expected or upright_rgb(data, draft)
        path = folder / name
        if not path.exists():
            path.write_bytes(data)
        entry = {"file": name, "width": expected.width, "height": expected.height, "offset": len(blob)}
        if target:
            entry["target"] = target
        blob.extend(expected.tobytes())
        entries.append(entry)

    def saved(picture, kind, **options):
        stream = io.BytesIO()
        picture.save(stream, kind, **options)
        return stream.getvalue()

    rgb = scene()
    alpha = alpha_of(rgb)
    grey = rgb.convert("L")
    rgba = Image.merge("RGBA", (*rgb.split(), alpha))

    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        keep(f"baseline-{name}.jpg", saved(rgb, "JPEG", quality=80, subsampling=sampling))
        keep(f"progressive-{name}.jpg", saved(rgb, "JPEG", quality=80, subsampling=sampling, progressive=True))
    keep("grey.jpg", saved(grey, "JPEG", quality=80))
    keep("grey-progressive.jpg", saved(grey, "JPEG", quality=80, progressive=True))
    keep("cmyk.jpg", saved(rgb.convert("CMYK"), "JPEG", quality=90))
    keep("rgb-stored.jpg", saved(rgb, "JPEG", quality=80, keep_rgb=True))
    keep("restarts.jpg", saved(rgb, "JPEG", quality=80, restart_marker_blocks=2))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        keep(f"exif-{orientation}.jpg", saved(rgb, "JPEG", quality=80, exif=exif))
    exif = Image.Exif()
    exif[0x0112] = 6
    keep("exif-6.png", saved(rgb, "PNG", exif=exif))
    keep("exif-6.webp", saved(rgb, "WEBP", lossless=True, exif=exif))

    large = scene(131, 98, seed=2)
    data = saved(large, "JPEG", quality=70)
    keep("large.jpg", data)
    for scale, target in ((2, 40), (4, 20), (8, 13)):
        # A target that the halved picture still covers, and Pillow's draft at the same scale.
        keep("large.jpg", data, target=target, draft=(131 // scale, 98 // scale))

    keep("rgb.png", saved(rgb, "PNG"))
    keep("rgba.png", saved(rgba, "PNG"))
    keep("grey.png", saved(grey, "PNG"))
    keep("grey-alpha.png", saved(Image.merge("LA", (grey, alpha)), "PNG"))
    keep("interlaced.png", interlaced_png(rgb))
    for colours, bits in ((2, 1), (4, 2), (16, 4), (200, 8)):
        palette = rgb.quantize(colours)
        keep(f"palette-{colours}.png", saved(palette, "PNG", bits=bits))
    palette = rgb.quantize(60)
    keep("palette-transparent-index.png", saved(palette, "PNG", transparency=3))
    keep("palette-transparent-table.png", saved(palette, "PNG", transparency=bytes(range(0, 240, 4))))
    keep("one-bit.png", saved(rgb.convert("1"), "PNG"))
    keep("grey-transparent.png", saved(grey, "PNG", transparency=grey.getpixel((20, 20))))
    keep("rgb-transparent.png", saved(rgb, "PNG", transparency=rgb.getpixel((20, 20))))
    samples = generated(5, WIDTH * HEIGHT * 3 * 2)
    keep("rgb-16.png", png16(WIDTH, HEIGHT, 3, 2, samples))
    keep("rgba-16.png", png16(WIDTH, HEIGHT, 4, 6, generated(7, WIDTH * HEIGHT * 4 * 2)))
    samples = samples[:WIDTH * HEIGHT * 2]
    keep("grey-16.png", png16(WIDTH, HEIGHT, 1, 0, samples),
         Image.frombytes("L", (WIDTH, HEIGHT), samples[::2]).convert("RGB"))

    keep("lossy.webp", saved(rgb, "WEBP", quality=80))
    keep("lossless.webp", saved(rgb, "WEBP", lossless=True))
    keep("alpha-lossy.webp", saved(rgba, "WEBP", quality=80))
    keep("alpha-lossless.webp", saved(rgba, "WEBP", lossless=True, exact=True))
    animated = saved(rgb, "WEBP", save_all=True, append_images=[grey.convert("RGB")], duration=100)
    (folder / "refused-animated.webp").write_bytes(animated)

    (folder / "expected.bin").write_bytes(blob)
    document = {"pillow": PIL.__version__, "pictures": entries}
    (folder / "expected.json").write_text(json.dumps(document, separators=(",", ":")).replace('{"file"', '\n{"file"') + "\n")
    print(f"{len(entries)} pictures, {len(blob)} bytes of pixels, Pillow {PIL.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()
