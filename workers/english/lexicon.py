"""English nouns for the words of any model: the table that the embedded captioner reads captions with. No model is
loaded for it.
"""

from functools import cache, lru_cache

from workers.english.labels import read_labels
from workers.english.nouns import Lexicon, Noun, Reading


@cache
def lexicon() -> Lexicon:
    """Takes a fifth of a second, once."""
    return Lexicon(read_labels())


@lru_cache(2048)
def read(text: str) -> Reading:
    return lexicon().read(text)


@lru_cache(2048)
def begins_with_noun(rest: str) -> Noun | None:
    """The noun right at the start of `rest`: what stands before it is then a part of it, as in "chef hat"."""
    if rest[:1] != " " or not rest[1:2].isalnum():
        return None
    # No noun has more words.
    reading = lexicon().read(" ".join(rest.split(" ")[:5]))
    first = next(iter(reading.mentions), None)
    return first.noun if first and first.first == 0 and not first.noun.also_verb else None


def number_mended(phrase: str) -> str:
    """ "A close-up of a heels" without the article that no plural takes."""
    reading = read(phrase)
    for mention in reversed(reading.mentions):
        before = reading.tokens[mention.first - 1] if mention.first else None
        if before and before.text in {"a", "an"} and mention.plural and mention.role == "head":
            phrase = phrase[: before.start] + phrase[reading.tokens[mention.first].start :]
    return phrase
