"""BLIP's text decoder for inference, with KV caches. An image's beams share its cross-attention keys and values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.models.packed_linear import LinearPacker, concatenated_linear, linear_layer


@dataclass(frozen=True, slots=True)
class DecoderShape:
    """Hyperparameters that the tensors do not contain."""

    heads: int
    layers: int
    layer_norm_eps: float = 1e-12
    activation: Callable[[Tensor], Tensor] = functional.gelu


@dataclass(frozen=True, slots=True)
class StateDictView:
    """The tensors below a prefix, which `/` extends."""

    tensors: Mapping[str, Tensor]
    prefix: str = ""

    def __truediv__(self, name: str) -> "StateDictView":
        return StateDictView(self.tensors, f"{self.prefix}.{name}" if self.prefix else name)

    def linear(self) -> nn.Linear:
        return linear_layer(self.tensors[f"{self.prefix}.weight"], self.tensors[f"{self.prefix}.bias"])

    def layer_norm(self, eps: float) -> Callable[[Tensor], Tensor]:
        weight, bias = self.tensors[f"{self.prefix}.weight"], self.tensors[f"{self.prefix}.bias"]
        return partial(functional.layer_norm, normalized_shape=weight.shape, weight=weight, bias=bias, eps=eps)

    def embedding(self) -> Tensor:
        return self.tensors[f"{self.prefix}.weight"]


@dataclass(slots=True)
class CrossAttentionCache:
    """Keys and values of n images by layer, (n, heads, positions, head width) each."""

    layers: list[tuple[Tensor, Tensor]]

    def select(self, images: list[int]) -> "CrossAttentionCache":
        places = torch.tensor(images, device=self.layers[0][0].device)
        return CrossAttentionCache([(keys[places], values[places]) for keys, values in self.layers])

    @staticmethod
    def concatenate(caches: "list[CrossAttentionCache]") -> "CrossAttentionCache":
        if len(caches) == 1:
            return caches[0]
        layers = zip(*(cache.layers for cache in caches), strict=True)
        return CrossAttentionCache(
            [(torch.cat([pair[0] for pair in layer]), torch.cat([pair[1] for pair in layer])) for layer in layers]
        )


@dataclass(slots=True)
class SelfAttentionCache:
    """Keys and values (layers, 2, rows, heads, capacity, head width), filled up to `length`."""

    keys_values: Tensor
    length: int = 0

    def reorder(self, parents: Tensor) -> None:
        """Replace row i by a copy of row parents[i]."""
        old = self.keys_values
        self.keys_values = old.new_empty((*old.shape[:2], len(parents), *old.shape[3:]))
        self.keys_values[..., : self.length, :] = old[..., : self.length, :].index_select(2, parents)


class _DecoderLayer:
    def __init__(
        self, source: StateDictView, shape: DecoderShape, per_token: LinearPacker, per_image: LinearPacker
    ) -> None:
        own, cross = source / "attention", source / "crossattention"
        self.heads, self.activation = shape.heads, shape.activation
        self.self_qkv = per_token(
            concatenated_linear(*((own / "self" / part).linear() for part in ("query", "key", "value")))
        )
        self.self_output, self.self_norm = _dense_and_norm(own / "output", shape, per_token)
        self.cross_kv = per_image(concatenated_linear(*((cross / "self" / part).linear() for part in ("key", "value"))))
        self.cross_query = per_token((cross / "self" / "query").linear())
        self.cross_output, self.cross_norm = _dense_and_norm(cross / "output", shape, per_token)
        self.intermediate = per_token((source / "intermediate" / "dense").linear())
        self.output, self.output_norm = _dense_and_norm(source / "output", shape, per_token)

    def encode_cross_attention(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        n, length, _ = encoded.shape
        parts = self.cross_kv(encoded).view(n, length, 2, self.heads, -1).permute(2, 0, 3, 1, 4).contiguous()
        return parts[0], parts[1]

    def __call__(
        self, hidden: Tensor, cache: Tensor, at: int, mask: Tensor | None, cross: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Run the layer on `hidden` (rows, t, width); `cache`: this layer's self-attention cache, filled up to `at`."""
        rows, length, width = hidden.shape
        qkv = self.self_qkv(hidden).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        cache[:, :, :, at : at + length] = qkv[1:]
        keys, values = cache[0, :, :, : at + length], cache[1, :, :, : at + length]
        attended = functional.scaled_dot_product_attention(qkv[0], keys, values, attn_mask=mask)
        hidden = self.self_norm(self.self_output(attended.transpose(1, 2).reshape(rows, length, width)) + hidden)
        # An image's rows form one row of queries, so that its keys are read once.
        query = self.cross_query(hidden).view(len(cross[0]), -1, self.heads, width // self.heads).transpose(1, 2)
        attended = functional.scaled_dot_product_attention(query, *cross)
        hidden = self.cross_norm(self.cross_output(attended.transpose(1, 2).reshape(rows, length, width)) + hidden)
        return self.output_norm(self.output(self.activation(self.intermediate(hidden))) + hidden)


class TextDecoder:
    """A decoder from the state dict of a `BlipTextLMHeadModel`."""

    def __init__(
        self, tensors: Mapping[str, Tensor], shape: DecoderShape, per_token: LinearPacker, per_image: LinearPacker
    ) -> None:
        """Raises KeyError for a missing tensor."""
        bert, head = StateDictView(tensors, "bert"), StateDictView(tensors, "cls.predictions")
        embeddings = bert / "embeddings"
        self.word_embeddings = (embeddings / "word_embeddings").embedding()
        self.position_embeddings = (embeddings / "position_embeddings").embedding()
        self.embedding_norm = (embeddings / "LayerNorm").layer_norm(shape.layer_norm_eps)
        layers = bert / "encoder" / "layer"
        self.layers = [
            _DecoderLayer(layers / str(number), shape, per_token, per_image) for number in range(shape.layers)
        ]
        self.transform, self.transform_norm = _dense_and_norm(head / "transform", shape, per_token)
        self.activation = shape.activation
        # Tied weights are stored once, as the embeddings.
        output_embeddings = tensors.get("cls.predictions.decoder.weight", self.word_embeddings)
        self.lm_head = per_token(linear_layer(output_embeddings, tensors["cls.predictions.bias"]))

    def encode_cross_attention(self, encoded: Tensor) -> CrossAttentionCache:
        """Encode images (n, positions, width) once for all beams."""
        return CrossAttentionCache([layer.encode_cross_attention(encoded) for layer in self.layers])

    def empty_cache(self, rows: int, capacity: int, cross_attention: CrossAttentionCache) -> SelfAttentionCache:
        keys = cross_attention.layers[0][0]
        return SelfAttentionCache(keys.new_empty(len(self.layers), 2, rows, keys.shape[1], capacity, keys.shape[3]))

    def __call__(
        self,
        ids: Tensor,
        positions: Tensor,
        cache: SelfAttentionCache,
        mask: Tensor | None,
        cross_attention: CrossAttentionCache,
    ) -> Tensor:
        """Return the next token's log-probabilities (rows, vocabulary) in fp32, and append to `cache`.

        `ids` and `positions` (rows, t), an image's rows adjacent; `mask` (rows, 1, t, length), True where attention is
        allowed.
        """
        hidden = self.embedding_norm(
            functional.embedding(ids, self.word_embeddings) + functional.embedding(positions, self.position_embeddings)
        )
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden, cache.keys_values[number], cache.length, mask, cross_attention.layers[number])
        cache.length += ids.shape[1]
        logits: Tensor = self.lm_head(self.transform_norm(self.activation(self.transform(hidden[:, -1]))))
        return functional.log_softmax(logits.float(), dim=-1)


def _dense_and_norm(
    source: StateDictView, shape: DecoderShape, pack: LinearPacker
) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    return pack((source / "dense").linear()), (source / "LayerNorm").layer_norm(shape.layer_norm_eps)
