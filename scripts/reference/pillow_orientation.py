#!/usr/bin/env python3
"""Writes Tests/CodecsTests/Fixtures/orientation.json: tiny image files that say in many ways how they are turned, and
the orientation by which Pillow's `ImageOps.exif_transpose` turns them (1 where it leaves them as they are).

    python3 -m venv /tmp/pillow12 && /tmp/pillow12/bin/pip install pillow==12.0.0
    /tmp/pillow12/bin/python scripts/reference/pillow_orientation.py
"""

import base64
import io
import json
import pathlib
import struct
import warnings
import zlib

from PIL import Image

warnings.simplefilter("ignore")
PICTURE = Image.frombytes("RGB", (3, 2), bytes(range(0, 180, 10)))
# Type number, the value 6 packed, its name.
TYPES = [
    (1, "<B", "byte"), (3, "<H", "short"), (4, "<I", "long"), (6, "<b", "signed byte"), (7, "<B", "undefined"),
    (8, "<h", "signed short"), (9, "<i", "signed long"), (11, "<f", "float"), (12, "<d", "double"), (13, "<I", "directory"),
    (16, "<Q", "long of 8 bytes"),
]


def tiff(kind, data, count=1, little=True, tag=0x0112):
    order = "<" if little else ">"
    head = (b"II*\0" if little else b"MM\0*") + struct.pack(order + "I", 8)
    value = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(order + "I", 26)
    entry = struct.pack(order + "HHI", tag, kind, count) + value
    return head + struct.pack(order + "H", 1) + entry + struct.pack(order + "I", 0) + (data if len(data) > 4 else b"")


def saved(kind, **options):
    stream = io.BytesIO()
    PICTURE.save(stream, kind, **options)
    return stream.getvalue()


def jpeg(*segments):
    data = saved("JPEG")
    return data[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(s) + 2) + s for s in segments) + data[2:]


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks, at_end=False):
    data = saved("PNG")
    place = data.index(b"IEND") - 4 if at_end else data.index(b"IDAT") - 4
    return data[:place] + b"".join(chunk(*c) for c in chunks) + data[place:]


def exif(block):
    return b"Exif\0\0" + block


def xmp(text):
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description ' + text + b"</x:xmpmeta>"


def raw_profile(block):
    digits = exif(block).hex().encode()
    lines = b"\n".join(digits[i:i + 72] for i in range(0, len(digits), 72))
    return b"\nexif\n%8d\n" % (len(digits) // 2) + lines + b"\n"


def orientation(data):
    picture = Image.open(io.BytesIO(data))
    if picture.format != "TIFF":  # A TIFF is turned when it is loaded, and then says nothing any more.
        picture.load()
    value = picture.getexif().get(0x0112, 1)
    return next((n for n in range(2, 9) if isinstance(value, (int, float)) or hasattr(value, "numerator")
                 if n == value), 1)


def main():
    six = tiff(3, struct.pack("<H", 6))
    attribute, element = xmp(b'tiff:Orientation="8"/>'), xmp(b"><tiff:Orientation>3</tiff:Orientation>")
    files = {f"JPEG, {name}": jpeg(exif(tiff(kind, struct.pack(form, 6)))) for kind, form, name in TYPES}
    files["JPEG, text"] = jpeg(exif(tiff(2, b"6\0", 2)))
    for name, kind, form in (("fraction", 5, "<II"), ("signed fraction", 10, "<ii")):
        files[f"JPEG, {name}"] = jpeg(exif(tiff(kind, struct.pack(form, 12, 2))))
        files[f"JPEG, {name} that is no whole number"] = jpeg(exif(tiff(kind, struct.pack(form, 13, 2))))
    files["JPEG, float between"] = jpeg(exif(tiff(11, struct.pack("<f", 6.5))))
    files["JPEG, two shorts"] = jpeg(exif(tiff(3, struct.pack("<HH", 8, 1), 2)))
    files["JPEG, long of the other byte order"] = jpeg(exif(tiff(4, struct.pack(">I", 7), little=False)))
    files["JPEG, 0"] = jpeg(exif(tiff(3, struct.pack("<H", 0))))
    files["JPEG, 9"] = jpeg(exif(tiff(4, struct.pack("<I", 9))))
    files["JPEG, prefix twice"] = jpeg(exif(exif(six)))
    files["JPEG, EXIF in two segments"] = jpeg(exif(six[:12]), exif(six[12:]))
    adobe = b"http://ns.adobe.com/xap/1.0/\0"
    files["JPEG, XMP attribute"] = jpeg(adobe + attribute)
    files["JPEG, XMP element"] = jpeg(adobe + element)
    files["JPEG, EXIF before XMP"] = jpeg(adobe + attribute, exif(six))
    files["JPEG, EXIF without the tag, and XMP"] = jpeg(exif(tiff(3, b"\1\0", tag=0x0128)), adobe + attribute)
    files["PNG, eXIf"] = png((b"eXIf", tiff(4, struct.pack("<I", 5))))
    files["PNG, eXIf behind the pixels"] = png((b"eXIf", six), at_end=True)
    profile = raw_profile(six)
    files["PNG, profile as text"] = png((b"tEXt", b"Raw profile type exif\0" + profile))
    files["PNG, profile as compressed text"] = png((b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)))
    keyword = b"XML:com.adobe.xmp\0"
    files["PNG, XMP"] = png((b"iTXt", keyword + b"\0\0\0\0" + attribute))
    files["PNG, compressed XMP"] = png((b"iTXt", keyword + b"\1\0\0\0" + zlib.compress(element)))
    files["WebP, EXIF"] = saved("WEBP", lossless=True, exif=tiff(9, struct.pack("<i", 4)))
    files["WebP, EXIF with a prefix"] = saved("WEBP", lossless=True, exif=exif(six))
    files["WebP, XMP"] = saved("WEBP", lossless=True, xmp=attribute)
    turned = Image.Exif()
    turned[0x0112] = 6
    data = saved("TIFF", exif=turned)
    files["TIFF, short"] = data
    files["TIFF, long"] = data.replace(struct.pack("<HHI", 0x0112, 3, 1), struct.pack("<HHI", 0x0112, 4, 1))
    files["TIFF, XMP"] = saved("TIFF", tiffinfo={700: element})
    turned[0x0112] = 3
    for value in range(1, 9):
        turned[0x0112] = value
        files[f"AVIF, {value}"] = saved("AVIF", quality=30, exif=turned)
    cases = [{"name": name, "orientation": orientation(data), "file": base64.b64encode(data).decode()}
             for name, data in files.items()]
    target = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "CodecsTests" / "Fixtures" / "orientation.json"
    target.write_text(json.dumps(cases, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
    for case in cases:
        print(case["orientation"], case["name"])


if __name__ == "__main__":
    main()
