"""What the processor is good at, and so in which numbers the models are run."""

import logging
from dataclasses import dataclass

import torch

logger = logging.getLogger(__name__)

PRECISIONS = ("auto", "fp32", "bf16", "int8")


@dataclass(frozen=True, slots=True)
class Processor:
    """`device` as torch names it; `words` for a log line."""

    device: str
    words: str
    amx: bool = False
    vnni: bool = False
    int8: bool = False

    @property
    def best(self) -> str:
        """bf16 on GPUs and with AMX. Without AMX bf16 is slower than fp32, and int8 is about twice as fast."""
        if self.device != "cpu" or self.amx:
            return "bf16"
        return "int8" if self.int8 else "fp32"


def processor() -> Processor:
    """The first CUDA device where there is one, else the CPU."""
    if torch.cuda.is_available():
        return Processor("cuda", torch.cuda.get_device_name())
    amx, vnni = _has("_is_amx_tile_supported"), _has("_is_vnni_supported")
    sets = [name for name, there in (("AMX", amx), ("VNNI", vnni)) if there]
    words = " with ".join(["CPU", ", ".join([torch.backends.cpu.get_cpu_capability(), *sets])])
    return Processor("cpu", words, amx, vnni, int8="fbgemm" in torch.backends.quantized.supported_engines)


def choose(wanted: str, here: Processor, *, name: str) -> str:
    """`wanted` or, for "auto", the best; told in one line of the log. ValueError for what cannot be had here."""
    if wanted not in PRECISIONS:
        raise ValueError(f"precision is {wanted!r}; accepted: {', '.join(PRECISIONS)}")
    if wanted == "int8" and (here.device != "cpu" or not here.int8):
        raise ValueError(f"precision is 'int8'; {here.words} has no int8 kernels here; accepted: auto, fp32, bf16")
    chosen = here.best if wanted == "auto" else wanted
    logger.info("%s runs in %s on %s, threads: %d.", name, chosen, here.words, torch.get_num_threads())
    return chosen


def _has(question: str) -> bool:
    # Inner doors of torch, which is pinned.
    ask = getattr(torch.cpu, question, None)
    return ask is not None and bool(ask())
