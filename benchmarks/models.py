"""Images a second of BLIP's engine against the plain loop that everybody writes: `model.generate`, fp32, one picture at
a time, the same beams, on the same checkpoint with random weights of the real size.

On a CPU one thread is measured, in the seconds that it had of the processor: another process beside it changes little.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from transformers import BlipConfig, BlipForConditionalGeneration, BlipImageProcessorPil, CLIPConfig, CLIPModel
from transformers.utils import logging as library_logging

from benchmarks.embedded import SAMPLES
from decoding import Limits
from workers.imaging.decoding import decode
from workers.models.base import Pixels
from workers.models.blip.model import Blip
from workers.models.blip.options import BlipOptions
from workers.models.precision import Processor, choose_precision, detect_processor

# One prompt and a fixed length, so that both ways do the same work.
STYLE = BlipOptions(prompts=("",), num_beams=3, max_new_tokens=12)
# Of all; transformers' BertTokenizer is not asked, since no text is read.
WORDS = 30_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one round instead of five, batches of 8 only")
    arguments.add_argument("--precision", default="auto", help="auto, fp32, bf16 or int8; default: %(default)s")
    told = arguments.parse_args()
    torch.set_num_threads(1)
    library_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    here = detect_processor()
    precision = choose_precision(told.precision, here, name="BLIP")
    with tempfile.TemporaryDirectory() as folder:
        ratio = measured(checkpoint(Path(folder)), here, precision, rounds=1 if told.quick else 5)
    print(f"models: {ratio:.2f}")


def measured(folder: Path, here: Processor, precision: str, *, rounds: int) -> float:
    """Prints tables, and returns the ratio at batches of 8."""
    plain, own = Plain(folder, here), Blip(folder, precision, here, STYLE)
    files = sorted(SAMPLES.glob("*.jpg"))[:8]
    pictures = [decode(path.read_bytes(), limits=Limits(pixels=10**8)).pixels for path in files]
    alone: list[float] = []
    stages: dict[int, dict[str, list[float]]] = {1: {}, 8: {}}
    plain(pictures[0])
    own.caption(pictures[:1])
    for _ in range(rounds):
        alone.append(spent(lambda: plain(pictures[0]))[0])
        for size, found in stages.items():
            for name, seconds in staged(own, pictures[:size]).items():
                found.setdefault(name, []).append(seconds / size)
    table = Table("BLIP-base, 3 beams, 12 tokens", "ms an image", *stages[8], "ratio")
    table.add_row("generate, fp32, batch 1", f"{1000 * statistics.median(alone):.0f}", *["" for _ in stages[8]], "1.00")
    ratios = {}
    for size, found in stages.items():
        totals = [sum(parts) for parts in zip(*found.values(), strict=True)]
        ratios[size] = statistics.median(one / total for one, total in zip(alone, totals, strict=True))
        columns = [f"{1000 * statistics.median(seconds):.0f}" for seconds in found.values()]
        row = f"{1000 * statistics.median(totals):.0f}"
        table.add_row(f"engine, {precision}, batch {size}", row, *columns, f"{ratios[size]:.2f}")
    Console(width=120).print(table)
    Console(width=120).print(facts(own, plain, here, pictures, stages[8]))
    return float(ratios[8])


class Plain:
    """The loop that everybody writes."""

    def __init__(self, folder: Path, here: Processor) -> None:
        self._device = here.device
        model: Any = BlipForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        self._model = model.to(here.device).eval()
        self._processor: Any = BlipImageProcessorPil.from_pretrained(folder)

    def __call__(self, picture: Pixels) -> list[int]:
        inputs = self._processor(picture, return_tensors="pt")["pixel_values"].to(self._device)
        how = {"num_beams": STYLE.num_beams, "early_stopping": True, "no_repeat_ngram_size": STYLE.no_repeat_ngram_size}
        answer = self._model.generate(inputs, max_new_tokens=STYLE.max_new_tokens, **how)
        ids: list[int] = answer[0].tolist()
        return ids


def staged(own: Blip, pictures: list[Pixels]) -> dict[str, float]:
    """Seconds of a batch: making the pictures ready, looking at them, telling."""
    ready, pixels = spent(lambda: own.preprocessor(pictures))
    looking, sight = spent(lambda: own.encode(pixels))
    telling, _ = spent(lambda: own.generate_sentences(sight))
    return {"ready": ready, "vision": looking, "text": telling}


def facts(own: Blip, plain: Plain, here: Processor, pictures: list[Pixels], stages: dict[str, list[float]]) -> Table:
    """What else is said of it: the tokens that are the same, CLIP, decoding, and the share of the peak."""
    said = [ids_of(own, picture) for picture in pictures]
    same = total = 0
    for picture, ids in zip(pictures, said, strict=True):
        expected = plain(picture)
        same += sum(a == b for a, b in zip(expected, ids, strict=False))
        total += max(len(expected), len(ids))
    peak = peak_flops(here)
    flops = vision_flops()
    table = Table("", "")
    table.add_row("tokens the same as generate's", f"{100 * same / total:.1f} %")
    table.add_row("decoding a sample to 448 pixels", f"{1000 * decoding():.0f} ms")
    table.add_row("CLIP ViT-B/32, one of 8 pictures, fp32", f"{1000 * clip_seconds(here):.0f} ms")
    table.add_row("fp32 peak, a matrix product of 2048", f"{peak / 1e9:.0f} GFLOP/s")
    share = flops / statistics.median(stages["vision"]) / peak
    table.add_row("vision's share of that peak, batch 8", f"{100 * share:.0f} %")
    return table


def ids_of(own: Blip, picture: Pixels) -> list[int]:
    from workers.models.text_decoder.generation import generate

    (best, *_), *_ = generate(own.decoder, own.encode(own.preprocessor([picture])), own.prompts, own.generation)[0]
    return list(best.ids)


def vision_flops() -> float:
    """Of one picture: the encoder, and the decoder's keys and values of its cells."""
    cells, width, layers = 577, 768, 12
    linear = 2 * cells * width * width * (4 + 8 + 2)
    attention = 4 * cells * cells * width
    return float(layers * (linear + attention))


