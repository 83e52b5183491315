"""CLIP image and text embeddings, by any checkpoint folder of transformers' CLIPModel."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workers.models.base import ModelUnavailable, Pixels
from workers.models.checkpoints import checkpoint
from workers.models.last_batch import LastBatchCache

if TYPE_CHECKING:
    from torch import Tensor

MODEL_TYPE = "clip"
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
# Bound on a cosine's change between batches in fp32 (measured: 2e-7).
COSINE_ROUNDING = 1e-6
_TEXT_BATCH_SIZE = 64
# The processor scales the shorter side up to the input size: one of 1 x 300 pixels would become huge.
_MAX_ASPECT_RATIO = 4


@dataclass(frozen=True, slots=True)
class _Components:
    """transformers' objects, untyped."""

    model: Any
    processor: Any
    tokenizer: Any


class Clip:
    """A CLIP checkpoint. Not thread-safe.

    `dtype`: fp32, or bf16, which is faster on a GPU and on a CPU with AMX, elsewhere slower. `threads` applies to the
    whole process. A given `revision` saves hashing the weights.
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
        self._loaded: _Components | None = None
        self.logit_scale = 0.0
        self._last_batch = LastBatchCache["Tensor"]()

    def load(self) -> None:
        """Set `revision` and `logit_scale`, the factor from cosines to logits. Raises ModelUnavailable."""
        if self._loaded is not None:
            return
        checkpoint.require(self.folder, MODEL_TYPE)
        with checkpoint.packages_of("CLIP"):
            self._loaded = self._read()
        self.logit_scale = float(self._components.model.logit_scale.detach().float().exp())
        self.revision = self.revision or checkpoint.revision(self.folder)

    def unload(self) -> None:
        self._loaded = None
        self._last_batch.clear()

    def embed_images(self, images: Sequence[Pixels]) -> "Tensor":
        """Return unit vectors (n, d) in fp32, cached for the latest batch.

        In fp32 they are independent of the batch within COSINE_ROUNDING.
        """
        import torch

        if not images:
            return torch.zeros(0, self._dimensions)
        if (cached := self._last_batch.get(images)) is not None:
            return cached
        cropped = [_crop_to_max_aspect_ratio(image) for image in images]
        # The channel axis would be inferred wrongly for an image three pixels high.
        inputs = self._components.processor(cropped, input_data_format="channels_last", return_tensors="pt")
        model = self._components.model
        with torch.inference_mode():
            pixels = inputs["pixel_values"].to(self.device, model.dtype)
            features = model.get_image_features(pixel_values=pixels)
        return self._last_batch.put(images, _l2_normalized(features.pooler_output))

    def embed_texts(self, texts: Sequence[str]) -> "Tensor":
        """Return unit vectors (m, d). Texts over the context length are truncated."""
        import torch

        embeddings = torch.zeros(len(texts), self._dimensions)
        ids = [self._tokenize(text) for text in texts]
        # By length: padding costs as much as words.
        order = sorted(range(len(texts)), key=lambda place: len(ids[place]))
        for start in range(0, len(order), _TEXT_BATCH_SIZE):
            places = order[start : start + _TEXT_BATCH_SIZE]
            embeddings[places] = self._embed_tokens([ids[place] for place in places])
        return embeddings

    def _embed_tokens(self, ids: Sequence[list[int]]) -> "Tensor":
        import torch

        longest = max(map(len, ids))
        # Attention is causal, and the embedding the first end token's: padding has no effect.
        rows = torch.tensor([row + row[-1:] * (longest - len(row)) for row in ids], device=self.device)
        with torch.inference_mode():
            return _l2_normalized(self._components.model.get_text_features(input_ids=rows).pooler_output)

    def _tokenize(self, text: str) -> list[int]:
        length = int(self._components.model.config.text_config.max_position_embeddings)
        ids: list[int] = self._components.tokenizer(text, truncation=True, max_length=length)["input_ids"]
        return ids

    @property
    def _components(self) -> _Components:
        if self._loaded is None:
            raise RuntimeError("load() comes first")
        return self._loaded

    @property
    def _dimensions(self) -> int:
        return int(self._components.model.config.projection_dim)

    def _read(self) -> _Components:
        import torch
        from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

        from workers.models.checkpoints.loading import DAMAGED, read_model, reason_of

        # Their annotations are incomplete.
        classes: tuple[Any, Any] = CLIPImageProcessorPil, CLIPTokenizer
        processors, tokenizers = classes
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        torch_dtype: torch.dtype = getattr(torch, DTYPES[self.dtype])
        try:
            processor = processors.from_pretrained(self.folder, local_files_only=True)
            tokenizer = tokenizers.from_pretrained(self.folder, local_files_only=True)
            model = read_model(CLIPModel, self.folder, torch_dtype)
        except DAMAGED as error:
            raise ModelUnavailable(f"The CLIP checkpoint in {self.folder} is damaged: {reason_of(error)}") from error
        self._require_vocabulary(model, tokenizer)
        return _Components(model.eval().to(self.device), processor, tokenizer)

    def _require_vocabulary(self, model: Any, tokenizer: Any) -> None:
        vocabulary_size = int(model.config.text_config.vocab_size)
        if len(tokenizer) > vocabulary_size:
            raise ModelUnavailable(
                f"The tokenizer in {self.folder} has {len(tokenizer)} tokens,"
                f" and the model's vocabulary has {vocabulary_size}."
            )


def _l2_normalized(vectors: "Tensor") -> "Tensor":
    vectors = vectors.float().cpu()
    unit: Tensor = vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    return unit


def _crop_to_max_aspect_ratio(image: Pixels) -> Pixels:
    """Return the middle; the processor's square crop uses no more of it."""
    height, width = image.shape[:2]
    limit = min(height, width) * _MAX_ASPECT_RATIO
    top, left = max(0, (height - limit) // 2), max(0, (width - limit) // 2)
    return np.ascontiguousarray(image[top : top + limit, left : left + limit])
