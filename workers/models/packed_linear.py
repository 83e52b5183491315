"""Linear layers made ready for inference: weights packed once, in the numbers that the processor is good at."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Linear = Callable[[nn.Linear], nn.Module]

# Without VNNI two products of 8 by 8 bits are added in 16, which overflow; weights of 7 bits leave room. Weights and
# not rows, because rows have the outliers.
_WEIGHT_STEPS = 63


def linear(precision: str, device: str, *, rows: int) -> Linear:
    """How to make a layer ready in fp32, bf16, fp16 (stored only; counted in fp32) or int8; `rows`: how many to expect
    at once.
    """
    if device != "cpu":
        return lambda source: source
    if precision == "int8":
        return Int8Linear
    if precision == "fp16" and can_pack_linear():
        return PackedLinear
    if not _can_pack(torch.bfloat16 if precision == "bf16" else torch.float32):
        return lambda source: source
    return lambda source: OneDnnLinear(source, rows)


class PackedLinear(nn.Module):
    """Weights in half precision, as they are stored: a third of the time for few rows. What is multiplied is fp32."""

    def __init__(self, source: nn.Linear) -> None:
        super().__init__()
        bias = None if source.bias is None else source.bias.detach()
        self._packed: Any = torch.ops.quantized.linear_prepack_fp16(source.weight.detach().float().contiguous(), bias)

    def forward(self, rows: Tensor) -> Tensor:
        answer: Tensor = torch.ops.quantized.linear_dynamic_fp16(rows, self._packed)
        return answer


class OneDnnLinear(nn.Module):
    """fp32 or bf16, as the source has it."""

    def __init__(self, source: nn.Linear, rows: int) -> None:
        super().__init__()
        weight = source.weight.detach().contiguous()
        self._packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
        self._bias = None if source.bias is None else source.bias.detach()

    def forward(self, rows: Tensor) -> Tensor:
        answer: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._packed, self._bias, "none", [], "")
        return answer


class Int8Linear(nn.Module):
    """Weights in 7 bits with a scale for each output, inputs in 8 bits with a range for each row.

    A row's own range, and sums of integers: a row's answer does not depend on its neighbours, and its error is a third
    of that of torch's dynamic layer, which takes one range for all rows.
    """

    def __init__(self, source: nn.Linear) -> None:
        super().__init__()
        weight = source.weight.detach().float()
        scales = (weight.abs().amax(1) / _WEIGHT_STEPS).clamp_min(1e-12).double()
        zeros = torch.zeros(len(weight), dtype=torch.long)
        with warnings.catch_warnings():
            # torch, which is pinned, says that these tensors will go; the kernel takes no others yet.
            warnings.simplefilter("ignore", UserWarning)
            steps = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        self._packed: Any = torch.ops.quantized.linear_prepack(steps, None)
        self._sums = steps.dequantize().sum(1)
        self._bias = torch.zeros(len(weight)) if source.bias is None else source.bias.detach().float()

    def forward(self, rows: Tensor) -> Tensor:
        flat = rows.reshape(-1, rows.shape[-1])
        low, high = flat.aminmax(dim=-1, keepdim=True)
        span = (high - low).clamp_min_(1e-12)
        multiply: Any = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        answer: Tensor = multiply((flat - low).div_(span), 1 / 255, 0, self._packed)
        answer = answer.mul_(span).addcmul_(low, self._sums).add_(self._bias)
        return answer.view(*rows.shape[:-1], -1)


def linear_of(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A layer of these tensors, which are not copied."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = (nn.Parameter(part, requires_grad=False) for part in (weight, bias))
    return layer


def joined(*sources: nn.Linear) -> nn.Linear:
    """One layer that answers what the given ones answer, side by side."""
    weight, bias = (torch.cat([getattr(source, part).detach() for source in sources]) for part in ("weight", "bias"))
    return linear_of(weight, bias)


def pack_linear(module: nn.Module) -> None:
    """Replaces every linear layer below `module`, where the processor has what it takes (x86 with AVX2)."""
    if not can_pack_linear():
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, PackedLinear(child))


def can_pack_linear() -> bool:
    return "fbgemm" in torch.backends.quantized.supported_engines


def _can_pack(dtype: torch.dtype) -> bool:
    """oneDNN's packed layers are an inner door of torch, which is pinned; other builds go the ordinary way."""
    try:
        OneDnnLinear(nn.Linear(16, 16).to(dtype), 1)(torch.zeros(1, 16, dtype=dtype))
    except (AttributeError, RuntimeError):
        return False
    return True
