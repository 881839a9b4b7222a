#!/usr/bin/env python3
"""Writes a small file with the Python package safetensors, for Swift to read; or checks a file that Swift wrote.

    python3 -m venv .venv-reference && .venv-reference/bin/pip install safetensors==0.8.0 numpy==2.4.6
    .venv-reference/bin/python scripts/reference/safetensors_file.py            # writes the fixture
    .venv-reference/bin/python scripts/reference/safetensors_file.py FILE...    # prints what the package reads
"""

import pathlib
import sys

import numpy
from safetensors import safe_open
from safetensors.numpy import save_file


def main():
    if len(sys.argv) > 1:
        for path in sys.argv[1:]:
            with safe_open(path, framework="numpy") as file:
                print(path, file.metadata())
                for name in file.keys():
                    part = file.get_slice(name)
                    print(f"  {name!r} {part.get_dtype()} {part.get_shape()}")
        return
    values = numpy.arange(-2.5, 3.5, dtype=numpy.float32).reshape(2, 3)
    types = ["float16", "float32", "float64", "int8", "int16", "int32", "int64"]
    tensors = {f"values.{name}": values.astype(name) for name in types}
    tensors |= {
        "values.uint8": numpy.arange(6, dtype=numpy.uint8).reshape(3, 2), "values.bool": numpy.array([True, False, True]),
        "scalar": numpy.array(3.25, dtype=numpy.float32), "empty": numpy.zeros((0, 4), dtype=numpy.float32),
        "name é \U0001f99c": numpy.array([7], dtype=numpy.int64),
    }
    path = pathlib.Path(__file__).parents[2] / "Tests/CheckpointsTests/Fixtures/python.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file(tensors, path, metadata={"format": "pt", "note": "\"quoted\" \\ é"})
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
