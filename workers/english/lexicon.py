"""The shared lexicon."""

from functools import cache, lru_cache

from workers.english import number_agreement
from workers.english.labels import read_labels
from workers.english.nouns import Lexicon, Noun, Reading


@cache
def lexicon() -> Lexicon:
    """Return the lexicon; building it takes 0.2 s."""
    return Lexicon(read_labels())


@lru_cache(2048)
def read_sentence(text: str) -> Reading:
    return lexicon().read(text)


def nouns_in(text: str) -> list[Noun]:
    return [mention.noun for mention in read_sentence(text).mentions]


@lru_cache(2048)
def leading_noun(rest: str) -> Noun | None:
    """Return the noun at the start of `rest`, the text behind a possible modifier ("chef" in "chef hat")."""
    if rest[:1] != " " or not rest[1:2].isalnum():
        return None
    # No noun has more than five words.
    reading = lexicon().read(" ".join(rest.split(" ")[:5]))
    first = next(iter(reading.mentions), None)
    return first.noun if first and first.first == 0 and not first.noun.also_verb else None


def agree_in_number(phrase: str) -> str:
    """Correct "a pile of orange", "two dog" and "a wooden floors"."""
    return drop_articles_before_plurals(number_agreement.pluralize_after_quantities(read_sentence(phrase)))


def drop_articles_before_plurals(phrase: str) -> str:
    """Correct "a close-up of a heels" to "a close-up of heels"."""
    return number_agreement.drop_articles_before_plurals(read_sentence(phrase))
