"""CLIP: pictures and texts as vectors that can be compared. Any checkpoint of transformers' CLIPModel, by folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.models.base import ModelUnavailable, Pixels
from workers.models.checkpoints import checkpoint
from workers.models.last_batch import LastBatch

if TYPE_CHECKING:
    from torch import Tensor

KIND = "clip"
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
# fp32: how far a cosine may move when the same picture or text sits in another batch (seen: 2e-7).
ROUNDING = 1e-6
_TEXTS_AT_ONCE = 64
# The processor scales the shorter side up to the model's: of a hair of a picture that would make a wide one.
_LONGEST = 4


@dataclass(frozen=True, slots=True)
class _Parts:
    """transformers' own, which are not typed."""

    model: Any
    processor: Any
    tokenizer: Any


class Clip:
    """`images` and `texts` are called from one thread at a time, after `load`.

    `dtype` "fp32" or "bf16"; bf16 pays on a GPU and on a CPU with AMX, elsewhere it is slower than fp32. `threads` are
    torch's intra-op threads, for the whole process. `revision`, where it is known already, saves hashing the weights.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        revision: str = "",
        threads: int | None = None,
        dtype: str = "fp32",
        device: str = "cpu",
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"dtype is {dtype!r}; accepted: {', '.join(DTYPES)}")
        self.folder, self.name, self.revision = folder, name or folder.name, revision
        self.dtype, self.device = dtype, device
        self._threads = threads
        self._loaded: _Parts | None = None
        self.scale = 0.0
        self._last = LastBatch["Tensor"]()

    def load(self) -> None:
        """Raises ModelUnavailable. `revision` and `scale`, what cosines are multiplied by before a softmax, are known
        from here on.
        """
        if self._loaded is not None:
            return
        checkpoint.require(self.folder, KIND)
        try:
            self._loaded = self._read()
        except ImportError as error:
            raise ModelUnavailable(f"CLIP lacks the package {error.name}; run bin/setup.") from error
        self.scale = float(self._parts.model.logit_scale.detach().float().exp())
        self.revision = self.revision or checkpoint.revision(self.folder)

    def unload(self) -> None:
        self._loaded = None
        self._last.forget()

    def images(self, pixels: Sequence[Pixels]) -> "Tensor":
        """(n, d) in fp32, each of length 1; within ROUNDING the same whatever the batch, in fp32.

        The second of two successive calls with the same pictures is free: captioner and tagger see one batch.
        """
        import torch

        if not pixels:
            return torch.zeros(0, self._dimensions)
        if (known := self._last.answer(pixels)) is not None:
            return known
        cut = [_unhaired(picture) for picture in pixels]
        # Said, because of a picture three pixels high it would be guessed wrong.
        ready = self._parts.processor(cut, input_data_format="channels_last", return_tensors="pt")["pixel_values"]
        model = self._parts.model
        with torch.inference_mode():
            seen = model.get_image_features(pixel_values=ready.to(self.device, model.dtype))
        return self._last.keep(pixels, _normalised(seen.pooler_output))

    def texts(self, texts: Sequence[str]) -> "Tensor":
        """(m, d) as `images` has it. What is longer than the model reads is cut."""
        import torch

        answer = torch.zeros(len(texts), self._dimensions)
        ids = [self._ids(text) for text in texts]
        # Alike in length: what a short text is padded with costs as much as words.
        order = sorted(range(len(texts)), key=lambda place: len(ids[place]))
        for start in range(0, len(order), _TEXTS_AT_ONCE):
            places = order[start : start + _TEXTS_AT_ONCE]
            answer[places] = self._embedded([ids[place] for place in places])
        return answer

    def _embedded(self, ids: Sequence[list[int]]) -> "Tensor":
        import torch

        longest = max(map(len, ids))
        # Attention is causal and the vector is the first end token's, so what stands behind it changes nothing.
        rows = torch.tensor([row + row[-1:] * (longest - len(row)) for row in ids], device=self.device)
        with torch.inference_mode():
            return _normalised(self._parts.model.get_text_features(input_ids=rows).pooler_output)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._parts.tokenizer(text, truncation=True, max_length=self._longest)["input_ids"]
        return ids

    @property
    def _parts(self) -> _Parts:
        if self._loaded is None:
            raise RuntimeError("load() comes first")
        return self._loaded

    @property
    def _dimensions(self) -> int:
        return int(self._parts.model.config.projection_dim)

    @property
    def _longest(self) -> int:
        return int(self._parts.model.config.text_config.max_position_embeddings)

    def _read(self) -> _Parts:
        import torch
        from safetensors import SafetensorError
        from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer
        from transformers.utils import logging

        # Their annotations leave out what they take and answer.
        classes: tuple[Any, Any, Any, Any] = CLIPImageProcessorPil, CLIPTokenizer, CLIPModel, logging
        processors, tokenizers, models, log = classes
        # A bar and a table on the terminal of whoever starts a worker; what is wrong is told below.
        log.disable_progress_bar()
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        torch_dtype: torch.dtype = getattr(torch, DTYPES[self.dtype])
        local = {"local_files_only": True}
        try:
            processor = processors.from_pretrained(self.folder, **local)
            tokenizer = tokenizers.from_pretrained(self.folder, **local)
            model, report = models.from_pretrained(
                self.folder, dtype=torch_dtype, use_safetensors=True, output_loading_info=True, **local
            )
        # What transformers raises on a folder that is not what it says it is has no common class.
        except (OSError, ValueError, TypeError, RuntimeError, LookupError, AttributeError, SafetensorError) as error:
            raise ModelUnavailable(f"The CLIP checkpoint in {self.folder} is damaged: {_first_line(error)}") from error
        self._require_whole(model, tokenizer, report)
        return _Parts(model.eval().to(self.device), processor, tokenizer)

    def _require_whole(self, model: Any, tokenizer: Any, report: Any) -> None:
        # Else transformers goes on with random numbers in their place.
        missing = sorted({str(key) for key in report["missing_keys"]})
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise ModelUnavailable(f"The weights in {self.folder} lack {missing[0]}{more}.")
        known = int(model.config.text_config.vocab_size)
        if len(tokenizer) > known:
            raise ModelUnavailable(
                f"The tokenizer in {self.folder} has {len(tokenizer)} tokens, and the model knows {known}."
            )


def _normalised(vectors: "Tensor") -> "Tensor":
    plain = vectors.float().cpu()
    unit: Tensor = plain / plain.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    return unit


def _unhaired(picture: Pixels) -> Pixels:
    """At most four times as long as wide: of more, the processor's crop shows the middle only."""
    height, width = picture.shape[:2]
    least = min(height, width) * _LONGEST
    top, left = max(0, (height - least) // 2), max(0, (width - least) // 2)
    return np.ascontiguousarray(picture[top : top + least, left : left + least])


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
