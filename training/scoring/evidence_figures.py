"""How often the evidence heads are right on described images."""

from collections.abc import Sequence

import torch
from torch import Tensor

from training.datasets.described import EvidenceRow
from training.datasets.evidence_targets import EvidenceTargets
from training.datasets.noun_hierarchy import singular
from workers.models.evidence import KINDS

PHOTO = KINDS.index("photo")


def evidence_figures(
    logits: dict[str, Tensor], targets: EvidenceTargets, rows: Sequence[EvidenceRow], vocabulary: Sequence[str]
) -> dict[str, float]:
    """Return shares of images, 0..1, and areas under the curve."""
    kind, people = logits["kind"].argmax(1), logits["people"].argmax(1)
    is_photo, is_right = targets.kind == PHOTO, kind == targets.kind
    figures = {
        "kind": is_right,
        "kind, drawn and written": is_right[~is_photo],
        "photograph or not": (kind == PHOTO) == is_photo,
        "people": people == targets.people,
    }
    nobody = logits["people"].softmax(1)[:, 0]
    named = {
        f"{group}, main noun {place}": _names(logits["main"], rows, vocabulary, among)[chosen]
        for group, chosen in (("photos", is_photo), ("others", ~is_photo))
        for place, among in (("surest", 1), ("among three", 3))
    }
    return {
        **{name: _share(hits) for name, hits in {**figures, **named}.items()},
        "people, AUC": auc(-nobody, targets.people > 0),
        "text, AUC": auc(logits["text"], targets.text > 0),
    }


def auc(scores: Tensor, is_true: Tensor) -> float:
    """Return how often a true one of (n,) scores higher than a false one; not a number where one kind is missing."""
    true, false = scores[is_true], scores[~is_true]
    return round(float((true[:, None] > false[None]).double().mean()), 3)


def _names(main: Tensor, rows: Sequence[EvidenceRow], vocabulary: Sequence[str], among: int) -> Tensor:
    """Return (n,): whether a name of the subject, as it is listed, is among the surest nouns."""
    surest = main.topk(min(among, len(vocabulary)), dim=1).indices.tolist()
    named = [{singular(name) for name in row.subject} for row in rows]
    hits = [any(vocabulary[n] in names for n in numbers) for numbers, names in zip(surest, named, strict=True)]
    return torch.tensor(hits)


def _share(hits: Tensor) -> float:
    return round(float(hits.double().mean()), 3)
