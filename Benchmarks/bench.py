"""Measures Syrinx against PyTorch on the same weights and work, and writes the page of this processor's class from the results.

On a processor without instructions for bfloat16 products PyTorch multiplies bfloat16 in a scalar loop, so its side computes in
float32 there. Every work in bfloat16 is measured against Syrinx's own float32, too.

Both sides are processes that repeat a work when asked; rounds alternate between them, so that a machine that slows down
slows both. A ratio is the median over rounds of the peer's seconds by Syrinx's in the same round.

    bench.py WORKER DATA [--works a,b] [--rounds N] [--output FILE] [--reference DIR --reference-python PATH]

The works named owl2-... need a checkout of https://github.com/X-PLUG/mPLUG-Owl and a Python that can run it
(requirements-owl2.txt); without them they are left out.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys

from safetensors.numpy import load_file

import report

HERE = os.path.dirname(os.path.abspath(__file__))

# name, variants of the peer, rounds; `run_on` says what they become on other classes of processors
WORKS = [
    ("encoder-1", ("eager", "compiled"), 9),
    ("encoder-8", ("eager", "compiled"), 3),
    ("prefill", ("eager",), 7),
    ("decode-1", ("eager",), 9),
    ("decode-8", ("eager",), 9),
    ("owl2-prefill-1", ("reference",), 9),
    ("owl2-prefill-8", ("reference",), 3),
    ("owl2-decode-1", ("reference",), 9),
    ("owl2-decode-8", ("reference",), 9),
    ("train-demo", ("eager",), 9),
    ("train-100m", ("eager",), 5),
    ("pictures-1mp", ("eager",), 7),
    ("pictures-12mp", ("eager",), 7),
    ("pictures-1mp-scaled", ("eager",), 7),
    ("pictures-12mp-scaled", ("eager",), 7),
]

# More than bfloat16 explains (max|a - b| by max|b|): the two sides do not compute the same, so times mean nothing.
LARGEST_DIFFERENCE = 0.1


# Classes of processors whose bfloat16 products PyTorch has kernels for.
NATIVE = ("avx512_bf16", "amx")


def run_on(kernel_class, work, variants):
    """The variants of a work on processors of a class: peers in float32 where they must, and our own float32 beside bfloat16."""
    if work.startswith("pictures"):
        return variants
    if kernel_class not in NATIVE:
        variants = tuple(f"{name}-float32" for name in variants if name == "eager")
    return variants if work.startswith("owl2") else (*variants, "syrinx-float32")


class Side:
    """A process that repeats one work."""

    def __init__(self, command, environment):
        self.name = " ".join(command)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.limits, self.kernel_class, self.settings = {}, None, {}

    def answer(self, word):
        while True:
            line = self.process.stdout.readline()
            if not line:
                sys.exit(f"bench: {self.name} ended with status {self.process.wait()} before it said '{word}'")
            parts = line.split()
            if parts and parts[0] == "limit":
                self.limits[parts[1]] = max(float(parts[2]), self.limits.get(parts[1], 0))
            if parts and parts[0] == "class":
                self.kernel_class = parts[1]
            if parts and parts[0] == "setting":
                self.settings[parts[1]] = parts[2]
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
    found = float(abs(ours.reshape(theirs.shape) - theirs).max() / abs(theirs).max())
    if not found < LARGEST_DIFFERENCE:
        sys.exit(f"bench: {work}: the outputs of syrinx and {variant} differ by {found:.1e}, so nothing can be compared")
    return found


class Peers:
    """The commands that start peers: `peer.py` in this environment, `peer_owl2.py` in the reference's."""

    def __init__(self, worker, data, environment, checkout, python):
        self.worker, self.data, self.environment = worker, data, environment
        # The reference's libraries are its environment's own.
        self.own = {name: value for name, value in environment.items() if name != "LD_LIBRARY_PATH"}
        self.reference = checkout and [python, os.path.join(HERE, "peer_owl2.py"), os.path.abspath(checkout)]

    def prepare(self):
        own = [sys.executable, os.path.join(HERE, "peer.py")]
        subprocess.run([*own, "prepare", self.data], check=True, env=self.environment)
        if self.reference:
            subprocess.run([*self.reference, "prepare", self.data], check=True, env=self.own)

    def start(self, work, variant):
        if variant == "syrinx-float32":
            return Side([self.worker, work, self.data, "float32"], self.environment)
        if variant == "reference":
            return Side([*self.reference, work, self.data], self.own)
        return Side([sys.executable, os.path.join(HERE, "peer.py"), work, variant, self.data], self.environment)

    def describe(self):
        """Commit and versions of the reference; nothing without one."""
        if not self.reference:
            return None
        try:
            found = subprocess.run(
                [*self.reference, "describe"], check=True, env=self.own, stdout=subprocess.PIPE, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"bench: the reference does not run ({error}); Benchmarks/requirements-owl2.txt says what it needs")
        return json.loads(found.stdout.splitlines()[-1])


