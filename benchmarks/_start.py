"""Measure the time of a new process to its first result, as in a worker, and its peak memory: `FILE`.

Prints seconds and megabytes.
"""

import os
import sys
import time
from pathlib import Path


def main() -> None:
    started = time.perf_counter()
    # The imports are part of the measured time.
    from decoding import Limits
    from workers import pipeline
    from workers.models.subprocess import create_in_subprocess
    from workers.runtime.engine import Engine

    engine = Engine(*create_in_subprocess(60, "embedded", threads=1), batch_size=8)
    engine.load()
    pipeline.describe(engine, Path(sys.argv[1]).read_bytes(), limits=Limits(pixels=10**8), timeout_s=60)
    seconds = time.perf_counter() - started

    from benchmarks._memory import peak_mb

    print(seconds, peak_mb(os.getpid()))
    engine.close()


if __name__ == "__main__":
    main()
