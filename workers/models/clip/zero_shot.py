"""Zero-shot CLIP heads for the kind of image, the number of people, and text (Radford et al., 2021, section 3.1).

Not calibrated: no trained checkpoint was available when this was written. TEMPERATURE is a choice, not a measurement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.models.clip.embedding_cache import Embeddings
from workers.models.clip.evidence_prompts import HEADS, ClassPrompt
from workers.models.evidence import KINDS, PEOPLE, Evidence

Logits = NDArray[np.float64]

# Divides the logits. The checkpoint's own scale fits its training, a match among thousands of captions; on few classes,
# all far from the training captions, it would be too sure of small differences. CLIP counts people poorly besides.
TEMPERATURE = 2.0
# Logits are rounded to this step, so that another batch's rounding changes no probability.
LOGIT_STEP = 0.1
# Most images of these kinds have words to read.
WRITTEN_KINDS = ("comic", "screenshot", "chart", "diagram", "map", "document", "poster")

# An image without detail.
BLANK = Evidence(
    kinds=tuple(float(kind == "pattern") for kind in KINDS), people=tuple(float(number == 0) for number in PEOPLE)
)


@dataclass(frozen=True, slots=True)
class ClassProbabilities:
    """As in Evidence."""

    kinds: tuple[float, ...]
    people: tuple[float, ...]
    text: float


def class_embeddings(prompts: Sequence[ClassPrompt], embeddings: Embeddings) -> Embeddings:
    """Return (classes, d), by HEADS' order: the normalized mean of each class's prompts.

    `embeddings`: (m, d), a unit vector per prompt.
    """
    rows = [
        embeddings[[prompt.head == head and prompt.name == name for prompt in prompts]].mean(axis=0)
        for head, names in HEADS.items()
        for name in names
    ]
    means = np.stack(rows)
    unit: Embeddings = means / np.linalg.norm(means, axis=1, keepdims=True).clip(min=1e-12)
    return unit


def class_probabilities(logits: Logits) -> ClassProbabilities:
    """Return each head's softmax. `logits`: (classes,), cosines times the checkpoint's scale."""
    steps = np.round(logits / LOGIT_STEP) * LOGIT_STEP
    ends = np.cumsum([len(names) for names in HEADS.values()])
    kinds, people, text = (softmax(part, TEMPERATURE) for part in np.split(steps, ends[:-1]))
    written = sum(float(kinds[KINDS.index(kind)]) for kind in WRITTEN_KINDS)
    return ClassProbabilities(tuple(kinds.tolist()), tuple(people.tolist()), max(float(text[1]), min(written, 1.0)))


def is_rounding_sensitive(logits: Logits, *, rounding: float) -> bool:
    """Return whether an error of `rounding` per logit could change a probability."""
    return bool(np.any(distance_to_rounding(logits, LOGIT_STEP) <= rounding))


def distance_to_rounding(values: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Return how far each value is from where it would be rounded to another multiple of `step`."""
    shares = values / step
    distances: NDArray[np.float64] = np.abs(shares - np.floor(shares) - 0.5) * step
    return distances


def softmax(logits: Logits, temperature: float) -> Logits:
    scaled = (logits - logits.max()) / temperature
    exponentials = np.exp(scaled)
    probabilities: Logits = exponentials / exponentials.sum()
    return probabilities
