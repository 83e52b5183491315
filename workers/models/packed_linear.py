"""Quantized and packed linear layers for inference on CPUs, by FBGEMM and oneDNN."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

LinearPacker = Callable[[nn.Linear], nn.Module]

# 7 bits: without VNNI two products of 8 by 8 bits are added in 16, which overflow. Weights, because the inputs have
# the outliers.
_MAX_WEIGHT = 63


def linear_packer(precision: str, device: str, *, rows: int) -> LinearPacker:
    """Return the conversion to fp32, bf16, fp16 (stored only, computed in fp32) or int8, for about `rows` rows."""
    if device != "cpu":
        return lambda source: source
    if precision == "int8":
        return Int8Linear
    if precision == "fp16" and can_pack_linear():
        return Fp16Linear
    if not _has_onednn_linear(torch.bfloat16 if precision == "bf16" else torch.float32):
        return lambda source: source
    return lambda source: OneDnnLinear(source, rows)


class Fp16Linear(nn.Module):
    """Stored in half precision: a third of the time for few rows. Computed in fp32."""

    def __init__(self, source: nn.Linear) -> None:
        super().__init__()
        bias = None if source.bias is None else source.bias.detach()
        self._packed: Any = torch.ops.quantized.linear_prepack_fp16(source.weight.detach().float().contiguous(), bias)

    def forward(self, rows: Tensor) -> Tensor:
        output: Tensor = torch.ops.quantized.linear_dynamic_fp16(rows, self._packed)
        return output


class OneDnnLinear(nn.Module):
    def __init__(self, source: nn.Linear, rows: int) -> None:
        super().__init__()
        weight = source.weight.detach().contiguous()
        self._packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
        self._bias = None if source.bias is None else source.bias.detach()

    def forward(self, rows: Tensor) -> Tensor:
        output: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._packed, self._bias, "none", [], "")
        return output


class Int8Linear(nn.Module):
    """Dynamic quantization: weights in 7 bits with a scale per output, inputs in 8 bits with a range per row.

    So a row's output is independent of the others, and its error a third of that of torch's dynamic layer, which has
    one range for all rows.
    """

    def __init__(self, source: nn.Linear) -> None:
        super().__init__()
        weight = source.weight.detach().float()
        scales = (weight.abs().amax(1) / _MAX_WEIGHT).clamp_min(1e-12).double()
        zeros = torch.zeros(len(weight), dtype=torch.long)
        with warnings.catch_warnings():
            # torch, which is pinned, deprecates these tensors; the kernel accepts no others yet.
            warnings.simplefilter("ignore", UserWarning)
            quantized = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        self._packed: Any = torch.ops.quantized.linear_prepack(quantized, None)
        self._weight_sums = quantized.dequantize().sum(1)
        self._bias = torch.zeros(len(weight)) if source.bias is None else source.bias.detach().float()

    def forward(self, rows: Tensor) -> Tensor:
        flat = rows.reshape(-1, rows.shape[-1])
        low, high = flat.aminmax(dim=-1, keepdim=True)
        span = (high - low).clamp_min_(1e-12)
        multiply: Any = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        output: Tensor = multiply((flat - low).div_(span), 1 / 255, 0, self._packed)
        output = output.mul_(span).addcmul_(low, self._weight_sums).add_(self._bias)
        return output.view(*rows.shape[:-1], -1)


def linear_layer(weight: Tensor, bias: Tensor) -> nn.Linear:
    """The tensors are shared, not copied."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = (nn.Parameter(part, requires_grad=False) for part in (weight, bias))
    return layer


def concatenated_linear(*sources: nn.Linear) -> nn.Linear:
    """Return one layer with the outputs of all sources."""
    weight, bias = (torch.cat([getattr(source, part).detach() for source in sources]) for part in ("weight", "bias"))
    return linear_layer(weight, bias)


def pack_linear(module: nn.Module) -> None:
    """Convert all linear layers below `module` to Fp16Linear, where supported (x86 with AVX2)."""
    if not can_pack_linear():
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, Fp16Linear(child))


def can_pack_linear() -> bool:
    return "fbgemm" in torch.backends.quantized.supported_engines


def _has_onednn_linear(dtype: torch.dtype) -> bool:
    """A private API of torch, which is pinned; not every build has it."""
    try:
        OneDnnLinear(nn.Linear(16, 16).to(dtype), 1)(torch.zeros(1, 16, dtype=dtype))
    except (AttributeError, RuntimeError):
        return False
    return True
