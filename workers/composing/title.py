"""The title: 3 to 9 words in title case, subject first.

Search results show about 60 characters (Google's advice on title links).
"""

import re
from collections.abc import Sequence

from workers.english.consistency import PLACE_KINDS
from workers.english.grammar import headline, telegraphic, title_case, truncate_words, without_article
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Tag

TITLE_LIMIT = 80
TITLE_WORDS = range(3, 10)
_SECOND_ARTICLE = re.compile(r"^(\S+(?: \S+)?) and an? ")


def compose_title(phrase: str, tags: Sequence[Tag], facts: ImageFacts) -> str:
    """Return the phrase as a headline; articles are dropped before it is truncated."""
    text = _SECOND_ARTICLE.sub(r"\1 and ", without_article(headline(phrase))) if phrase else facts.scene_phrase
    words = _title_words(text)
    if len(words) < TITLE_WORDS.start:
        words = _lengthened(phrase, tags, facts)
    return title_case(" ".join(_truncated(words)))


def _title_words(text: str) -> list[str]:
    words = (word.strip(".,;:!?\"'()[]{}") for word in text.split())
    return [word[:30] for word in words if any(map(str.isalnum, word))]


def _lengthened(phrase: str, tags: Sequence[Tag], facts: ImageFacts) -> list[str]:
    """Lengthen a title that is too short, without a new claim."""
    if not phrase:
        return _title_words(facts.scene_phrase_with_article)
    if facts.background_phrase:
        return _title_words(f"{without_article(phrase)} {facts.background_phrase}")
    words = _title_words(phrase)
    if len(words) >= TITLE_WORDS.start:
        return words
    return ["view" if _is_place(phrase, tags) else "picture", "of", *words]


def _is_place(phrase: str, tags: Sequence[Tag]) -> bool:
    noun = without_article(phrase)
    return any(tag.kind in PLACE_KINDS and tag.text == noun for tag in tags)


def _truncated(words: list[str]) -> list[str]:
    for count in range(min(len(words), 2 * TITLE_WORDS.stop), TITLE_WORDS.start - 1, -1):
        kept = truncate_words(words, count, TITLE_WORDS.start)
        for candidate in (kept, telegraphic(" ".join(kept)).split()):
            if len(candidate) in TITLE_WORDS and len(" ".join(candidate)) <= TITLE_LIMIT:
                return candidate
    return words[: TITLE_WORDS.start]
