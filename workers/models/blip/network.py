"""BLIP's eye in an inference of our own: the layers of transformers' model, without what inference does not need."""

from typing import Any

from torch import Tensor, nn

from workers.models.packed_linear import Linear
from workers.models.text_decoder.decoder import attend


class _VisionLayer(nn.Module):
    def __init__(self, source: Any, linear: Linear) -> None:
        super().__init__()
        self.heads: int = source.self_attn.num_heads
        self.before, self.between = source.layer_norm1, source.layer_norm2
        self.all, self.out = linear(source.self_attn.qkv), linear(source.self_attn.projection)
        self.wide, self.narrow = linear(source.mlp.fc1), linear(source.mlp.fc2)
        self.bend = source.mlp.activation_fn

    def forward(self, cells: Tensor) -> Tensor:
        n, length, width = cells.shape
        parts = self.all(self.before(cells)).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = attend(parts[0], parts[1], parts[2]).transpose(1, 2).reshape(n, length, width)
        cells = cells + self.out(seen)
        answer: Tensor = cells + self.narrow(self.bend(self.wide(self.between(cells))))
        return answer


class Vision(nn.Module):
    """(n, 3, side, side), normalised, to (n, cells, width)."""

    def __init__(self, source: Any, linear: Linear) -> None:
        super().__init__()
        self.embeddings = source.embeddings
        self.layers = nn.ModuleList([_VisionLayer(layer, linear) for layer in source.encoder.layers])
        self.last = source.post_layernorm

    def forward(self, pixels: Tensor) -> Tensor:
        cells: Tensor = self.embeddings(pixels)
        for layer in self.layers:
            cells = layer(cells)
        answer: Tensor = self.last(cells)
        return answer
