"""Words and names of 10,000 JPEGs: files a second of one core apart from the models, and memory against 1,000 files.

The steps of `manage.py caption` behind the models, in one process on one core: words spliced into the file, written
beside it, synchronized and renamed into its place; names with their undo list; the list of what is done. How long the
disk takes to synchronize is its own matter, and has a column of its own. The last line is the slower of the two, in
files a CPU second, against the 200 that are promised.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

import xmp
from benchmarks._memory import peak_mb, reset_peak
from tests.images import noisy_jpeg
from workers.cli.files.file_run import FileRun
from workers.cli.files.options import FileOptions
from workers.cli.image_paths import find_images
from workers.cli.output import CaptionRecord

PROMISED = 200
SIZE = (800, 600)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a tenth of the files")
    count = 1_000 if arguments.parse_args().quick else 10_000
    table = Table("files", "what", "files a CPU second", "files a second on this disk", "peak more than at 1/10, MB")
    image, rates = noisy_jpeg(SIZE), list[float]()
    for name, work in STEPS.items():
        with folder_of(image, count // 10) as folder:
            work(folder)
        reset_peak(os.getpid())
        before = peak_mb(os.getpid())
        with folder_of(image, count) as folder:
            started, cpu = time.perf_counter(), time.process_time()
            work(folder)
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
        rates.append(count / cpu_seconds)
        row = (f"{rates[-1]:.0f}", f"{count / seconds:.0f}", f"{peak_mb(os.getpid()) - before:.1f}")
        table.add_row(f"{count:,} of {len(image) // 1000} kB", name, *row)
    Console().print(table)
    print(f"folders: {min(rates) / PROMISED:.2f}")


@contextmanager
def folder_of(image: bytes, count: int) -> Iterator[Path]:
    """Yield a folder of images that differ in five bytes; it is on the disk, where files are synchronized."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name) / "images"
        folder.mkdir()
        for number in range(count):
            (folder / f"{number:05}.jpg").write_bytes(image[:-1000] + f"{number:05}".encode() + image[-995:])
        yield folder
        shutil.rmtree(folder)


def write(folder: Path) -> None:
    run_all(folder, FileOptions(write=True))


def write_everything(folder: Path) -> None:
    beside = folder.parent
    options = FileOptions(
        write=True, rename="{filename}", skip_done=f"{beside}/done", csv=f"{beside}/csv", undo_list=f"{beside}/undo"
    )
    run_all(folder, options)


STEPS: dict[str, Callable[[Path], None]] = {
    "--write": write,
    "--write --rename --skip-done --csv": write_everything,
}


def run_all(folder: Path, options: FileOptions) -> None:
    with FileRun(options, fail, print, max_bytes=2**25) as run:
        for number, selected in enumerate(run.select(find_images([str(folder)], fail))):
            run.save(selected, record(selected.path, number), (f"grey-noise-{number}",))
        assert run.counts["done"] == number + 1


def record(path: str, number: int) -> CaptionRecord:
    text = f"Grey noise, number {number}, as a television shows it"
    return {
        "path": path,
        "metadata": {
            "title": f"Noise {number}",
            "alt": text,
            "caption": f"{text}.",
            "description": f"{text}. There is nothing else in it.",
            "filename": f"grey-noise-{number}",
            "seoTags": ["noise", "grey", "television"],
        },
        "kind": "photo",
        "confidence": 0.8,
        "needsReview": False,
        "caption": {"text": text, "confidence": 0.8},
        "tags": [],
        "model": "benchmark@1",
    }


def fail(path: str, message: str) -> None:
    raise xmp.XmpError(f"{path}: {message}")


if __name__ == "__main__":
    main()
