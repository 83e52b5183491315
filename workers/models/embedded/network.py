"""The trained parts put together for inference: pixels to what is seen, what is seen to a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from workers.models.base import Pixels
from workers.models.embedded import weights
from workers.models.embedded.backbone import can_pack, imagenet_backbone, pack_backbone
from workers.models.embedded.decoder import BOS, EOS, PAD, Sight, Speaker, concept_row, decoder_config
from workers.models.embedded.eye import Detector, cells, glance
from workers.models.embedded.packed import pack_linear
from workers.models.embedded.pixels import cell_colors, normalised


@dataclass(frozen=True, slots=True)
class Look:
    """One picture: `labels` (1000,) and `words` (1000,) probabilities, and its row of tokens with mask."""

    labels: NDArray[np.float32]
    words: NDArray[np.float32]
    tokens: Tensor
    present: Tensor


@dataclass(frozen=True, slots=True)
class Told:
    """`score`: the mean log-probability of its tokens, the end among them."""

    text: str
    score: float


class Network:
    """Not for two threads at once."""

    def __init__(self, folder: Path = weights.FOLDER) -> None:
        """Raises ImportError, OSError or ValueError where packages or files are missing or damaged."""
        self.revision = weights.verify(folder)
        self.config = weights.read_config(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / weights.TOKENIZER))
        self._backbone = imagenet_backbone()
        self._detector = Detector()
        self._speaker = Speaker(decoder_config(self.config.vocabulary))
        _fill({"detector": self._detector, "speaker": self._speaker}, load_file(folder / weights.MODEL))
        self._pack()

    def _pack(self) -> None:
        for module in (self._backbone, self._detector, self._speaker):
            module.eval().requires_grad_(False)
        if can_pack():
            pack_backbone(self._backbone)
        pack_linear(self._speaker)

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
        sight = Sight(
            seen.pooled[:, 0],
            cells(seen.grid, seen.coarse, colors),
            torch.from_numpy(ids)[None],
            torch.from_numpy(sure)[None],
        )
        tokens, present = self._speaker.bridge(sight, self._speaker.words)
        return Look(labels, words, tokens, present)

    @torch.inference_mode()
    def tell(self, looks: Sequence[Look]) -> list[Told]:
        """All in one batch."""
        tokens = torch.cat([look.tokens for look in looks])
        ids, scores = self._speaker.beams(tokens, torch.cat([look.present for look in looks]))
        return [Told(self.text(row), score) for row, score in zip(ids, scores, strict=True)]

    def text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode([i for i in ids if i not in (PAD, BOS, EOS)]))


def _fill(modules: dict[str, nn.Module], tensors: dict[str, Tensor]) -> None:
    for prefix, module in modules.items():
        own = {
            name.removeprefix(f"{prefix}."): t.float() for name, t in tensors.items() if name.startswith(f"{prefix}.")
        }
        missing, unexpected = module.load_state_dict(own, strict=False)
        # What is tied to another tensor is not written twice.
        if unexpected or [name for name in missing if not name.startswith("decoder.cls.predictions.decoder.")]:
            raise ValueError(f"{weights.MODEL} does not fit: {[*missing, *unexpected][:3]}")
