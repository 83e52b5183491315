"""What the models said, as the six fields of the contract. Pure functions; nothing here knows a model.

Say what is sure and stop: where no tag is sure, the words tell of colours, light and format, which are always true.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from workers.context import Context
from workers.grammar import (
    PREPOSITIONS,
    capitalized,
    cleaned,
    cut,
    first_sentence,
    listed,
    sentence,
    title_case,
    unrepeated,
    untrailed,
    with_article,
    without_article,
)
from workers.keywords import FILENAME_LIMIT, chunks, keywords, slug
from workers.models.base import Caption, Tag

ALT_LIMIT = 125
CAPTION_LIMIT = 220
TITLE_LIMIT = 80
TITLE_WORDS = range(3, 10)
VERY_SURE = 0.75
PLACE_KINDS = frozenset(("building", "landscape", "other", "structure"))

_PICTURE_WORDS = (
    r"(?:image|picture|photo|photograph|photography|pic|snapshot|shot|drawing|painting|illustration"
    r"|screenshot|graphic)s?"
)
# Not any word: "a man holding a picture of a dog" is no opening formula.
_PICTURE_ADJECTIVES = (
    r"(?:(?:black|and|white|black-and-white|close|up|close-up|closeup|blurry|grainy|old|vintage|aerial|colou?r|digital|stock"
    r"|cropped|beautiful|nice|great|low|high|quality|night|studio|product|professional|dark|bright|wide|tall|square|small"
    r"|large|panoramic)\s+)*"
)
_OPENING = re.compile(
    rf"^(?:(?:this|here)\s+is\s+|there\s+(?:is|are)\s+)?(?:(?:an?|the|this|some)\s+)?{_PICTURE_ADJECTIVES}{_PICTURE_WORDS}"
    r"\s*(?:(?:of|showing|shows|depicting|depicts|featuring|features)\b[\s:]*|:\s*)",
    re.IGNORECASE,
)
_EXISTENTIAL = re.compile(r"^there\s+(?:is|are)\s+", re.IGNORECASE)


class Metadata(TypedDict):
    """The contract's `metadata`, key by key."""

    title: str
    alt: str
    caption: str
    description: str
    filename: str
    seoTags: list[str]


@dataclass(frozen=True, slots=True)
class Words:
    """The fields of the contract; `filename_candidates` are all valid, best first, `filename` among them."""

    title: str
    alt: str
    caption: str
    description: str
    filename: str
    filename_candidates: tuple[str, ...]
    seo_tags: tuple[str, ...]

    def as_metadata(self) -> Metadata:
        return {
            "title": self.title,
            "alt": self.alt,
            "caption": self.caption,
            "description": self.description,
            "filename": self.filename,
            "seoTags": list(self.seo_tags),
        }


def compose(captions: Sequence[Caption], tags: Sequence[Tag], context: Context) -> Words:
    """Any input, empty and hostile too, gives six fields within the contract's limits."""
    phrase = next((text for text in map(_phrase, captions) if text), "")
    caption = _caption(phrase, tags, context)
    candidates = _filenames(phrase, tags, context)
    return Words(
        title=_title(phrase, tags, context),
        alt=_alt(phrase, tags, context),
        caption=caption,
        description=_description(phrase, caption, tags, context),
        filename=candidates[0],
        filename_candidates=candidates,
        seo_tags=tuple(keywords(phrase, tags, context.keywords, context.filler_keywords)),
    )


def _phrase(caption: Caption) -> str:
    """The caption without decoration, opening formula and stammer; in mid-sentence form, without full stop."""
    text = unrepeated(first_sentence(cleaned(caption.text)))
    while (stripped := _EXISTENTIAL.sub("", _OPENING.sub("", text))) != text:
        text = stripped
    text = untrailed(cut(text.rstrip(" .,;:!?-…"), CAPTION_LIMIT).split())
    if not any(c.isalnum() for c in text):
        return ""
    first, _, rest = text.partition(" ")
    return f"{first.lower()} {rest}" if rest and first.lower() in {"a", "an", "the", "two", "three", "some"} else text


def _is_bare(phrase: str) -> bool:
    """A thing without circumstances, as labels are: "a tabby cat", not "a cat on a table"."""
    words = phrase.lower().split()
    return len(words) <= 6 and not PREPOSITIONS.intersection(words)


def _is_place(phrase: str, tags: Sequence[Tag]) -> bool:
    """A place is a scene; only a thing can be in one."""
    thing = without_article(phrase)
    return any(tag.kind in PLACE_KINDS and tag.text == thing for tag in tags)


