"""A loaded Florence-2 checkpoint, which has tasks instead of instructions: a caption, two descriptions, the text.

Its words are English; title, tags and subject come from them. (Xiao et al.: Florence-2, 2023.)
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PIL import Image

from workers.english.grammar import capitalize_first, first_sentence, headline, title_case
from workers.english.lexicon import read_sentence
from workers.models.base import Pixels
from workers.models.image_text.generation import generate
from workers.models.image_text.loading import Loaded
from workers.models.image_text.tokens import TokenTable
from workers.models.options import Options
from workers.models.prompting.contents import problem_of
from workers.models.writer import NoUsableAnswer, WriterFailed, Written

MODEL_TYPE = "florence2"
CAPTION, DETAILED, MORE_DETAILED, OCR = "<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>", "<OCR>"
# New tokens.
_LIMITS = {CAPTION: 40, DETAILED: 90, MORE_DETAILED: 200, OCR: 60}
_OPENINGS = ("in this image we can see ", "the image shows ", "this image shows ", "the image is of ")


class FlorenceCheckpoint:
    """Not thread-safe."""

    family = "florence-2"

    def __init__(self, loaded: Loaded, name: str) -> None:
        self._loaded, self._name = loaded, name
        self._end = int(loaded.tokenizer.eos_token_id)
        self._tokens = TokenTable(loaded.tokenizer)

    def write(self, pixels: Pixels, options: Options, deadline: float, *, tiles: bool) -> Written:
        """Write the fields of an image. Raises NoUsableAnswer, WriterFailed and WriterTimeout."""
        if not options.is_english:
            raise WriterFailed(f"{self._name} writes English only.")
        found = {task: self._task(task, pixels, limit, deadline) for task, limit in _LIMITS.items()}
        if not any(map(str.isalnum, found[CAPTION])):
            raise NoUsableAnswer(f"{self._name} has no caption for the image.")
        written = _written(found)
        problem = problem_of(written, options)
        return replace(written, doubts=(problem,)) if problem else written

    def warm_up(self, pixels: Pixels) -> None:
        self._task(CAPTION, pixels, 2, time.monotonic() + 600.0)

    def _task(self, task: str, pixels: Pixels, limit: int, deadline: float) -> str:
        found = self._loaded.processor(images=[Image.fromarray(pixels)], text=[task], return_tensors="pt")
        model = self._loaded.model
        inputs: dict[str, Any] = {
            name: value.to(model.device, model.dtype if value.is_floating_point() else None)
            for name, value in found.items()
        }
        ids = generate(model, inputs, most=limit, end=self._end, deadline=deadline)
        return " ".join(self._tokens.decode(ids).split())


def _written(found: Mapping[str, str]) -> Written:
    """Return fields of the tasks' answers; Florence-2 neither names a kind nor rates itself."""
    caption, detailed, more = (_without_opening(found[task]) for task in (CAPTION, DETAILED, MORE_DETAILED))
    nouns = [mention.noun.text for text in (caption, detailed, more) for mention in read_sentence(text.lower()).things]
    return Written(
        title=title_case(headline(caption.rstrip("."))),
        alt=caption.rstrip("."),
        caption=first_sentence(detailed) or caption,
        description=more or detailed or caption,
        filename="",
        tags=tuple(dict.fromkeys(nouns)),
        kind="",
        text=found[OCR],
        confidence=1.0,
        subject=nouns[0] if nouns else "",
    )


def _without_opening(text: str) -> str:
    opening = next((opening for opening in _OPENINGS if text.lower().startswith(opening)), "")
    return capitalize_first(text[len(opening) :])
