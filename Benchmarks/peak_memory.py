#!/usr/bin/env python3
"""Runs a command and prints its largest memory, apart for what it allocated and what it mapped, and its times. Linux.

    Benchmarks/peak_memory.py syrinx generate --model MODEL --dtype checkpoint --image picture.jpg "What is this?"

Samples /proc/PID/status every 20 ms: RssAnon is memory of the process's own, RssFile mapped files, which the system may
take back at any time and reads again when they are needed. "First output" is the first byte on standard output.
"""

import os
import pathlib
import subprocess
import sys
import threading
import time


def status(pid):
    """Kilobytes by name; nothing once the process is gone."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssFile", "VmRSS"))}


def main():
    start = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
    first = []

    def read():
        while chunk := os.read(process.stdout.fileno(), 65536):
            first or first.append(time.monotonic() - start)
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()

    reader = threading.Thread(target=read)
    reader.start()
    peaks = {}
    while process.poll() is None:
        for name, value in status(process.pid).items():
            peaks[name] = max(peaks.get(name, 0), value)
        time.sleep(0.02)
    reader.join()
    gigabytes = {name: f"{value * 1024 / 1e9:.2f} GB" for name, value in peaks.items()}
    print(
        f"\nanonymous {gigabytes.get('RssAnon')}, mapped {gigabytes.get('RssFile')}, together {gigabytes.get('VmRSS')} at most;"
        f" first output after {first[0] if first else float('nan'):.1f} s, all after {time.monotonic() - start:.1f} s",
        file=sys.stderr)
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
