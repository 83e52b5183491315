"""Evidence for tests: the named kind, people and nouns are sure, everything else is not."""

from workers.models.evidence import KINDS, PEOPLE, Evidence, NounEvidence, TextLine


def evidence(
    kind: str = "photo",
    *nouns: NounEvidence,
    probability: float = 0.9,
    people: int = 0,
    text: float = 0.0,
) -> Evidence:
    rest = (1 - probability) / (len(KINDS) - 1)
    return Evidence(
        kinds=tuple(probability if each == kind else rest for each in KINDS),
        people=tuple(0.94 if each == people else 0.02 for each in PEOPLE),
        nouns=tuple(sorted(nouns, key=lambda noun: -noun.main)),
        text=text,
    )


def noun(text: str, main: float = 0.9, *wider: str, present: float | None = None) -> NounEvidence:
    return NounEvidence(text, main, main if present is None else present, wider)


def lines(*texts: str, height: float = 0.1) -> list[TextLine]:
    """Return lines of equal height from the top downwards, far enough apart to be separate phrases."""
    return [TextLine(text, 0.99, 0.1, 0.05 + 0.25 * n, 0.9, 0.05 + 0.25 * n + height) for n, text in enumerate(texts)]
