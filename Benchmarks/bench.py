"""Measures Syrinx against PyTorch on the same weights and work, and writes Benchmarks/README.md from the results.

Both sides are processes that repeat a work when asked; rounds alternate between them, so that a machine that slows down
slows both. A ratio is the median over rounds of the peer's seconds by Syrinx's in the same round.

    bench.py WORKER DATA [--works a,b] [--rounds N] [--output FILE]
"""

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys

from safetensors.numpy import load_file

import report

HERE = os.path.dirname(os.path.abspath(__file__))

# name, variants of the peer, rounds
WORKS = [
    ("encoder-1", ("eager", "compiled"), 9),
    ("encoder-8", ("eager", "compiled"), 3),
    ("prefill", ("eager",), 7),
    ("decode-1", ("eager",), 9),
    ("decode-8", ("eager",), 9),
    ("train-demo", ("eager",), 9),
    ("train-100m", ("eager",), 5),
    ("pictures-1mp", ("eager",), 7),
    ("pictures-12mp", ("eager",), 7),
    ("pictures-1mp-scaled", ("eager",), 7),
    ("pictures-12mp-scaled", ("eager",), 7),
]


class Side:
    """A process that repeats one work."""

    def __init__(self, command, environment):
        self.name = " ".join(command)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.limits = {}

    def answer(self, word):
        while True:
            line = self.process.stdout.readline()
            if not line:
                sys.exit(f"bench: {self.name} ended with status {self.process.wait()} before it said '{word}'")
            parts = line.split()
            if parts and parts[0] == "limit":
                self.limits[parts[1]] = max(float(parts[2]), self.limits.get(parts[1], 0))
            if parts and parts[0] == word:
                return float(parts[1]) if len(parts) > 1 else None

    def run(self):
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return self.answer("seconds")

    def end(self):
        self.process.stdin.write("end\n")
        self.process.stdin.close()
        peak = self.answer("peak")
        self.process.wait()
        return peak


def difference(folder, work, variant):
    """max|a - b| by max|b|."""
    ours = load_file(os.path.join(folder, f"{work}.syrinx.safetensors"))["output"]
    theirs = load_file(os.path.join(folder, f"{work}.{variant}.safetensors"))["output"]
    return float(abs(ours.reshape(theirs.shape) - theirs).max() / abs(theirs).max())


def measure(worker, data, work, variants, rounds, environment):
    print(f"{work}: starting", flush=True)
    peer = [sys.executable, os.path.join(HERE, "peer.py"), work]
    sides = {"syrinx": Side([worker, work, data], environment)}
    for side in sides.values():
        side.answer("ready")
    for variant in variants:
        sides[variant] = Side([*peer, variant, data], environment)
        sides[variant].answer("ready")
    for side in sides.values():  # a second warm-up, the first having made the output
        side.run()
    seconds = {name: [] for name in sides}
    for index in range(rounds):
        for name in list(sides) if index % 2 == 0 else reversed(sides):
            seconds[name].append(sides[name].run())
    peaks = {name: side.end() for name, side in sides.items()}
    result = {"work": work, "rounds": rounds, "seconds": statistics.median(seconds["syrinx"]),
              "peak": peaks["syrinx"], "peers": {}}
    for variant in variants:
        ratios = [theirs / ours for theirs, ours in zip(seconds[variant], seconds["syrinx"])]
        result["peers"][variant] = {
            "seconds": statistics.median(seconds[variant]), "ratio": statistics.median(ratios),
            "lowest": min(ratios), "highest": max(ratios), "memory": peaks["syrinx"] / peaks[variant],
            "peak": peaks[variant], "difference": difference(data, work, variant)}
        print(f"{work}: {result['peers'][variant]['ratio']:.2f} times {variant}", flush=True)
    return result


def limits(worker, data, environment):
    side = Side([worker, "limits", data], environment)
    side.answer("ready")
    for _ in range(3):
        side.run()
    side.process.stdin.close()
    side.answer("peak")
    side.process.wait()
    return side.limits


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line.split(":", 1) for line in file if ":" in line]
        entries = {key.strip(): value.strip() for key, value in lines}
        known = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
        flags = [flag for flag in known if flag in entries.get("flags", "").split()]
        return f"{entries.get('model name', platform.machine())} ({', '.join(flags)})"
    except OSError:
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worker")
    parser.add_argument("data")
    parser.add_argument("--works", help="comma-separated names; the report is written only when all are measured")
    parser.add_argument("--rounds", type=int, help="instead of each work's own number")
    parser.add_argument("--output", default=os.path.join(HERE, "README.md"))
    options = parser.parse_args()
    chosen = options.works.split(",") if options.works else [work for work, _, _ in WORKS]
    unknown = set(chosen) - {work for work, _, _ in WORKS}
    if unknown:
        sys.exit(f"bench: no work is named {', '.join(sorted(unknown))}; there are {', '.join(w for w, _, _ in WORKS)}")
    environment = dict(os.environ, OMP_WAIT_POLICY="passive", GOMP_SPINCOUNT="0",
                       TORCHINDUCTOR_CACHE_DIR=os.path.join(os.path.abspath(options.data), "inductor"))
    subprocess.run([sys.executable, os.path.join(HERE, "peer.py"), "prepare", options.data], check=True, env=environment)
    before = limits(options.worker, options.data, environment)
    results = [measure(options.worker, options.data, work, variants, options.rounds or rounds, environment)
               for work, variants, rounds in WORKS if work in chosen]
    after = limits(options.worker, options.data, environment)
    machine = {"processor": processor(), "cores": os.cpu_count(),
               "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers", "pillow")},
               "limits": {name: max(before[name], after[name]) for name in before}}
    text = report.markdown(machine, results)
    print(text)
    if not options.works:
        with open(options.output, "w") as file:
            file.write(text)


main()
