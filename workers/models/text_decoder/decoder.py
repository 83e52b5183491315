"""BLIP's text decoder in an inference of our own: the layers of transformers' model, without what inference does not
need.

Keys and values of the picture are computed once and shared by all the sentences that are tried for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.models.packed_linear import Linear, joined, linear_of

attend = functional.scaled_dot_product_attention


@dataclass(frozen=True, slots=True)
class Shape:
    """What the tensors do not tell. `bend` is the activation function between two layers."""

    heads: int
    layers: int
    epsilon: float = 1e-12
    bend: Callable[[Tensor], Tensor] = functional.gelu


@dataclass(frozen=True, slots=True)
class Part:
    """The tensors below one name of a state dict."""

    tensors: Mapping[str, Tensor]
    name: str = ""

    def __truediv__(self, name: str) -> "Part":
        return Part(self.tensors, f"{self.name}.{name}" if self.name else name)

    def linear(self) -> nn.Linear:
        return linear_of(self.tensors[f"{self.name}.weight"], self.tensors[f"{self.name}.bias"])

    def norm(self, epsilon: float) -> Callable[[Tensor], Tensor]:
        weight, bias = self.tensors[f"{self.name}.weight"], self.tensors[f"{self.name}.bias"]
        return partial(functional.layer_norm, normalized_shape=weight.shape, weight=weight, bias=bias, eps=epsilon)

    def table(self) -> Tensor:
        return self.tensors[f"{self.name}.weight"]


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


class _Layer:
    def __init__(self, source: Part, shape: Shape, linear: Linear, once: Linear) -> None:
        own, picture = source / "attention", source / "crossattention"
        self.heads, self.bend = shape.heads, shape.bend
        self.all = linear(joined(*((own / "self" / part).linear() for part in ("query", "key", "value"))))
        self.out, self.own_norm = _ending(own / "output", shape, linear)
        self.picture = once(joined(*((picture / "self" / part).linear() for part in ("key", "value"))))
        self.asked = linear((picture / "self" / "query").linear())
        self.picture_out, self.picture_norm = _ending(picture / "output", shape, linear)
        self.wide = linear((source / "intermediate" / "dense").linear())
        self.narrow, self.last = _ending(source / "output", shape, linear)

    def see(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        n, length, _ = cells.shape
        parts = self.picture(cells).view(n, length, 2, self.heads, -1).permute(2, 0, 3, 1, 4).contiguous()
        return parts[0], parts[1]

    def __call__(
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
        return self.last(self.narrow(self.bend(self.wide(words))) + words)


class Decoder:
    """For inference only. `tensors`: the state dict of a `BlipTextLMHeadModel`."""

    def __init__(self, tensors: Mapping[str, Tensor], shape: Shape, linear: Linear, once: Linear) -> None:
        """`once` makes ready what is run for a picture, `linear` what is run for each token. Raises KeyError where a
        tensor is missing.
        """
        bert, head = Part(tensors, "bert"), Part(tensors, "cls.predictions")
        embeddings = bert / "embeddings"
        self.words = (embeddings / "word_embeddings").table()
        self.places = (embeddings / "position_embeddings").table()
        self.norm = (embeddings / "LayerNorm").norm(shape.epsilon)
        above = bert / "encoder" / "layer"
        self.layers = [_Layer(above / str(number), shape, linear, once) for number in range(shape.layers)]
        self.before, self.after = _ending(head / "transform", shape, linear)
        self.bend = shape.bend
        # What the words are looked up in is what they are compared with, where a file holds it once.
        last = tensors.get("cls.predictions.decoder.weight", self.words)
        self.scores = linear(linear_of(last, tensors["cls.predictions.bias"]))

    def see(self, cells: Tensor) -> Sight:
        """(n, cells, width)."""
        return Sight([layer.see(cells) for layer in self.layers])

    def begin(self, rows: int, room: int, sight: Sight) -> Said:
        keys = sight.layers[0][0]
        return Said(keys.new_empty(len(self.layers), 2, rows, keys.shape[1], room, keys.shape[3]))

    def __call__(self, ids: Tensor, places: Tensor, said: Said, mask: Tensor | None, sight: Sight) -> Tensor:
        """`ids` and `places` (rows, t); `mask` (rows, 1, t, length so far), True where may be looked. The rows of a
        picture stand together. Answers (rows, vocabulary) in fp32: log-probabilities of what comes next.
        """
        words = self.norm(functional.embedding(ids, self.words) + functional.embedding(places, self.places))
        for number, layer in enumerate(self.layers):
            words = layer(words, said.kept[number], said.length, mask, sight.layers[number])
        said.length += ids.shape[1]
        scores: Tensor = self.scores(self.after(self.bend(self.before(words[:, -1]))))
        return functional.log_softmax(scores.float(), dim=-1)


def _ending(part: Part, shape: Shape, linear: Linear) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """A dense layer and the norm after it."""
    return linear((part / "dense").linear()), (part / "LayerNorm").norm(shape.epsilon)
