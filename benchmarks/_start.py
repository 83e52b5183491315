"""How soon a process answers its first picture, as a worker does it, and how large it is then: `FILE`."""

import sys
import time
from pathlib import Path


def main() -> None:
    begun = time.perf_counter()
    # Importing them is part of it.
    from decoding import Limits
    from workers import pipeline
    from workers.models.subprocess import create_in_subprocess
    from workers.runtime.engine import Engine

    engine = Engine(*create_in_subprocess(60, "embedded", threads=1), batch_size=8)
    engine.load()
    pipeline.describe(engine, Path(sys.argv[1]).read_bytes(), limits=Limits(pixels=10**8), timeout_s=60)
    seconds = time.perf_counter() - begun

    import psutil

    from benchmarks._service import peak_mb

    here = psutil.Process()
    print(seconds, sum(peak_mb(process.pid) for process in [here, *here.children()]))
    engine.close()


if __name__ == "__main__":
    main()
