"""The trained parts at inference: encode an image, decode its sentence."""

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
from workers.models.embedded.beam_rerank import rerank
from workers.models.embedded.decoder_input import (
    BEAMS,
    BOS,
    EOS,
    GENERATION,
    HEADS,
    HIDDEN_SIZE,
    LAYERS,
    PAD,
    DecoderInput,
    Projector,
    noun_slots,
    top_concepts,
)
from workers.models.embedded.evidence_heads import EvidenceReader
from workers.models.embedded.noun_tokens import NounTokens
from workers.models.embedded.vision.backbone import can_pack, imagenet_backbone, pack_backbone
from workers.models.embedded.vision.pixels import cell_colors, preprocess
from workers.models.embedded.vision.visual_features import WordDetector, cell_features, extract_visual_features
from workers.models.evidence import Evidence
from workers.models.packed_linear import linear_packer, pack_linear
from workers.models.text_decoder.beam_search import Hypothesis
from workers.models.text_decoder.decoder import CrossAttentionCache, DecoderShape, TextDecoder
from workers.models.text_decoder.generation import generate


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """`labels` (1000,) and `words` (1000,): probabilities; `embeddings` (1, 123, 384): the decoder's input; the
    `evidence` of the heads.
    """

    labels: NDArray[np.float32]
    words: NDArray[np.float32]
    embeddings: Tensor
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class DecodedSentence:
    """`score`: the mean log-probability of its tokens, EOS included."""

    text: str
    score: float


class Network:
    """Backbone, word detector, projector and text decoder. Not thread-safe."""

    def __init__(self, folder: Path = weights.FOLDER) -> None:
        """Raises ImportError, OSError or ValueError where packages or files are missing or damaged."""
        self.revision = weights.verify(folder)
        self.config = weights.read_config(folder)
        self._word_index = {token: index for index, token in enumerate(self.config.content)}
        self._tokenizer = Tokenizer.from_file(str(folder / weights.TOKENIZER))
        self._noun_tokens = NounTokens(self._tokenizer.get_vocab())
        self._backbone = imagenet_backbone()
        self._detector = WordDetector()
        self._projector = Projector(HIDDEN_SIZE)
        tensors = load_file(folder / weights.MODEL)
        _load_tensors(self._detector, _with_prefix("detector", tensors))
        _load_tensors(self._projector, _with_prefix("speaker.bridge", tensors))
        self._decoder = _build_decoder(_with_prefix("speaker.decoder", tensors))
        self._evidence_reader = EvidenceReader(folder)
        self._pack()

    def _pack(self) -> None:
        for module in (self._backbone, self._detector, self._projector):
            module.eval().requires_grad_(False)
        if can_pack():
            pack_backbone(self._backbone)
        pack_linear(self._projector)

    @torch.inference_mode()
    def encode(self, pixels: Pixels) -> EncodedImage:
        # Without batching: on CPUs a batch was no faster, and an image's result cannot depend, not even in the last
        # bit, on the rest of its batch.
        image = Image.fromarray(pixels)
        features = extract_visual_features(self._backbone, preprocess(image))
        labels = features.labels.softmax(-1)[0].numpy()
        words = self._detector(features.pooled).sigmoid()[0].numpy()
        colors = torch.from_numpy(cell_colors(image)).float()[None]
        evidence = self._evidence_reader.read(features)
        concepts = top_concepts(self.config.labels, self.config.content, labels, words)
        nouns = noun_slots(evidence, self._tokenize)
        decoder_input = DecoderInput(
            features.pooled[:, 0],
            cell_features(features.grid, features.coarse, colors),
            *_batch_of_one(concepts),
            torch.tensor([evidence.kinds]),
            torch.tensor([evidence.people]),
            *_batch_of_one(nouns),
        )
        embeddings = self._projector(decoder_input, self._decoder.word_embeddings)
        return EncodedImage(labels, words, embeddings, evidence)

    def _tokenize(self, noun: str) -> list[int]:
        return list(self._tokenizer.encode(noun).ids)

    @torch.inference_mode()
    def decode(self, images: Sequence[EncodedImage]) -> list[list[DecodedSentence]]:
        """Decode all images in one batch; return each one's sentences, best first: beam search, then rerank.

        Where a photograph's best one names a thing without evidence, those of a second search without such things
        follow.
        """
        cross_attention = self._decoder.encode_cross_attention(torch.cat([image.embeddings for image in images]))
        ranked = self._search(images, cross_attention, None)
        again = [
            place
            for place, (image, beams) in enumerate(zip(images, ranked, strict=True))
            if image.evidence.kind[0] == "photo" and self._noun_tokens.unsupported(image.evidence, beams[0].ids)
        ]
        if again:
            suppressed = torch.zeros(len(again), len(self._decoder.word_embeddings), dtype=torch.bool)
            for row, place in enumerate(again):
                suppressed[row, self._noun_tokens.unsupported(images[place].evidence)] = True
            others = self._search([images[place] for place in again], cross_attention.select(again), suppressed)
            for place, beams in zip(again, others, strict=True):
                ranked[place] += beams
        return [[self._sentence(beam) for beam in {beam.ids: beam for beam in beams}.values()] for beams in ranked]

    def _search(
        self, images: Sequence[EncodedImage], cross_attention: CrossAttentionCache, suppressed: Tensor | None
    ) -> list[list[Hypothesis]]:
        found = generate(self._decoder, cross_attention, [[BOS]], GENERATION, suppressed)
        return [rerank(beams, image.words, self._word_index) for (beams,), image in zip(found, images, strict=True)]

    def _sentence(self, beam: Hypothesis) -> DecodedSentence:
        return DecodedSentence(fix_articles(collapse_repetitions(self.detokenize(beam.ids))), beam.score)

    def detokenize(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode([i for i in ids if i not in (PAD, BOS, EOS)]))


def _batch_of_one(slots: tuple[NDArray[np.int64], NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    ids, probabilities = slots
    return torch.from_numpy(ids)[None], torch.from_numpy(probabilities)[None]


def _with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    dotted = f"{prefix}."
    return {name.removeprefix(dotted): tensor.float() for name, tensor in tensors.items() if name.startswith(dotted)}


def _load_tensors(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    missing, unexpected = module.load_state_dict(tensors, strict=False)
    if missing or unexpected:
        raise ValueError(f"{weights.MODEL} does not fit: {[*missing, *unexpected][:3]}")


def _build_decoder(tensors: Mapping[str, Tensor]) -> TextDecoder:
    packed = linear_packer("fp16", "cpu", rows=BEAMS)
    try:
        return TextDecoder(tensors, DecoderShape(HEADS, LAYERS), packed, packed)
    except KeyError as error:
        raise ValueError(f"{weights.MODEL} does not fit: it has no {error}") from error
