"""Choice of numeric precision by the processor's capabilities."""

import logging
from dataclasses import dataclass, replace

import torch

logger = logging.getLogger(__name__)

PRECISIONS = ("auto", "fp32", "bf16", "int8")


@dataclass(frozen=True, slots=True)
class Processor:
    """`device` as torch names it; `description` for the log."""

    device: str
    description: str
    amx: bool = False
    vnni: bool = False
    int8: bool = False

    @property
    def best_precision(self) -> str:
        """bf16 on GPUs and with AMX. Without AMX bf16 is slower than fp32, and int8 is about twice as fast."""
        if self.device != "cpu" or self.amx:
            return "bf16"
        return "int8" if self.int8 else "fp32"

    @property
    def without_int8(self) -> "Processor":
        """Return the processor for models whose layers are not packed."""
        return replace(self, int8=False)


def detect_processor() -> Processor:
    """Return the first CUDA device, else the CPU."""
    if torch.cuda.is_available():
        return Processor("cuda", torch.cuda.get_device_name())
    amx, vnni = _cpu_supports("_is_amx_tile_supported"), _cpu_supports("_is_vnni_supported")
    extensions = [name for name, supported in (("AMX", amx), ("VNNI", vnni)) if supported]
    description = " with ".join(["CPU", ", ".join([torch.backends.cpu.get_cpu_capability(), *extensions])])
    return Processor("cpu", description, amx, vnni, int8="fbgemm" in torch.backends.quantized.supported_engines)


def prepare(precision: str, *, threads: int | None, name: str, is_packed: bool = True) -> tuple[Processor, str]:
    """Set the threads of the process, and return its processor and the precision, "auto" resolved.

    `is_packed`: the model's layers have int8. Raises ValueError for an unsupported precision.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    processor = detect_processor()
    return processor, choose_precision(precision, processor if is_packed else processor.without_int8, name=name)


def choose_precision(requested: str, processor: Processor, *, name: str) -> str:
    """Resolve "auto" and log the choice. Raises ValueError for an unsupported precision."""
    if requested not in PRECISIONS:
        raise ValueError(f"precision is {requested!r}; accepted: {', '.join(PRECISIONS)}")
    if requested == "int8" and (processor.device != "cpu" or not processor.int8):
        raise ValueError(
            f"precision is 'int8'; {processor.description} has no int8 kernels here; accepted: auto, fp32, bf16"
        )
    chosen = processor.best_precision if requested == "auto" else requested
    logger.info("%s runs in %s on %s, threads: %d.", name, chosen, processor.description, torch.get_num_threads())
    return chosen


def _cpu_supports(check: str) -> bool:
    # Private API of torch, which is pinned.
    function = getattr(torch.cpu, check, None)
    return function is not None and bool(function())
