"""Remove the repetitions of a decoder that loops."""

import re

from workers.english.caption_cleanup.content import DETERMINERS, is_function_word
from workers.english.grammar import PREPOSITIONS, strip_dangling_words

_MAX_OCCURRENCES = 3
# "A hat on top of a hat", "a stove and a stove", but not "a man next to a man".
_REPEATED_NOUN_PHRASE = re.compile(
    r"\b((?:an?|the|some)(?:\s+[\w-]+){1,5})(\s.*?|,.*?)??,?\s+(?:and|with|of|on|in|on top of|in front of|and then)"
    r"\s+\1(?=$|,|\s+(?:and|on)\b)",
    re.IGNORECASE,
)
# "Looks to the side and looks to the side".
_REPEATED_BEHIND_AND = re.compile(r"\b([\w-]+(?: [\w-]+){2,5}) and \1(?![\w-])", re.IGNORECASE)
_POSITION = re.compile(r"(?: that)?(?: is| are)? (?:hanging|laying|lying|placed|sitting|standing)$")


def collapse_repetitions(text: str) -> str:
    """Remove adjacent repetitions of one to six words, and of three to six behind "and"."""
    text = _REPEATED_BEHIND_AND.sub(r"\1", text)
    kept: list[str] = []
    keys: list[str] = []
    for word in text.split():
        kept.append(word)
        keys.append(word.lower().strip(".,;:!?\"'") or word)
        for size in range(1, 7):
            if len(keys) >= 2 * size and keys[-size:] == keys[-2 * size : -size]:
                del kept[-size:], keys[-size:]
                break
    return " ".join(kept)


def merge_repeated_noun_phrases(text: str) -> str:
    """Keep one of two equal noun phrases joined by a conjunction or preposition; "sitting" before it goes with it."""
    while (match := _REPEATED_NOUN_PHRASE.search(text)) is not None:
        rest = text[match.end() :]
        text = (text[: match.start()] + match[1] + (match[2] or "") + rest).strip()
        if not rest.strip():
            text = _POSITION.sub("", strip_dangling_words(text.split(), "of"))
    return text


def truncate_at_loop(text: str) -> str:
    """Truncate at the first repetition."""
    words = text.split()
    return " ".join(
        words[: min(_noun_repeated_after_preposition(words), _repeated_trigram(words), _repeated_word(words))]
    )


def _noun_repeated_after_preposition(words: list[str]) -> int:
    """Return the index of "on top of a hat" in "a hat on top of a hat", or the end.

    No loops: "a man next to another man", "a stack of books next to a stack of plates".
    """
    for index in range(1, len(words)):
        before = index - 1
        while before >= 0 and (
            words[before] in PREPOSITIONS or words[before] in DETERMINERS or words[before] in {"of", "top"}
        ):
            before -= 1
        between = words[before + 1 : index]
        has_preposition = any(word in PREPOSITIONS or word == "of" for word in between)
        if before < 0 or not has_preposition or between[-1] not in DETERMINERS - {"another"}:
            continue
        is_partitive = words[index + 1 : index + 2] == ["of"]
        if words[before] == words[index] and not (is_partitive or is_function_word(words[index])):
            return before + 1
    return len(words)


def _repeated_trigram(words: list[str]) -> int:
    """Return the index of the first repeated trigram with a content word at its end, or the end."""
    seen: set[tuple[str, ...]] = set()
    for index in range(len(words) - 2):
        trigram = tuple(words[index : index + 3])
        if trigram in seen and not is_function_word(trigram[-1]):
            return index
        seen.add(trigram)
    return len(words)


def _repeated_word(words: list[str]) -> int:
    counts: dict[str, int] = {}
    for index, word in enumerate(words):
        counts[word] = counts.get(word, 0) + (not is_function_word(word))
        if counts[word] == _MAX_OCCURRENCES:
            return index
    return len(words)
