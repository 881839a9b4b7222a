"""The peers' side of the talk with bench.py: `ready`, then one line of seconds for each line `run`."""

import os
import resource
import sys
import time

import torch
from safetensors.torch import load_file, save_file

THREADS = os.cpu_count()


def say(line):
    print(line, flush=True)


class Conversation:
    def __init__(self, folder, work, variant):
        self.folder, self.work, self.variant = folder, work, variant
        self.dtype = torch.float32 if variant.endswith("-float32") else torch.bfloat16

    def path(self, name):
        return os.path.join(self.folder, name)

    def input(self):
        return load_file(self.path(f"{self.work}.input.safetensors"))

    def write(self, output):
        save_file({"output": output.float().contiguous()}, self.path(f"{self.work}.{self.variant}.safetensors"))

    def serve(self, body):
        say("ready")
        for line in sys.stdin:
            if line.strip() != "run":
                break
            start = time.perf_counter()
            body()
            say(f"seconds {time.perf_counter() - start}")
        say(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}")
