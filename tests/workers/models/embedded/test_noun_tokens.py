"""Which of the decoder's tokens name things that no evidence supports."""

import pytest

from tests.workers.composing.evidence_factory import evidence, noun
from workers.models.embedded.noun_tokens import NounTokens
from workers.models.evidence import Evidence

WORDS = (
    "dog",
    "dogs",
    "animal",
    "clock",
    "person",
    "orange",
    "saw",
    "##dog",
    "the",
    "sitting",
    "jacket",
    "beach",
    "pizza",
)
TOKENS = NounTokens({word: token for token, word in enumerate(WORDS)})


def unsupported(found: Evidence) -> set[str]:
    return {WORDS[token] for token in TOKENS.unsupported(found)}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (evidence("photo", noun("tree")), {"dog", "dogs", "animal", "clock", "jacket", "beach", "pizza"}),
        (evidence("photo", noun("dog")), {"animal", "clock", "jacket", "beach", "pizza"}),
        (evidence("photo", noun("beagle", 0.9, "dog", "animal")), {"clock", "jacket", "beach", "pizza"}),
        (evidence("photo", noun("clock", 0.01, present=0.11)), {"dog", "dogs", "animal", "jacket", "beach", "pizza"}),
        (
            evidence("photo", noun("clock", 0.01, present=0.09)),
            {"dog", "dogs", "animal", "clock", "jacket", "beach", "pizza"},
        ),
    ],
)
def test_nouns_without_evidence_are_unsupported(found: Evidence, words: set[str]) -> None:
    assert unsupported(found) == words


@pytest.mark.parametrize(("main", "is_supported"), [(0.3, True), (0.15, False)])
def test_half_of_the_evidence_for_a_wider_noun_supports_a_narrower_one(main: float, is_supported: bool) -> None:
    assert ("pizza" not in unsupported(evidence("photo", noun("fast food", main)))) == is_supported


def test_a_model_without_noun_heads_has_no_unsupported_tokens() -> None:
    assert TOKENS.unsupported(evidence("photo")) == []


def test_of_some_tokens_alone_the_unsupported_ones_are_told() -> None:
    some = [WORDS.index(word) for word in ("dog", "clock", "the")]

    assert TOKENS.unsupported(evidence("photo", noun("dog")), some) == [WORDS.index("clock")]