def measure(worker, peers, work, variants, rounds):
    print(f"{work}: starting", flush=True)
    sides = {"syrinx": Side([worker, work, peers.data], peers.environment)}
    sides["syrinx"].answer("ready")
    for variant in variants:
        sides[variant] = peers.start(work, variant)
        sides[variant].answer("ready")
    differences = {variant: difference(peers.data, work, variant) for variant in variants}
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
            "peak": peaks[variant], "difference": differences[variant]}
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
    return side


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


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worker")
    parser.add_argument("data")
    parser.add_argument("--works", help="comma-separated names; the page is then written only with --output")
    parser.add_argument("--rounds", type=int, help="instead of each work's own number")
    parser.add_argument("--output", metavar="FILE", help="instead of CLASS.md in this folder")
    parser.add_argument("--reference", metavar="DIR", help="a checkout of X-PLUG/mPLUG-Owl")
    parser.add_argument("--reference-python", metavar="PATH", help="a Python with requirements-owl2.txt")
    options = parser.parse_args()
    if bool(options.reference) != bool(options.reference_python):
        sys.exit("bench: --reference DIR and --reference-python PATH belong together; one of them is missing")
    return options


def chosen_works(options):
    """What is to be measured, and what is left out because there is no reference."""
    named = options.works.split(",") if options.works else [work for work, _, _ in WORKS]
    unknown = set(named) - {work for work, _, _ in WORKS}
    if unknown:
        sys.exit(f"bench: no work is named {', '.join(sorted(unknown))}; there are {', '.join(w for w, _, _ in WORKS)}")
    needing = [work for work, variants, _ in WORKS if work in named and "reference" in variants]
    if options.reference or not needing:
        return named, []
    if options.works:
        sys.exit(f"bench: {', '.join(needing)} needs --reference DIR and --reference-python PATH")
    print(f"{', '.join(needing)}: left out, for want of --reference DIR and --reference-python PATH", flush=True)
    return [work for work in named if work not in needing], needing


def main():
    options = arguments()
    chosen, left_out = chosen_works(options)
    environment = dict(os.environ, OMP_WAIT_POLICY="passive", GOMP_SPINCOUNT="0",
                       TORCHINDUCTOR_CACHE_DIR=os.path.join(os.path.abspath(options.data), "inductor"))
    peers = Peers(options.worker, options.data, environment, options.reference, options.reference_python)
    reference = peers.describe()
    peers.prepare()
    before = limits(options.worker, options.data, environment)
    kernel_class = before.kernel_class
    # A class that was asked for holds for the peers as well.
    environment.update(before.settings)
    results = [measure(options.worker, peers, work, run_on(kernel_class, work, variants), options.rounds or rounds)
               for work, variants, rounds in WORKS if work in chosen and run_on(kernel_class, work, variants)]
    after = limits(options.worker, options.data, environment)
    machine = {"processor": processor(), "class": kernel_class, "forced": bool(before.settings), "cores": os.cpu_count(),
               "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers", "pillow")},
               "works": options.works,
               "limits": {name: max(before.limits[name], after.limits[name]) for name in before.limits}, "reference": reference}
    text = report.markdown(machine, results, left_out)
    print(text)
    if options.output or not options.works:
        with open(options.output or os.path.join(HERE, f"{kernel_class}.md"), "w") as file:
            file.write(text)


main()
