"""Beam search for many pictures at once, each by its own state: what a picture gets does not depend on the others.

The rules are those of transformers' `generate` with `early_stopping=True`, `length_penalty` and `no_repeat_ngram_size`,
so that the same weights give the same sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rules:
    """`longest`: tokens after the prompt, the end among them; `unrepeated`: no run of so many tokens comes twice, 0 for
    no such rule; `length_penalty`: sentences are compared by their summed log-probability through their length to this
    power, so that above 1 it favours the longer one.
    """

    beams: int
    longest: int
    unrepeated: int
    end: int
    length_penalty: float = 1.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """`ids` with the prompt and without the end; `score`: the mean log-probability of what came after the prompt, the
    end among it; `rank`: what ended ones are compared by.
    """

    ids: tuple[int, ...]
    score: float
    rank: float = 0.0


@dataclass(slots=True)
class Search:
    """One picture, one prompt. `beams` are the sentences under way with their summed log-probabilities."""

    prompt: tuple[int, ...]
    rules: Rules
    beams: list[Sentence] = field(default_factory=list)
    ended: list[Sentence] = field(default_factory=list)
    done: bool = False

    def __post_init__(self) -> None:
        self.beams = [Sentence(self.prompt, 0.0)]

    def banned(self) -> list[list[int]]:
        """For each beam the tokens that would say a run of tokens twice."""
        return [_banned(beam.ids, self.rules.unrepeated) for beam in self.beams]

    def advance(self, choices: Sequence[tuple[int, int, float]]) -> list[int]:
        """`choices`: the best continuations, twice as many as beams, best first, as (beam, token, summed
        log-probability). Returns which beam each new one goes on from.
        """
        rules, length = self.rules, len(self.beams[0].ids) + 1 - len(self.prompt)
        best = [(beam, token, total) for beam, token, total in choices]
        for beam, token, total in best[: rules.beams]:
            if token == rules.end or length == rules.longest:
                ids = self.beams[beam].ids if token == rules.end else (*self.beams[beam].ids, token)
                self.ended.append(Sentence(ids, total / length, total / length**rules.length_penalty))
        self.ended = sorted(self.ended, key=lambda sentence: -sentence.rank)[: rules.beams]
        self.done = len(self.ended) == rules.beams or length == rules.longest
        going = [choice for choice in best if choice[1] != rules.end][: rules.beams]
        self.beams = [Sentence((*self.beams[beam].ids, token), total) for beam, token, total in going]
        return [beam for beam, _, _ in going]


def _banned(ids: Sequence[int], size: int) -> list[int]:
    if not size or len(ids) < size:
        return []
    last = tuple(ids[len(ids) - size + 1 :])
    return [ids[at + size - 1] for at in range(len(ids) - size + 1) if tuple(ids[at : at + size - 1]) == last]
