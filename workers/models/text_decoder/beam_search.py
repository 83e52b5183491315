"""Beam search with a state per image and prompt, so that results are independent of the batch.

Equals transformers' `generate` with `early_stopping=True`, `length_penalty` and `no_repeat_ngram_size`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GenerationConfig:
    """Parameters of the search. `max_new_tokens` counts the end token; `no_repeat_ngram_size` 0 allows repetition.

    Rank is summed log-probability / length ** `length_penalty`: above 1 it favors longer sentences.
    """

    num_beams: int
    max_new_tokens: int
    no_repeat_ngram_size: int
    eos_token_id: int
    length_penalty: float = 1.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A token sequence with prompt, without end token.

    `score`: log-probability of the tokens after the prompt, end token included; summed in a beam, the mean in a
    finished hypothesis. `rank`: the length-penalized score.
    """

    ids: tuple[int, ...]
    score: float
    rank: float = 0.0


@dataclass(slots=True)
class BeamSearch:
    """One image and prompt: unfinished `beams`, and `finished` hypotheses, best first."""

    prompt: tuple[int, ...]
    config: GenerationConfig
    beams: list[Hypothesis] = field(default_factory=list)
    finished: list[Hypothesis] = field(default_factory=list)
    done: bool = False

    def __post_init__(self) -> None:
        self.beams = [Hypothesis(self.prompt, 0.0)]

    def banned_tokens(self) -> list[list[int]]:
        """Return the tokens that would repeat an n-gram, by beam."""
        return [_banned_tokens(beam.ids, self.config.no_repeat_ngram_size) for beam in self.beams]

    def advance(self, candidates: Sequence[tuple[int, int, float]]) -> list[int]:
        """Extend the beams by one token and return the parent of each new beam.

        `candidates`: the best 2 * num_beams (beam, token, summed log-probability), sorted.
        """
        config, length = self.config, len(self.beams[0].ids) + 1 - len(self.prompt)
        best = [(beam, token, total) for beam, token, total in candidates]
        for beam, token, total in best[: config.num_beams]:
            if token == config.eos_token_id or length == config.max_new_tokens:
                ids = self.beams[beam].ids if token == config.eos_token_id else (*self.beams[beam].ids, token)
                self.finished.append(Hypothesis(ids, total / length, total / length**config.length_penalty))
        self.finished = sorted(self.finished, key=lambda hypothesis: -hypothesis.rank)[: config.num_beams]
        self.done = len(self.finished) == config.num_beams or length == config.max_new_tokens
        extended = [candidate for candidate in best if candidate[1] != config.eos_token_id][: config.num_beams]
        self.beams = [Hypothesis((*self.beams[beam].ids, token), total) for beam, token, total in extended]
        return [beam for beam, _, _ in extended]


def _banned_tokens(ids: Sequence[int], size: int) -> list[int]:
    if not size or len(ids) < size:
        return []
    last = tuple(ids[len(ids) - size + 1 :])
    return [ids[at + size - 1] for at in range(len(ids) - size + 1) if tuple(ids[at : at + size - 1]) == last]
