"""Content words."""

from workers.english.grammar import DANGLING_WORDS, PREPOSITIONS, singularize

DETERMINERS = frozenset(("a", "an", "the", "another", "some", "his", "her", "its", "their", "this", "that"))


def is_function_word(word: str) -> bool:
    return word in DANGLING_WORDS or word in PREPOSITIONS or word in DETERMINERS


def content_words(text: str) -> frozenset[str]:
    """Return the content words, singularized."""
    words = (word.strip(".,;:!?\"'()") for word in text.lower().split())
    return frozenset(singularize(word) for word in words if word and not is_function_word(word))


def content_similarity(first: str, second: str) -> float:
    """Return the Jaccard index of the content words, 0..1."""
    words, others = content_words(first), content_words(second)
    return len(words & others) / (len(words | others) or 1)
