"""What users of captioners complain of, taken out: loops, «a picture of», the prompt said again, nothing at all."""

import re

from workers.english.grammar import (
    DANGLING_WORDS,
    PREPOSITIONS,
    collapse_repetitions,
    normalize_text,
    singularize,
    strip_dangling_words,
)

_ARTICLES = frozenset(("a", "an", "the", "another", "some", "his", "her", "its", "their", "this", "that"))
_PICTURES = r"(?:pictures?|photos?|photographs?|photography|images?|snapshots?|pics?)"
_OPENING = re.compile(
    rf"^(?:(?:this|here|it)\s+is\s+|there\s+(?:is|are)\s+)?(?:(?:an?|the|this|some)\s+)?{_PICTURES}"
    r"\s+(?:of|showing|shows|depicting|depicts|featuring|features)\b\s*",
    re.IGNORECASE,
)
# At the end it is what the decoder says when it has nothing more to say: "a dog in the picture".
_CLOSING = re.compile(rf"\s+in\s+(?:an?|the|this)\s+{_PICTURES}$", re.IGNORECASE)
# WordPiece's own words, and parts of words that lost their beginning.
_TOKENS = re.compile(r"\[(?:unk|pad|cls|sep|mask|dec|enc|unused\d+)\]|##\w*", re.IGNORECASE)
_OFTEN = 3


def clean_candidate(text: str, prompt: str = "") -> str:
    """The sentence without what is wrong with it, in lower case; empty where nothing is left that tells anything."""
    line = normalize_text(_TOKENS.sub(" ", text)).lower().rstrip(" .,;:!?-")
    before = None
    while line != before:
        before = line
        line = _CLOSING.sub("", _OPENING.sub("", _without_prompt(line, prompt.lower().strip())))
        line = _unlooped(collapse_repetitions(line))
        line = strip_dangling_words(line.split()) if line else ""
    return line if _tells(line) else ""


def content(text: str) -> frozenset[str]:
    """The words that carry meaning, as keys that plural and singular share."""
    words = (word.strip(".,;:!?\"'()") for word in text.lower().split())
    return frozenset(singularize(word) for word in words if word and not _is_small(word))


def content_similarity(one: str, other: str) -> float:
    """The share of meaningful words that two sentences have in common, 0..1."""
    first, second = content(one), content(other)
    return len(first & second) / (len(first | second) or 1)


def _without_prompt(line: str, prompt: str) -> str:
    if prompt and (line == prompt or line.startswith(f"{prompt} ")):
        return line[len(prompt) :].lstrip(" ,:")
    return line


def _unlooped(line: str) -> str:
    """Cut where it begins to say again what it has said."""
    words = line.split()
    ends = [_said_of_itself(words), _run_again(words), _too_often(words)]
    return " ".join(words[: min(ends)])


def _said_of_itself(words: list[str]) -> int:
    """ "a hat on top of a hat": where the second saying begins, with what leads to it. Two of a kind, "a man next to
    another man", are no loop.
    """
    for place in range(1, len(words)):
        back = place - 1
        while back >= 0 and (words[back] in PREPOSITIONS or words[back] in _ARTICLES or words[back] in {"of", "top"}):
            back -= 1
        led = words[back + 1 : place]
        is_place = any(word in PREPOSITIONS or word == "of" for word in led) and led[-1] in _ARTICLES - {"another"}
        # "A stack of books next to a stack of plates" are two stacks.
        is_of = words[place + 1 : place + 2] == ["of"]
        if back >= 0 and is_place and words[back] == words[place] and not (is_of or _is_small(words[place])):
            return back + 1
    return len(words)


def _run_again(words: list[str]) -> int:
    """Where three words come that came before. "A stack of" may come twice, so the last one must carry meaning."""
    seen: set[tuple[str, ...]] = set()
    for place in range(len(words) - 2):
        run = tuple(words[place : place + 3])
        if run in seen and not _is_small(run[-1]):
            return place
        seen.add(run)
    return len(words)


def _too_often(words: list[str]) -> int:
    counts: dict[str, int] = {}
    for place, word in enumerate(words):
        counts[word] = counts.get(word, 0) + (not _is_small(word))
        if counts[word] == _OFTEN:
            return place
    return len(words)


def _is_small(word: str) -> bool:
    return word in DANGLING_WORDS or word in PREPOSITIONS or word in _ARTICLES


def _tells(line: str) -> bool:
    """Whether there is one word with two letters or more that carries meaning, and not the picture itself."""
    words = [word for word in re.findall(r"[^\W\d_]{2,}", line) if not _is_small(word)]
    return any(not re.fullmatch(_PICTURES, word) for word in words)
