"""A BLIP checkpoint loaded: pictures to sentences with their scores."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import BlipForConditionalGeneration
from transformers.activations import ACT2FN
from transformers.utils import logging as library_logging

from workers.models.base import ModelUnavailable, Pixels
from workers.models.blip.network import Vision
from workers.models.blip.options import Style
from workers.models.blip.pixels import Preprocessor
from workers.models.blip.wordpiece import read_tokenizer
from workers.models.checkpoints import checkpoint
from workers.models.packed_linear import linear
from workers.models.precision import Processor
from workers.models.text_decoder.beam_search import Rules
from workers.models.text_decoder.decoder import Decoder, Shape, Sight
from workers.models.text_decoder.generation import tell

ARCHITECTURE = "BlipForConditionalGeneration"
# Cells of one picture, and beams of a batch: what the packed layers are made ready for.
_CELLS, _BEAMS = 577, 24


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """`score`: the mean log-probability of the tokens after the prompt, the end among them."""

    text: str
    score: float


class Blip:
    """Not for two threads at once."""

    def __init__(self, folder: Path, precision: str, here: Processor, style: Style) -> None:
        """Raises ModelUnavailable."""
        checkpoint.require(folder, "blip")
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        model, self._tokenizer = _read(folder, self._dtype), read_tokenizer(folder)
        text, vision = model.config.text_config, model.config.vision_config
        self._here = here
        self.preprocessor = Preprocessor.read(folder, int(vision.image_size))
        self._start, self._end = int(text.bos_token_id), int(text.sep_token_id)
        self.rules = Rules(style.beams, style.longest, style.unrepeated, self._end)
        self.prompts = [[self._start, *self._ids(prompt)] for prompt in style.prompts]
        if self._tokenizer.get_vocab_size() > text.vocab_size:
            raise ModelUnavailable(
                f"The tokenizer in {folder} has {self._tokenizer.get_vocab_size()} tokens,"
                f" and the model knows {text.vocab_size}."
            )
        model = model.to(here.device, self._dtype).eval().requires_grad_(False)
        once = linear(precision, here.device, rows=_CELLS)
        each = linear("fp16" if precision == "int8" else precision, here.device, rows=_BEAMS)
        shape = Shape(
            int(text.num_attention_heads),
            int(text.num_hidden_layers),
            float(text.layer_norm_eps),
            ACT2FN[text.hidden_act],
        )
        self.vision = Vision(model.vision_model, once)
        self.decoder = Decoder(model.text_decoder.state_dict(), shape, each, once)

    @torch.inference_mode()
    def sentences(self, batch: Sequence[Pixels]) -> list[list[list[ScoredSentence]]]:
        """For each picture, for each prompt, best first."""
        if not batch:
            return []
        return self.told(self.see(self.preprocessor(batch)))

    @torch.inference_mode()
    def see(self, pixels: Tensor) -> Sight:
        # A CPU's caches hold one picture's cells; alone a picture's sight cannot depend on its batch, either.
        at_once = 1 if self._here.device == "cpu" else len(pixels)
        ready = pixels.to(self._here.device, self._dtype)
        return Sight.of_all([self.decoder.see(self.vision(part)) for part in torch.split(ready, at_once)])

    def told(self, sight: Sight) -> list[list[list[ScoredSentence]]]:
        found = tell(self.decoder, sight, self.prompts, self.rules)
        return [
            [
                [ScoredSentence(self.text(sentence.ids[len(prompt) :]), sentence.score) for sentence in sentences]
                for prompt, sentences in zip(self.prompts, of_picture, strict=True)
            ]
            for of_picture in found
        ]

    def text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode([i for i in ids if i not in (self._start, self._end)]))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def _read(folder: Path, dtype: torch.dtype) -> Any:
    """transformers' model with its parameters in `dtype`. Raises ModelUnavailable with one sentence."""
    # A bar and a table on the terminal of whoever starts a worker; what is wrong is told here.
    library_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    _require_architecture(folder)
    try:
        found: Any = BlipForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True, local_files_only=True
        )
        model, report = found
    # What transformers raises on a folder that is not what it says it is has no common class.
    except (OSError, ValueError, TypeError, RuntimeError, LookupError, AttributeError, SafetensorError) as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ModelUnavailable(f"The BLIP checkpoint in {folder} is damaged: {told}") from error
    # Else transformers goes on with random numbers in their place.
    missing = sorted({str(key) for key in report["missing_keys"]})
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelUnavailable(f"The weights in {folder} lack {missing[0]}{more}.")
    # As loaded they lie in the mapped file, and the few that are kept as they are would hold all of it in memory.
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype, copy=True)
    return model


def _require_architecture(folder: Path) -> None:
    """Other members of the family, for questions or retrieval, have the same `model_type`."""
    found = json.loads((folder / checkpoint.CONFIG).read_text(encoding="utf-8")).get("architectures") or [ARCHITECTURE]
    if ARCHITECTURE not in found:
        raise ModelUnavailable(f"{folder} holds a {found[0]}, and a {ARCHITECTURE} is needed.")
