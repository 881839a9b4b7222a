"""Reads a folder of event files back with TensorBoard's own reader and prints what it holds.

Run: python scripts/reference/read_events.py RUN/tensorboard   (pip install tensorboard)
"""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0, "tensors": 0})
events.Reload()
tags = events.Tags()
for tag in tags["scalars"]:
    points = events.Scalars(tag)
    print(f"scalar {tag}: {len(points)} points, last {points[-1].value:.6g} at step {points[-1].step}")
for tag in tags["images"]:
    pictures = events.Images(tag)
    picture = pictures[-1]
    print(f"image {tag}: {len(pictures)}, last {picture.width}x{picture.height}, {len(picture.encoded_image_string)} bytes")
for tag in tags["tensors"]:
    text = events.Tensors(tag)[-1].tensor_proto.string_val
    print(f"text {tag}: {text[0].decode() if text else ''}")
