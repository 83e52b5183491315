"""The CLIP tagger's vocabulary; vocabulary.txt documents its format."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path

from workers.english.grammar import with_article

VOCABULARY_FILE = Path(__file__).with_name("vocabulary.txt")
# The article of an account's term is unknown.
ACCOUNT_PROMPT = "a photo of {}"
NUMBERS = ("count", "mass", "plural")
_KEYS = (*NUMBERS, "prompt", "kind", "parent", "most", "apart", "rivals")


@dataclass(frozen=True, slots=True)
class Term:
    """A candidate tag. `prompt`: the text for CLIP; `parent`: the wider term; `max_tags`: per group, 0 for no limit."""

    text: str
    prompt: str
    number: str = "mass"
    group: str = ""
    kind: str = ""
    parent: str = ""
    rivals: str = ""
    max_tags: int = 0


@dataclass(slots=True)
class _Group:
    name: str
    values: dict[str, str] = field(default_factory=dict)
    terms: list[tuple[str, str]] = field(default_factory=list)
    apart: set[str] = field(default_factory=set)

    def build_terms(self) -> Iterator[Term]:
        prompt = self.values["prompt"]
        shared = {key: self.values.get(key, "") for key in ("kind", "parent", "rivals")}
        max_tags = int(self.values.get("most", 0))
        for text, number in self.terms:
            filled = prompt.replace("{}", with_article(text, number))
            yield Term(text, filled, number, self.name, **shared, max_tags=max_tags)


def read_vocabulary(path: Path = VOCABULARY_FILE) -> tuple[Term, ...]:
    """Return the terms in the file's order. Raises ValueError with the line number."""
    groups: list[_Group] = []
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            groups.append(_Group(line[1:-1]))
        elif line and not line.startswith("#"):
            _parse_line(groups, line, number)
    for group in groups:
        if "{}" not in group.values.get("prompt", ""):
            raise ValueError(f"{path.name}: group {group.name!r} has no prompt with {{}}")
    apart = {text for group in groups for text in group.apart}
    return tuple(_with_parents([term for group in groups for term in group.build_terms()], apart))


def _with_parents(terms: Sequence[Term], apart: AbstractSet[str]) -> Iterator[Term]:
    """Derive parents from last words ("car" for "sports car"), unless the group has one ("dog" for "beagle")."""
    kinds = {term.text: term.kind for term in terms}
    for term in terms:
        words = term.text.split()
        wider = (" ".join(words[place:]) for place in range(1, len(words)) if words[place - 1] not in {"and", "with"})
        found = next((text for text in wider if term.kind and kinds.get(text) == term.kind), "")
        yield replace(term, parent=found) if found and not term.parent and term.text not in apart else term


def account_terms(texts: Iterable[str]) -> tuple[Term, ...]:
    """Return an account's terms, without kind, so that composed sentences do not use them."""
    return tuple(Term(text, ACCOUNT_PROMPT.replace("{}", text), group="own") for text in dict.fromkeys(texts))


def fingerprint(prompts: Iterable[str]) -> str:
    """Return a hash of the prompts in order."""
    return hashlib.sha256("\n".join(prompts).encode()).hexdigest()[:12]


def _parse_line(groups: list[_Group], line: str, number: int) -> None:
    key, colon, value = (part.strip() for part in line.partition(":"))
    if not groups or not colon or key not in _KEYS:
        raise ValueError(f"{VOCABULARY_FILE.name}, line {number}: {line!r} is no term list and no setting of a group")
    texts = [text.strip() for text in value.split(",")]
    if key in NUMBERS:
        groups[-1].terms += [(text, key) for text in texts]
    elif key == "apart":
        groups[-1].apart.update(texts)
    elif key == "most" and not value.isdigit():
        raise ValueError(f"{VOCABULARY_FILE.name}, line {number}: most is {value!r}; it must be a number")
    else:
        groups[-1].values[key] = value
