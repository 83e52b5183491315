"""The trained parts put together for inference: pixels to what is seen, what is seen to a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from workers.english.caption_cleanup import collapse_repetitions
from workers.english.grammar import fix_articles
from workers.models.base import Pixels
from workers.models.embedded import weights
from workers.models.embedded.beam_rerank import chosen
from workers.models.embedded.decoder_input import (
    BEAMS,
    BOS,
    EOS,
    HEADS,
    LAYERS,
    PAD,
    RULES,
    WIDTH,
    Bridge,
    Impression,
    concept_row,
)
from workers.models.embedded.vision.backbone import can_pack, imagenet_backbone, pack_backbone
from workers.models.embedded.vision.pixels import cell_colors, normalised
from workers.models.embedded.vision.visual_features import Detector, cells, glance
from workers.models.packed_linear import linear_packer, pack_linear
from workers.models.text_decoder.decoder import DecoderShape, TextDecoder
from workers.models.text_decoder.generation import generate


@dataclass(frozen=True, slots=True)
class Look:
    """One picture: `labels` (1000,) and `words` (1000,) probabilities, and its row of tokens."""

    labels: NDArray[np.float32]
    words: NDArray[np.float32]
    tokens: Tensor


@dataclass(frozen=True, slots=True)
class DecodedSentence:
    """`score`: the mean log-probability of its tokens, the end among them."""

    text: str
    score: float


class Network:
    """Not for two threads at once."""

    def __init__(self, folder: Path = weights.FOLDER) -> None:
        """Raises ImportError, OSError or ValueError where packages or files are missing or damaged."""
        self.revision = weights.verify(folder)
        self.config = weights.read_config(folder)
        self._places = {token: place for place, token in enumerate(self.config.content)}
        self._tokenizer = Tokenizer.from_file(str(folder / weights.TOKENIZER))
        self._backbone = imagenet_backbone()
        self._detector = Detector()
        self._bridge = Bridge(WIDTH)
        tensors = load_file(folder / weights.MODEL)
        _fill(self._detector, _below("detector", tensors))
        _fill(self._bridge, _below("speaker.bridge", tensors))
        self._decoder = _decoder(_below("speaker.decoder", tensors))
        self._pack()

    def _pack(self) -> None:
        for module in (self._backbone, self._detector, self._bridge):
            module.eval().requires_grad_(False)
        if can_pack():
            pack_backbone(self._backbone)
        pack_linear(self._bridge)

    @torch.inference_mode()
    def look(self, pixels: Pixels) -> Look:
        # One picture at a time: on CPUs a batch was no faster, and alone a picture's answer cannot depend, not even in
        # the last bit, on its batch mates.
        picture = Image.fromarray(pixels)
        seen = glance(self._backbone, normalised(picture))
        labels = seen.labels.softmax(-1)[0].numpy()
        words = self._detector(seen.pooled).sigmoid()[0].numpy()
        colors = torch.from_numpy(cell_colors(picture)).float()[None]
        ids, sure = concept_row(self.config.labels, self.config.content, labels, words)
        impression = Impression(
            seen.pooled[:, 0],
            cells(seen.grid, seen.coarse, colors),
            torch.from_numpy(ids)[None],
            torch.from_numpy(sure)[None],
        )
        return Look(labels, words, self._bridge(impression, self._decoder.word_embeddings))

    @torch.inference_mode()
    def tell(self, looks: Sequence[Look]) -> list[DecodedSentence]:
        """All in one batch."""
        sight = self._decoder.encode_cross_attention(torch.cat([look.tokens for look in looks]))
        found = generate(self._decoder, sight, [[BOS]], RULES)
        best = [chosen(beams, look.words, self._places) for (beams,), look in zip(found, looks, strict=True)]
        return [
            DecodedSentence(fix_articles(collapse_repetitions(self.text(sentence.ids))), sentence.score)
            for sentence in best
        ]

    def text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode([i for i in ids if i not in (PAD, BOS, EOS)]))


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    whole = f"{prefix}."
    return {name.removeprefix(whole): tensor.float() for name, tensor in tensors.items() if name.startswith(whole)}


def _fill(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    missing, unexpected = module.load_state_dict(tensors, strict=False)
    if missing or unexpected:
        raise ValueError(f"{weights.MODEL} does not fit: {[*missing, *unexpected][:3]}")


def _decoder(tensors: Mapping[str, Tensor]) -> TextDecoder:
    packed = linear_packer("fp16", "cpu", rows=BEAMS)
    try:
        return TextDecoder(tensors, DecoderShape(HEADS, LAYERS), packed, packed)
    except KeyError as error:
        raise ValueError(f"{weights.MODEL} does not fit: it has no {error}") from error
