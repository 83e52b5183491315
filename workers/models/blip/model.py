"""A loaded BLIP checkpoint: images to sentences with their scores."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import BlipForConditionalGeneration
from transformers.activations import ACT2FN

from workers.models.base import ModelUnavailable, Pixels
from workers.models.blip.network import VisionEncoder
from workers.models.blip.options import BlipOptions
from workers.models.blip.pixels import Preprocessor
from workers.models.blip.wordpiece import read_tokenizer
from workers.models.checkpoints import checkpoint
from workers.models.checkpoints.loading import DAMAGED, read_model, reason_of
from workers.models.packed_linear import linear_packer
from workers.models.precision import Processor
from workers.models.text_decoder.beam_search import GenerationConfig
from workers.models.text_decoder.decoder import CrossAttentionCache, DecoderShape, TextDecoder
from workers.models.text_decoder.generation import generate

ARCHITECTURE = "BlipForConditionalGeneration"
# Row counts that layers are packed for: of an image, and of a batch's beams.
_PATCHES, _BEAMS = 577, 24


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence with the mean log-probability of its tokens after the prompt, end token included."""

    text: str
    score: float


class Blip:
    """A loaded checkpoint. Not thread-safe."""

    def __init__(self, folder: Path, precision: str, processor: Processor, options: BlipOptions) -> None:
        """Raises ModelUnavailable."""
        checkpoint.require(folder, "blip")
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        model, self._tokenizer = _read_model(folder, self._dtype), read_tokenizer(folder)
        text, vision = model.config.text_config, model.config.vision_config
        self._processor = processor
        self.preprocessor = Preprocessor.read(folder, int(vision.image_size))
        self._bos, self._eos = int(text.bos_token_id), int(text.sep_token_id)
        self.generation = GenerationConfig(
            options.num_beams, options.max_new_tokens, options.no_repeat_ngram_size, self._eos
        )
        self.prompts = [[self._bos, *self._tokenize(prompt)] for prompt in options.prompts]
        if self._tokenizer.get_vocab_size() > text.vocab_size:
            raise ModelUnavailable(
                f"The tokenizer in {folder} has {self._tokenizer.get_vocab_size()} tokens,"
                f" and the model's vocabulary has {text.vocab_size}."
            )
        model = model.to(processor.device, self._dtype).eval().requires_grad_(False)
        per_image = linear_packer(precision, processor.device, rows=_PATCHES)
        per_token = linear_packer("fp16" if precision == "int8" else precision, processor.device, rows=_BEAMS)
        shape = DecoderShape(
            int(text.num_attention_heads),
            int(text.num_hidden_layers),
            float(text.layer_norm_eps),
            ACT2FN[text.hidden_act],
        )
        self.vision = VisionEncoder(model.vision_model, per_image)
        self.decoder = TextDecoder(model.text_decoder.state_dict(), shape, per_token, per_image)

    @torch.inference_mode()
    def caption(self, batch: Sequence[Pixels]) -> list[list[list[ScoredSentence]]]:
        """Return sentences by image and prompt, best first."""
        if not batch:
            return []
        return self.generate_sentences(self.encode(self.preprocessor(batch)))

    @torch.inference_mode()
    def encode(self, pixels: Tensor) -> CrossAttentionCache:
        # A CPU's caches hold one image's patches; alone its result cannot depend on the batch, either.
        size = 1 if self._processor.device == "cpu" else len(pixels)
        pixels = pixels.to(self._processor.device, self._dtype)
        return CrossAttentionCache.concatenate(
            [self.decoder.encode_cross_attention(self.vision(part)) for part in torch.split(pixels, size)]
        )

    def generate_sentences(self, cross_attention: CrossAttentionCache) -> list[list[list[ScoredSentence]]]:
        hypotheses = generate(self.decoder, cross_attention, self.prompts, self.generation)
        return [
            [
                [ScoredSentence(self._detokenize(found.ids[len(prompt) :]), found.score) for found in of_prompt]
                for prompt, of_prompt in zip(self.prompts, of_image, strict=True)
            ]
            for of_image in hypotheses
        ]

    def _detokenize(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode([i for i in ids if i not in (self._bos, self._eos)]))

    def _tokenize(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def _read_model(folder: Path, dtype: torch.dtype) -> Any:
    """Raises ModelUnavailable with one sentence."""
    _require_architecture(folder)
    try:
        model = read_model(BlipForConditionalGeneration, folder, torch.float32)
    except DAMAGED as error:
        raise ModelUnavailable(f"The BLIP checkpoint in {folder} is damaged: {reason_of(error)}") from error
    # Parameters are views of the mapped file: the few unpacked ones would keep all of it in memory.
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype, copy=True)
    return model


def _require_architecture(folder: Path) -> None:
    """Reject BLIP for question answering or retrieval, which has the same `model_type`."""
    found = json.loads((folder / checkpoint.CONFIG).read_text(encoding="utf-8")).get("architectures") or [ARCHITECTURE]
    if ARCHITECTURE not in found:
        raise ModelUnavailable(f"{folder} holds a {found[0]}, and a {ARCHITECTURE} is needed.")
