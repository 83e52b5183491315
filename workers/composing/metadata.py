"""What the models said, as the six fields of the contract. Pure functions; nothing here knows a model.

Say what is sure and stop: where no tag is sure, the words tell of colours, light and format, which are always true.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from workers.composing.filename import candidates
from workers.composing.tags import LIKELY, keywords
from workers.english.anonymize import impersonal
from workers.english.caption_cleanup import phrase_of, says_something
from workers.english.consistency import (
    PLACE_KINDS,
    addition,
    agree_on_colour,
    is_said,
    kinds_of,
    tag_contradicts,
    uncoloured,
)
from workers.english.gender_neutral import neutral
from workers.english.grammar import (
    PREPOSITIONS,
    articles_mended,
    capitalized,
    cleaned,
    cut,
    cut_words,
    headline,
    listed,
    sentence,
    telegraphic,
    title_case,
    with_article,
    without_article,
)
from workers.english.lexicon import number_mended
from workers.imaging.image_facts import Context
from workers.models.base import Caption, Tag

ALT_LIMIT = 125
TITLE_LIMIT = 80
TITLE_WORDS = range(3, 10)
VERY_SURE = 0.75

_CLOSE_UP = re.compile(r"^an? (?:extreme )?close-up (?:(?:view|shot) )?of ")
_SECOND_ARTICLE = re.compile(r"^(\S+(?: \S+)?) and an? ")


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


def compose(
    captions: Sequence[Caption], tags: Sequence[Tag], context: Context, *, neutral_people: bool = True
) -> Words:
    """Any input, empty and hostile too, gives six fields within the contract's limits.

    `neutral_people`: people are told of without their gender. Names, professions and places are never told.
    """
    sure = frozenset(tag.text for tag in tags if tag.confidence >= VERY_SURE)
    told = [_modest(phrase_of(caption.text), sure, context, neutral_people) for caption in captions]
    phrase, *others = [text for text in dict.fromkeys(told) if text] or [""]
    fitting = _fitting(phrase, tags, context, neutral_people)
    if context.on_backdrop and not agree_on_colour(phrase, context.colors):
        context = replace(context, colors=())
    caption = _caption(phrase, context)
    names = candidates(phrase, _things(phrase, fitting), context)
    return Words(
        title=_title(phrase, fitting, context),
        alt=_alt(phrase, context),
        caption=caption,
        description=_description(phrase, others, fitting, context),
        filename=names[0],
        filename_candidates=names,
        seo_tags=tuple(keywords(phrase, fitting, context.keywords, context.filler_keywords)),
    )


def _modest(phrase: str, sure: frozenset[str], context: Context, neutral_people: bool) -> str:
    """Less what a picture does not show."""
    text = number_mended(impersonal(phrase, sure))
    if context.monochrome:
        text = articles_mended(uncoloured(text))
    text = neutral(text) if neutral_people else text
    return text if says_something(text) else ""


def _fitting(phrase: str, tags: Sequence[Tag], context: Context, neutral_people: bool) -> list[Tag]:
    """The tags that may stand beside the phrase, in words as modest as its own."""
    kept = []
    for tag in tags:
        if tag.confidence < LIKELY or tag_contradicts(phrase, tag):
            continue
        text = _modest(cleaned(tag.text), frozenset(), context, neutral_people)
        if text:
            kept.append(replace(tag, text=without_article(text)))
    return kept


def _is_bare(phrase: str) -> bool:
    """A thing without circumstances, as labels are: "a tabby cat", not "a cat on a table"."""
    words = phrase.lower().split()
    return len(words) <= 6 and not PREPOSITIONS.intersection(words) and not any(word.endswith("ing") for word in words)


def _is_place(phrase: str, tags: Sequence[Tag]) -> bool:
    thing = without_article(phrase)
    return any(tag.kind in PLACE_KINDS and tag.text == thing for tag in tags)


def _placed(phrase: str, context: Context) -> str:
    """A bare thing before its backdrop. Never in a colour: of 471 catalogue photographs with a plain backdrop, the main
    colour was the article's in 64 %.
    """
    return f"{phrase} {context.surroundings}".strip() if _is_bare(phrase) else phrase


def _caption(phrase: str, context: Context) -> str:
    """One sentence with capital and full stop, as newspapers print it below a picture (AP style): for the "
    "reader who sees
    the picture.
    """
    return sentence(_placed(phrase, context) if phrase else context.plain_phrase)


def _alt(phrase: str, context: Context) -> str:
    """For the reader who does not see it. WCAG 2.2, 1.1.1 with technique G94 and the W3C's alt decision tree: the same
    content in few words; no "image of", which a screen reader says itself. The soft limit of 125 characters comes from
    screen readers that pause after it; 250 is never reached.
    """
    text = _placed(_CLOSE_UP.sub("", phrase), context) if phrase else context.plain_phrase
    return capitalized(cut(text, ALT_LIMIT))


def _description(phrase: str, others: Sequence[str], tags: Sequence[Tag], context: Context) -> str:
    """What the caption leaves out, as WCAG's technique G92 asks of a long description: another look at the "
    "subject, what
    else is very sure, then colours, light and format. Never two readings of one thing.
    """
    if not phrase:
        return f"{context.opening_sentence} {sentence(f'it is {context.traits}')}"
    opening = f"this picture shows {phrase} {context.on_backdrop}" if _is_bare(phrase) else phrase
    more = addition(phrase, others)
    sentences = [sentence(opening), *([sentence(more)] if more else []), *_also(f"{phrase}, {more}", tags)]
    return " ".join([*sentences, context.look_sentence])


def _also(said: str, tags: Sequence[Tag]) -> list[str]:
    """Of a kind that the sentence has not named: a snowmobile beside a motorcycle may be the motorcycle."""
    kinds = PLACE_KINDS | kinds_of(said)
    things = [tag for tag in _things(said, tags) if tag.kind not in kinds]
    named = [with_article(tag.text, tag.number) for tag in things[:2]]
    return [sentence(f"it also shows {listed(named)}")] if named else []


def _things(said: str, tags: Sequence[Tag]) -> list[Tag]:
    """What is very sure and not said yet.

    Not animals and people: of those a second word is more often another reading than another being.
    """
    sure = [tag for tag in tags if tag.confidence >= VERY_SURE and tag.kind not in {"", "animal", "person"}]
    wider = {tag.parent for tag in sure}
    return [tag for tag in sure if tag.text not in wider and not is_said(said, tag)]


def _title(phrase: str, tags: Sequence[Tag], context: Context) -> str:
    """3 to 9 words in title case (Chicago Manual of Style, 8.160), no full stop. The subject comes first, for search
    results show some 60 characters of a title (Google's advice on title links). What would not fit does without
    articles, as headlines do, before it does without its end.
    """
    text = _SECOND_ARTICLE.sub(r"\1 and ", without_article(headline(phrase))) if phrase else context.plain
    words = _title_words(text)
    if len(words) < TITLE_WORDS.start:
        words = _lengthened(phrase, tags, context)
    return title_case(" ".join(_fitting_title(words)))


def _fitting_title(words: list[str]) -> list[str]:
    """The longest beginning of them that reads as whole, with its articles where there is room for them."""
    for count in range(min(len(words), 2 * TITLE_WORDS.stop), TITLE_WORDS.start - 1, -1):
        kept = cut_words(words, count, TITLE_WORDS.start)
        short = telegraphic(" ".join(kept)).split()
        for found in (kept, short):
            if len(found) in TITLE_WORDS and len(" ".join(found)) <= TITLE_LIMIT:
                return found
    return words[: TITLE_WORDS.start]


def _title_words(text: str) -> list[str]:
    words = (word.strip(".,;:!?\"'()[]{}") for word in text.split())
    return [word[:30] for word in words if any(map(str.isalnum, word))]


def _lengthened(phrase: str, tags: Sequence[Tag], context: Context) -> list[str]:
    """Of a title that is too short: three words or more that say no more than is known."""
    if not phrase:
        return _title_words(context.plain_phrase)
    if context.surroundings:
        return _title_words(f"{without_article(phrase)} {context.surroundings}")
    words = _title_words(phrase)
    if len(words) >= TITLE_WORDS.start:
        return words
    return ["view" if _is_place(phrase, tags) else "picture", "of", *words]
