"""Images per second of our BLIP against transformers: `model.generate` in fp32, one image at a time, the same beams.

Both use the same checkpoint with random weights of the real size. On a CPU one thread is measured, in CPU time, which
another process changes little.
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

# One prompt and a fixed length, so that both do the same work.
OPTIONS = BlipOptions(prompts=("",), num_beams=3, max_new_tokens=12)
# Size of the vocabulary; no text is tokenized, so that transformers' BertTokenizer is not needed.
VOCABULARY = 30_000


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one round instead of five, batches of 8 only")
    arguments.add_argument("--precision", default="auto", help="auto, fp32, bf16 or int8; default: %(default)s")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    library_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    here = detect_processor()
    precision = choose_precision(options.precision, here, name="BLIP")
    with tempfile.TemporaryDirectory() as folder:
        ratio = measure(checkpoint(Path(folder)), here, precision, rounds=1 if options.quick else 5)
    print(f"models: {ratio:.2f}")


def measure(folder: Path, here: Processor, precision: str, *, rounds: int) -> float:
    """Print tables and return the ratio at batches of 8."""
    plain, own = GenerateLoop(folder, here), Blip(folder, precision, here, OPTIONS)
    files = sorted(SAMPLES.glob("*.jpg"))[:8]
    images = [decode(path.read_bytes(), limits=Limits(pixels=10**8)).pixels for path in files]
    single: list[float] = []
    stages: dict[int, dict[str, list[float]]] = {1: {}, 8: {}}
    plain(images[0])
    own.caption(images[:1])
    for _ in range(rounds):
        single.append(timed(lambda: plain(images[0]))[0])
        for size, found in stages.items():
            for name, seconds in time_stages(own, images[:size]).items():
                found.setdefault(name, []).append(seconds / size)
    table = Table("BLIP-base, 3 beams, 12 tokens", "ms an image", *stages[8], "ratio")
    table.add_row(
        "generate, fp32, batch 1", f"{1000 * statistics.median(single):.0f}", *["" for _ in stages[8]], "1.00"
    )
    ratios = {}
    for size, found in stages.items():
        totals = [sum(parts) for parts in zip(*found.values(), strict=True)]
        ratios[size] = statistics.median(one / total for one, total in zip(single, totals, strict=True))
        columns = [f"{1000 * statistics.median(seconds):.0f}" for seconds in found.values()]
        row = f"{1000 * statistics.median(totals):.0f}"
        table.add_row(f"engine, {precision}, batch {size}", row, *columns, f"{ratios[size]:.2f}")
    Console(width=120).print(table)
    Console(width=120).print(facts(own, plain, here, images, stages[8]))
    return float(ratios[8])


class GenerateLoop:
    """transformers' generate, one image at a time."""

    def __init__(self, folder: Path, here: Processor) -> None:
        self._device = here.device
        model: Any = BlipForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        self._model = model.to(here.device).eval()
        self._processor: Any = BlipImageProcessorPil.from_pretrained(folder)

    def __call__(self, image: Pixels) -> list[int]:
        inputs = self._processor(image, return_tensors="pt")["pixel_values"].to(self._device)
        options = {
            "num_beams": OPTIONS.num_beams,
            "early_stopping": True,
            "no_repeat_ngram_size": OPTIONS.no_repeat_ngram_size,
        }
        output = self._model.generate(inputs, max_new_tokens=OPTIONS.max_new_tokens, **options)
        ids: list[int] = output[0].tolist()
        return ids


def time_stages(own: Blip, images: list[Pixels]) -> dict[str, float]:
    """Return the seconds of a batch by stage: preprocessing, vision encoder, text decoder."""
    preprocessing, pixels = timed(lambda: own.preprocessor(images))
    vision, encoded = timed(lambda: own.encode(pixels))
    text, _ = timed(lambda: own.generate_sentences(encoded))
    return {"preprocess": preprocessing, "vision": vision, "text": text}


def facts(
    own: Blip, plain: GenerateLoop, here: Processor, images: list[Pixels], stages: dict[str, list[float]]
) -> Table:
    """Return a table: tokens that agree, decoding, CLIP, and the vision encoder's share of the fp32 peak."""
    token_ids = [ids_of(own, image) for image in images]
    same = total = 0
    for image, ids in zip(images, token_ids, strict=True):
        expected = plain(image)
        same += sum(a == b for a, b in zip(expected, ids, strict=False))
        total += max(len(expected), len(ids))
    peak = peak_flops(here)
    flops = vision_flops()
    table = Table("", "")
    table.add_row("tokens the same as generate's", f"{100 * same / total:.1f} %")
    table.add_row("decoding a sample to 448 pixels", f"{1000 * decoding():.0f} ms")
    table.add_row("CLIP ViT-B/32, one of 8 images, fp32", f"{1000 * clip_seconds(here):.0f} ms")
    table.add_row("fp32 peak, a matrix product of 2048", f"{peak / 1e9:.0f} GFLOP/s")
    share = flops / statistics.median(stages["vision"]) / peak
    table.add_row("vision's share of that peak, batch 8", f"{100 * share:.0f} %")
    return table


def ids_of(own: Blip, image: Pixels) -> list[int]:
    from workers.models.text_decoder.generation import generate

    (best, *_), *_ = generate(own.decoder, own.encode(own.preprocessor([image])), own.prompts, own.generation)[0]
    return list(best.ids)


def vision_flops() -> float:
    """Return the operations for one image: the encoder, and the decoder's cross-attention keys and values."""
    positions, width, layers = 577, 768, 12
    linear = 2 * positions * width * width * (4 + 8 + 2)
    attention = 4 * positions * positions * width
    return float(layers * (linear + attention))


def peak_flops(here: Processor) -> float:
    side = 2048
    one, other = (torch.randn(side, side, device=here.device) for _ in range(2))
    with torch.inference_mode():
        seconds = min(timed(lambda: one @ other)[0] for _ in range(4))
    return 2 * side**3 / seconds


def decoding() -> float:
    data = (SAMPLES / "coffee.jpg").read_bytes()
    return statistics.median(timed(lambda: decode(data, limits=Limits(pixels=10**8)))[0] for _ in range(5))


def clip_seconds(here: Processor) -> float:
    net: Any = CLIPModel(CLIPConfig())
    model = net.eval().to(here.device)
    pixels = torch.from_numpy(np.random.default_rng(0).normal(size=(8, 3, 224, 224)).astype(np.float32))
    with torch.inference_mode():
        return (
            min(timed(lambda: model.get_image_features(pixel_values=pixels.to(here.device)))[0] for _ in range(3)) / 8
        )


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds, or wall-clock seconds where a GPU computes, and the output."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = clock()
    output = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - started, output


def checkpoint(folder: Path) -> Path:
    """Save a BLIP-base with random weights of such a spread that images and tokens differ."""
    torch.manual_seed(0)
    config = BlipConfig(
        text_config={"num_attention_heads": 12, "initializer_range": 0.1}, vision_config={"initializer_range": 0.02}
    )
    BlipForConditionalGeneration(config).save_pretrained(folder)
    BlipImageProcessorPil().save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(["[UNK]", *(f"w{number}" for number in range(VOCABULARY))]))
    return folder


if __name__ == "__main__":
    main()
