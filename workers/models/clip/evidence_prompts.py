"""The prompts of the zero-shot heads for kind, people and text: evidence_prompts.tsv."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.models.evidence import KINDS, PEOPLE

EVIDENCE_PROMPTS_FILE = Path(__file__).with_name("evidence_prompts.tsv")
# The classes of each head, in the order of its probabilities.
HEADS = {"kind": KINDS, "people": tuple(map(str, PEOPLE)), "text": ("without", "with")}


@dataclass(frozen=True, slots=True)
class ClassPrompt:
    """One of several texts for CLIP that describe a class of a head."""

    head: str
    name: str
    prompt: str


def read_evidence_prompts(path: Path = EVIDENCE_PROMPTS_FILE) -> tuple[ClassPrompt, ...]:
    """Return the rows in the file's order. Raises ValueError for an unknown class and for one without prompts."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        prompts = tuple(ClassPrompt(row["head"], row["class"], row["prompt"]) for row in rows)
    _require_complete(prompts, path.name)
    return prompts


def _require_complete(prompts: Sequence[ClassPrompt], file: str) -> None:
    expected = {(head, name) for head, names in HEADS.items() for name in names}
    found = {(prompt.head, prompt.name) for prompt in prompts if prompt.prompt}
    if found != expected:
        head, name = min(found ^ expected)
        problem = "has no prompts" if (head, name) in expected else "is unknown"
        raise ValueError(f"{file}: class {name!r} of head {head!r} {problem}")
