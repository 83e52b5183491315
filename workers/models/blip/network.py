"""BLIP's weights in an inference of our own: the layers of transformers' model, without what inference does not need.

Keys and values of the picture are computed once and shared by all the sentences that are tried for it.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.models.linear import Linear, joined

attend = functional.scaled_dot_product_attention


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


@dataclass(slots=True)
class Sight:
    """For each layer of the decoder keys and values of n pictures: (n, heads, cells, width of a head)."""

    layers: list[tuple[Tensor, Tensor]]

    def only(self, pictures: list[int]) -> "Sight":
        places = torch.tensor(pictures, device=self.layers[0][0].device)
        return Sight([(keys[places], values[places]) for keys, values in self.layers])

    @staticmethod
    def of_all(sights: "list[Sight]") -> "Sight":
        if len(sights) == 1:
            return sights[0]
        layers = zip(*(sight.layers for sight in sights), strict=True)
        return Sight([(torch.cat([one[0] for one in of]), torch.cat([one[1] for one in of])) for of in layers])


@dataclass(slots=True)
class Said:
    """Keys and values of what each row has said so far: (layers, 2, rows, heads, room, width of a head)."""

    kept: Tensor
    length: int = 0

    def only(self, rows: Tensor) -> None:
        """Row i goes on from where row rows[i] was."""
        kept = self.kept.new_empty((*self.kept.shape[:2], len(rows), *self.kept.shape[3:]))
        kept[..., : self.length, :] = self.kept[..., : self.length, :].index_select(2, rows)
        self.kept = kept


class _TextLayer(nn.Module):
    def __init__(self, source: Any, linear: Linear, once: Linear) -> None:
        super().__init__()
        own, picture = source.attention, source.crossattention
        self.heads: int = own.self.num_attention_heads
        self.all, self.out = linear(joined(own.self.query, own.self.key, own.self.value)), linear(own.output.dense)
        self.own_norm = own.output.LayerNorm
        self.picture = once(joined(picture.self.key, picture.self.value))
        self.asked, self.picture_out = linear(picture.self.query), linear(picture.output.dense)
        self.picture_norm = picture.output.LayerNorm
        self.wide, self.narrow = linear(source.intermediate.dense), linear(source.output.dense)
        self.bend, self.last = source.intermediate.intermediate_act_fn, source.output.LayerNorm

    def see(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        n, length, _ = cells.shape
        parts = self.picture(cells).view(n, length, 2, self.heads, -1).permute(2, 0, 3, 1, 4).contiguous()
        return parts[0], parts[1]

    def forward(
        self, words: Tensor, said: Tensor, at: int, mask: Tensor | None, sight: tuple[Tensor, Tensor]
    ) -> Tensor:
        """`words` (rows, t, width); `said` this layer's part of what is kept, filled up to `at`."""
        rows, length, width = words.shape
        parts = self.all(words).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        said[:, :, :, at : at + length] = parts[1:]
        keys, values = said[0, :, :, : at + length], said[1, :, :, : at + length]
        heard = attend(parts[0], keys, values, attn_mask=mask).transpose(1, 2).reshape(rows, length, width)
        words = self.own_norm(self.out(heard) + words)
        # All rows of one picture are one row of questions to it, so that its keys are read once.
        asked = self.asked(words).view(len(sight[0]), -1, self.heads, width // self.heads).transpose(1, 2)
        seen = attend(asked, *sight).transpose(1, 2).reshape(rows, length, width)
        words = self.picture_norm(self.picture_out(seen) + words)
        answer: Tensor = self.last(self.narrow(self.bend(self.wide(words))) + words)
        return answer


class Decoder(nn.Module):
    def __init__(self, source: Any, linear: Linear, once: Linear) -> None:
        """`once` makes ready what is run for a picture, `linear` what is run for each token."""
        super().__init__()
        embeddings, head = source.bert.embeddings, source.cls.predictions
        self.words, self.places, self.norm = (
            embeddings.word_embeddings,
            embeddings.position_embeddings,
            embeddings.LayerNorm,
        )
        self.layers = nn.ModuleList([_TextLayer(layer, linear, once) for layer in source.bert.encoder.layer])
        self.before, self.bend, self.after = (
            linear(head.transform.dense),
            head.transform.transform_act_fn,
            head.transform.LayerNorm,
        )
        self.scores = linear(head.decoder)

    def see(self, cells: Tensor) -> Sight:
        layers: Any = self.layers
        return Sight([layer.see(cells) for layer in layers])

    def begin(self, rows: int, room: int, sight: Sight) -> Said:
        keys = sight.layers[0][0]
        return Said(keys.new_empty(len(self.layers), 2, rows, keys.shape[1], room, keys.shape[3]))

    def forward(self, ids: Tensor, places: Tensor, said: Said, mask: Tensor | None, sight: Sight) -> Tensor:
        """`ids` and `places` (rows, t); `mask` (rows, 1, t, length so far), True where may be looked. The rows of a
        picture stand together. Answers (rows, vocabulary) in fp32: log-probabilities of what comes next.
        """
        words = self.norm(self.words(ids) + self.places(places))
        for number, layer in enumerate(self.layers):
            words = layer(words, said.kept[number], said.length, mask, sight.layers[number])
        said.length += ids.shape[1]
        scores = self.scores(self.after(self.bend(self.before(words[:, -1]))))
        return functional.log_softmax(scores.float(), dim=-1)
