"""BLIP's vision encoder, a ViT, with packed layers."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from workers.models.packed_linear import LinearPacker


class _VisionLayer(nn.Module):
    def __init__(self, source: Any, pack: LinearPacker) -> None:
        super().__init__()
        self.heads: int = source.self_attn.num_heads
        self.norm1, self.norm2 = source.layer_norm1, source.layer_norm2
        self.qkv, self.projection = pack(source.self_attn.qkv), pack(source.self_attn.projection)
        self.fc1, self.fc2 = pack(source.mlp.fc1), pack(source.mlp.fc2)
        self.activation = source.mlp.activation_fn

    def forward(self, patches: Tensor) -> Tensor:
        n, length, width = patches.shape
        qkv = self.qkv(self.norm1(patches)).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
        patches = patches + self.projection(attended.transpose(1, 2).reshape(n, length, width))
        output: Tensor = patches + self.fc2(self.activation(self.fc1(self.norm2(patches))))
        return output


class VisionEncoder(nn.Module):
    """(n, 3, side, side) to (n, patches, width)."""

    def __init__(self, source: Any, pack: LinearPacker) -> None:
        super().__init__()
        self.embeddings = source.embeddings
        self.layers = nn.ModuleList([_VisionLayer(layer, pack) for layer in source.encoder.layers])
        self.norm = source.post_layernorm

    def forward(self, pixels: Tensor) -> Tensor:
        patches: Tensor = self.embeddings(pixels)
        for layer in self.layers:
            patches = layer(patches)
        output: Tensor = self.norm(patches)
        return output
