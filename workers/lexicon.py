"""English nouns for the words of any model: the table that the embedded captioner reads captions with. No model is
loaded for it.
"""

from functools import cache

from workers.models.embedded.labels import read_labels
from workers.models.embedded.nouns import Lexicon, Noun


@cache
def lexicon() -> Lexicon:
    """Takes a fifth of a second, once."""
    return Lexicon(read_labels())


@cache
def noun_of(words: str) -> Noun | None:
    """The noun that `words` are, in the singular or the plural; None for anything else."""
    reading = lexicon().read(words)
    mentions = reading.mentions
    return mentions[0].noun if len(mentions) == 1 and mentions[0].last + 1 == len(reading.tokens) else None


def begins_with_noun(rest: str) -> Noun | None:
    """The noun right at the start of `rest`: then what stands before it is no noun but a part of it, as in "chef hat"."""
    if not rest[:1] == " " or not rest[1:2].isalnum():
        return None
    reading = lexicon().read(rest)
    first = next(iter(reading.mentions), None)
    return first.noun if first and first.first == 0 and not first.noun.also_verb else None
