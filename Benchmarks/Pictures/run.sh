#!/bin/sh
# Decoding and resizing of a 12 megapixel and a VGA JPEG: this project against Pillow, one thread each, in one run.
# Needs clang, the codec headers, and a Python with Pillow:
#   Benchmarks/Pictures/run.sh [PYTHON]
set -eu
python=${1:-python3}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clang -O2 -I"$root/Sources/CCodecs/include" -I"$root/Sources/CKernels/include" \
    $(pkg-config --cflags libjpeg libpng libwebp) \
    "$root"/Sources/CCodecs/*.c "$root"/Sources/CKernels/*.c "$root/Benchmarks/Pictures/pictures.c" \
    $(pkg-config --libs libjpeg libpng libwebp) -lm -o "$work/pictures"
"$python" "$root/Benchmarks/Pictures/pillow.py" make "$work/large.jpg" "$work/small.jpg"
for round in 1 2; do
    "$python" "$root/Benchmarks/Pictures/pillow.py" measure "$work/large.jpg" "$work/small.jpg"
    "$work/pictures" "$work/large.jpg" "$work/small.jpg"
done