def _caption(phrase: str, tags: Sequence[Tag], context: Context) -> str:
    """One sentence, for the reader who sees the picture."""
    if not phrase:
        return sentence(context.plain_phrase)
    return sentence(f"{phrase} {context.setting(of_place=_is_place(phrase, tags))}" if _is_bare(phrase) else phrase)


def _alt(phrase: str, tags: Sequence[Tag], context: Context) -> str:
    """For the reader who does not see it. WCAG 2 technique G94 and the W3C's alt decision tree: the same content in few
    words; no "image of", which a screen reader says itself; about 125 characters, after which some readers pause.
    """
    if not phrase:
        return capitalized(cut(context.plain_phrase, ALT_LIMIT))
    if not _is_bare(phrase) or not (context.palette or context.on_backdrop):
        return capitalized(cut(phrase, ALT_LIMIT))
    return capitalized(cut(f"{phrase} {context.setting(of_place=_is_place(phrase, tags))}", ALT_LIMIT))


def _description(phrase: str, caption: str, tags: Sequence[Tag], context: Context) -> str:
    """The caption's subject, what else is sure, then colours, light and format. Never two readings of one thing."""
    if not phrase:
        return f"{context.opening_sentence} {sentence(f'it is {context.traits}')}"
    if not _is_bare(phrase):
        return " ".join([caption, *_also(phrase, tags), context.look_sentence])
    return f"{sentence(f'this picture shows {phrase} {context.on_backdrop}')} {context.look_sentence}"


def _also(phrase: str, tags: Sequence[Tag]) -> list[str]:
    """A sentence on the things that are very sure and that the phrase has not named, or none.

    Not on animals and people: of those a second word is more often another reading than another being.
    """
    said = {word for chunk in chunks(phrase) for word in (chunk, *chunk.split())}
    things = [tag for tag in tags if tag.confidence >= VERY_SURE and tag.kind not in {"", "animal", "person"}]
    named = [(cleaned(tag.text), tag) for tag in things if tag.text not in {other.parent for other in things}]
    fresh = [with_article(text, tag.number) for text, tag in named if text and not said & {text, *text.split()}]
    return [sentence(f"it also shows {listed(fresh[:2])}")] if fresh else []


def _title(phrase: str, tags: Sequence[Tag], context: Context) -> str:
    """3 to 9 words in title case; search results show some 60 characters of a title, so the subject comes first."""
    text = without_article(phrase) if phrase else context.plain
    if not phrase and len(text.split()) < TITLE_WORDS.start:
        text = context.plain_phrase
    words = [word for word in (word.strip(".,;:!?\"'()[]{}") for word in text.split()) if any(map(str.isalnum, word))]
    words = [word[:30] for word in words]
    while len(words) < TITLE_WORDS.start:
        words += context.short_setting(of_place=_is_place(phrase, tags)).split()
    words = words[: TITLE_WORDS.stop - 1]
    while len(words) > TITLE_WORDS.start and len(" ".join(words)) > TITLE_LIMIT:
        words.pop()
    trimmed = untrailed(words)
    return title_case(trimmed if len(trimmed.split()) >= TITLE_WORDS.start else " ".join(words))


def _filenames(phrase: str, tags: Sequence[Tag], context: Context) -> tuple[str, ...]:
    """Google's image advice: short, descriptive, words joined by hyphens. The later candidates add one word or two."""
    base = slug(phrase) or slug(context.plain) or "picture"
    if "-" not in base:
        # One word says too little; a bare "dog" would also be the name of every other dog.
        base = slug(f"{base} {context.short_setting(of_place=_is_place(phrase, tags))}")
    subjects = [tag.text for tag in tags if tag.confidence >= VERY_SURE]
    extras = [*context.colors, *subjects, context.shape, context.light]
    names = [base, *(_joined(base, extra) for extra in [*extras, context.palette, "image"])]
    return tuple(dict.fromkeys(names))


def _joined(base: str, extra: str) -> str:
    """The extra keeps its place where the limit asks for a cut: it is what tells two files apart."""
    tail = slug(extra)[: FILENAME_LIMIT // 2].rstrip("-")
    if not tail or f"-{tail}-" in f"-{base}-":
        return base
    while len(base) + 1 + len(tail) > FILENAME_LIMIT and "-" in base:
        base = base.rpartition("-")[0]
    return f"{base[: FILENAME_LIMIT - 1 - len(tail)]}-{tail}"
