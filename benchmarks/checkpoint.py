"""A local checkpoint of SmolVLM-256M's size with random weights: seconds and memory of an image, one thread.

The grammar keeps the answer to its JSON object. The ratio: tokens a second with it against transformers' own greedy
generation of as many tokens from the same prompt. Seconds are of the processor, which other work does not lengthen as
much; random weights end no field, so that each answer has the longest possible length.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._service import ROOT
from benchmarks.serving import photographs
from decoding import Limits
from tests.workers.vision_checkpoints import save_smolvlm_256m
from workers.imaging.decoding import decode
from workers.models.image_text import CheckpointWriter
from workers.models.image_text.generation import generate
from workers.models.options import Options
from workers.models.prompting.template import instructions
from workers.pipeline import WRITING_SIDE


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="short answers: one tag, an alt of 40 characters")
    arguments.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    given = arguments.parse_args()
    options = Options(alt_max_length=40, tag_count=1) if given.quick else Options()
    pixels = decode(photographs(1)[0], limits=Limits(pixels=10**8), max_side=WRITING_SIDE).pixels
    table = Table("measured", "figure")
    with tempfile.TemporaryDirectory() as folder:
        save = partial(save_smolvlm_256m, Path(folder), [*corpus(), instructions(options)])
        saving = multiprocessing.get_context("spawn").Process(target=save)  # its memory is not the writer's
        saving.start()
        saving.join()
        writer = CheckpointWriter(Path(folder), threads=1, precision=given.precision, timeout_s=3600.0)
        started = time.process_time()
        writer.load()
        table.add_row("precision, device", f"{writer.revision.split('+')[1]}, {writer.device}")
        table.add_row("load and warm-up", f"{time.process_time() - started:.1f} s")
        opened: Any = writer._loaded
        tokens, prompt, spent, plain = measured(opened, writer, pixels, options)
    table.add_row("tokens of the prompt, image included", f"{prompt:,}")
    table.add_row("tokens of the answer", f"{tokens:,}")
    table.add_row("an image", f"{spent:.1f} s")
    table.add_row("the same without a grammar", f"{plain:.1f} s")
    table.add_row("memory at most", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")
    Console().print(table)
    print(f"checkpoint: {plain / spent:.2f}")


def corpus() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))]


def measured(opened: Any, writer: CheckpointWriter, pixels: Any, options: Options) -> tuple[int, int, float, float]:
    """Return the tokens of answer and prompt, and the processor's seconds of an image with and without a grammar."""
    seen: list[Any] = []
    own = opened._inputs

    def inputs(*given: Any, **more: Any) -> Any:
        seen.append(own(*given, **more))
        return seen[-1]

    opened._inputs = inputs
    produced: list[int] = []
    model = opened._loaded.model
    handle = model.lm_head.register_forward_hook(lambda *_: produced.append(1))
    started = time.process_time()
    writer.write(pixels, options)
    spent = time.process_time() - started
    handle.remove()
    started = time.process_time()
    end = len(opened._loaded.tokenizer)
    generate(model, seen[0], most=len(produced), end=end, deadline=time.monotonic() + 3600.0)
    return len(produced), seen[0]["input_ids"].shape[1], spent, time.process_time() - started


if __name__ == "__main__":
    main()
