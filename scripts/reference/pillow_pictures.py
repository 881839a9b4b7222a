#!/usr/bin/env python3
"""Writes the image files of Tests/CodecsTests and what Pillow reads in them; HEIC is read by its plugin pillow-heif.

    python3 -m venv /tmp/pillow12 && /tmp/pillow12/bin/pip install pillow==12.0.0 pillow-heif==1.8.1
    /tmp/pillow12/bin/python scripts/reference/pillow_pictures.py

Each file is small; `expected.bin` holds, one after another, the upright RGB that Pillow gives, alpha composited over
white. The one exception is 16-bit grey PNG and TIFF: Pillow clips it to 255, here the high byte is expected, as Pillow gives for
16-bit RGB.
"""

import io
import json
import pathlib
import struct
import sys
import zlib

import PIL
import pillow_heif
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


def write_gif(keep, saved, rgb, grey):
    palette = rgb.quantize(60)
    keep("palette.gif", saved(palette, "GIF", interlace=0))
    keep("interlaced.gif", saved(palette, "GIF", interlace=1))
    keep("transparent.gif", saved(palette, "GIF", transparency=palette.getpixel((20, 20))))
    keep("two.gif", saved(rgb.quantize(2), "GIF"))
    frames = [grey.quantize(9)]
    keep("animated.gif", saved(rgb.quantize(20), "GIF", save_all=True, append_images=frames, duration=100))
    for name, options in (("partial", {}), ("partial-transparent", {"transparency": palette.getpixel((12, 6))})):
        # A first frame that covers a part of the canvas, whose ground is said to be colour 5.
        data = bytearray(saved(palette.crop((0, 0, 20, 12)), "GIF", optimize=False, **options))
        data[6:10], data[11] = struct.pack("<HH", WIDTH, HEIGHT), 5
        place = data.index(b"\x2c", 13 + 3 * (2 << (data[10] & 7)))
        data[place + 1:place + 5] = struct.pack("<HH", 10, 8)
        keep(f"{name}.gif", bytes(data))


def bmp(bits, compression, rows, palette=b"", height=HEIGHT):
    """A BMP written by hand: Pillow writes neither 16 bits a pixel nor run lengths."""
    place = 54 + len(palette)
    colours = len(palette) // 4 if bits <= 8 else 0
    return (b"BM" + struct.pack("<IHHI", place + len(rows), 0, 0, place)
            + struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, len(rows), 0, 0, colours, 0)
            + palette + rows)


def write_bmp(keep, saved, rgb, rgba, grey):
    palette = rgb.quantize(60)
    keep("rgb.bmp", saved(rgb, "BMP"))
    keep("palette.bmp", saved(palette, "BMP"))
    keep("palette-16.bmp", saved(rgb.quantize(16), "BMP", bits=4))
    keep("one-bit.bmp", saved(rgb.convert("1"), "BMP"))
    keep("grey.bmp", saved(grey, "BMP"))
    # The fourth byte of these pixels is no alpha.
    keep("rgb-32.bmp", saved(rgba, "BMP"))
    upward = [y for y in range(HEIGHT - 1, -1, -1)]
    keep("top-down.bmp", bmp(24, 0, b"".join(bytes(v for x in range(WIDTH) for v in rgb.getpixel((x, y))[::-1]).ljust(136, b"\0")
                                            for y in range(HEIGHT)), height=-HEIGHT))
    for name, compression, masks, pack in (
            ("555", 0, b"", lambda r, g, b: (r >> 3) << 10 | (g >> 3) << 5 | b >> 3),
            ("565", 3, struct.pack("<III", 0xF800, 0x7E0, 0x1F), lambda r, g, b: (r >> 3) << 11 | (g >> 2) << 5 | b >> 3)):
        rows = b"".join(b"".join(struct.pack("<H", pack(*rgb.getpixel((x, y)))) for x in range(WIDTH)).ljust(92, b"\0")
                        for y in upward)
        keep(f"{name}.bmp", bmp(16, compression, rows, masks))
    values = (palette.getpalette() + [0] * 768)[:768]
    entries = b"".join(bytes((values[i + 2], values[i + 1], values[i], 0)) for i in range(0, 768, 3))
    runs = b"".join(b"".join(bytes((1, palette.getpixel((x, y)))) for x in range(WIDTH)) + b"\0\0" for y in upward)
    keep("run-length.bmp", bmp(8, 1, runs + b"\0\1", entries))


def write_tiff(keep, saved, rgb, rgba, grey, alpha):
    for name, compression in (("none", None), ("lzw", "tiff_lzw"), ("deflate", "tiff_adobe_deflate"),
                              ("packbits", "packbits"), ("jpeg", "jpeg")):
        keep(f"rgb-{name}.tif", saved(rgb, "TIFF", compression=compression))
    keep("rgb-predictor.tif", saved(rgb, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}))
    keep("rgba.tif", saved(rgba, "TIFF", compression="tiff_lzw"))
    keep("grey-alpha.tif", saved(Image.merge("LA", (grey, alpha)), "TIFF", compression="tiff_lzw"))
    keep("grey.tif", saved(grey, "TIFF"))
    keep("palette.tif", saved(rgb.quantize(60), "TIFF"))
    keep("cmyk.tif", saved(rgb.convert("CMYK"), "TIFF", compression="tiff_lzw"))
    for name in ("group3", "group4"):
        keep(f"one-bit-{name}.tif", saved(rgb.convert("1"), "TIFF", compression=name))
    keep("several.tif", saved(rgb, "TIFF", compression="tiff_lzw", save_all=True, append_images=[grey.convert("RGB")]))
    samples = generated(5, WIDTH * HEIGHT * 2)
    keep("grey-16.tif", saved(Image.frombytes("I;16", (WIDTH, HEIGHT), samples), "TIFF"),
         Image.frombytes("L", (WIDTH, HEIGHT), samples[1::2]).convert("RGB"))


def main():
    folder = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "CodecsTests" / "Fixtures"
    for old in folder.glob("*"):
        if old.is_file() and old.name != "orientation.json":
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
    keep("animated.webp", animated)
    keep("animated-alpha.webp", saved(rgba, "WEBP", save_all=True, append_images=[rgba.rotate(90)], lossless=True))
    write_gif(keep, saved, rgb, grey)
    write_bmp(keep, saved, rgb, rgba, grey)
    write_tiff(keep, saved, rgb, rgba, grey, alpha)
    for name, options in (("420", {}), ("444", {"subsampling": "4:4:4"})):
        keep(f"lossy-{name}.avif", saved(rgb, "AVIF", quality=80, **options))
    keep("alpha.avif", saved(rgba, "AVIF", quality=80))
    keep("grey.avif", saved(grey, "AVIF", quality=80))
    pillow_heif.register_heif_opener()
    keep("lossy-444.heic", saved(rgb, "HEIF", quality=80, chroma=444))
    keep("lossy-420.heic", saved(rgb, "HEIF", quality=80))
    keep("alpha.heic", saved(rgba, "HEIF", quality=80))

    (folder / "expected.bin").write_bytes(blob)
    document = {"pillow": PIL.__version__, "pictures": entries}
    (folder / "expected.json").write_text(json.dumps(document, separators=(",", ":")).replace('{"file"', '\n{"file"') + "\n")
    print(f"{len(entries)} pictures, {len(blob)} bytes of pixels, Pillow {PIL.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()