def peak_flops(here: Processor) -> float:
    side = 2048
    one, other = (torch.randn(side, side, device=here.device) for _ in range(2))
    with torch.inference_mode():
        seconds = min(spent(lambda: one @ other)[0] for _ in range(4))
    return 2 * side**3 / seconds


def decoding() -> float:
    data = (SAMPLES / "coffee.jpg").read_bytes()
    return statistics.median(spent(lambda: decode(data, limits=Limits(pixels=10**8)))[0] for _ in range(5))


def clip_seconds(here: Processor) -> float:
    net: Any = CLIPModel(CLIPConfig())
    model = net.eval().to(here.device)
    pixels = torch.from_numpy(np.random.default_rng(0).normal(size=(8, 3, 224, 224)).astype(np.float32))
    with torch.inference_mode():
        return (
            min(spent(lambda: model.get_image_features(pixel_values=pixels.to(here.device)))[0] for _ in range(3)) / 8
        )


def spent(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor, or by the clock where a GPU works; and the answer."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    begun = clock()
    answer = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - begun, answer


def checkpoint(folder: Path) -> Path:
    """BLIP-base with random weights, wide enough apart that pictures and words differ."""
    torch.manual_seed(0)
    config = BlipConfig(
        text_config={"num_attention_heads": 12, "initializer_range": 0.1}, vision_config={"initializer_range": 0.02}
    )
    BlipForConditionalGeneration(config).save_pretrained(folder)
    BlipImageProcessorPil().save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(["[UNK]", *(f"w{number}" for number in range(WORDS))]))
    return folder


if __name__ == "__main__":
    main()
