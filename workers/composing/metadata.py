"""What the models said, as the six fields of the contract. Pure functions; nothing here knows a model.

Say what is sure and stop: where no tag is sure, the words tell of colours, light and format, which are always true.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from workers.composing.filename import filename_candidates
from workers.composing.tags import LIKELY, compose_tags
from workers.english.anonymize import anonymize
from workers.english.caption_cleanup import clean_caption, has_content
from workers.english.consistency import (
    PLACE_KINDS,
    colors_agree,
    find_addition,
    is_mentioned,
    noun_kinds,
    strip_colors,
    tag_contradicts,
)
from workers.english.gender_neutral import gender_neutral
from workers.english.grammar import (
    PREPOSITIONS,
    as_sentence,
    capitalize_first,
    fix_articles,
    headline,
    join_with_and,
    normalize_text,
    telegraphic,
    title_case,
    truncate,
    truncate_words,
    with_article,
    without_article,
)
from workers.english.lexicon import drop_articles_before_plurals
from workers.imaging.image_facts import ImageFacts
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
class ComposedMetadata:
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
    captions: Sequence[Caption], tags: Sequence[Tag], facts: ImageFacts, *, neutral_people: bool = True
) -> ComposedMetadata:
    """Any input, empty and hostile too, gives six fields within the contract's limits.

    `neutral_people`: people are told of without their gender. Names, professions and places are never told.
    """
    sure = frozenset(tag.text for tag in tags if tag.confidence >= VERY_SURE)
    cleaned = [_without_unsupported(clean_caption(caption.text), sure, facts, neutral_people) for caption in captions]
    phrase, *others = [text for text in dict.fromkeys(cleaned) if text] or [""]
    fitting = _consistent_tags(phrase, tags, facts, neutral_people)
    if facts.backdrop_phrase and not colors_agree(phrase, facts.colors):
        facts = replace(facts, colors=())
    caption = _caption(phrase, facts)
    names = filename_candidates(phrase, _unmentioned_tags(phrase, fitting), facts)
    return ComposedMetadata(
        title=_title(phrase, fitting, facts),
        alt=_alt(phrase, facts),
        caption=caption,
        description=_description(phrase, others, fitting, facts),
        filename=names[0],
        filename_candidates=names,
        seo_tags=tuple(compose_tags(phrase, fitting, facts.tags, facts.filler_tags)),
    )


def _without_unsupported(phrase: str, sure: frozenset[str], facts: ImageFacts, neutral_people: bool) -> str:
    """Less what a picture does not show."""
    text = drop_articles_before_plurals(anonymize(phrase, sure))
    if facts.monochrome:
        text = fix_articles(strip_colors(text))
    text = gender_neutral(text) if neutral_people else text
    return text if has_content(text) else ""


def _consistent_tags(phrase: str, tags: Sequence[Tag], facts: ImageFacts, neutral_people: bool) -> list[Tag]:
    """The tags that may stand beside the phrase, in words as modest as its own."""
    kept = []
    for tag in tags:
        if tag.confidence < LIKELY or tag_contradicts(phrase, tag):
            continue
        text = _without_unsupported(normalize_text(tag.text), frozenset(), facts, neutral_people)
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


def _with_background(phrase: str, facts: ImageFacts) -> str:
    """A bare thing before its backdrop. Never in a colour: of 471 catalogue photographs with a plain backdrop, the main
    colour was the article's in 64 %.
    """
    return f"{phrase} {facts.background_phrase}".strip() if _is_bare(phrase) else phrase


def _caption(phrase: str, facts: ImageFacts) -> str:
    """One sentence with capital and full stop, as newspapers print it below a picture (AP style): for the "
    "reader who sees
    the picture.
    """
    return as_sentence(_with_background(phrase, facts) if phrase else facts.scene_phrase_with_article)


def _alt(phrase: str, facts: ImageFacts) -> str:
    """For the reader who does not see it. WCAG 2.2, 1.1.1 with technique G94 and the W3C's alt decision tree: the same
    content in few words; no "image of", which a screen reader says itself. The soft limit of 125 characters comes from
    screen readers that pause after it; 250 is never reached.
    """
    text = _with_background(_CLOSE_UP.sub("", phrase), facts) if phrase else facts.scene_phrase_with_article
    return capitalize_first(truncate(text, ALT_LIMIT))


def _description(phrase: str, others: Sequence[str], tags: Sequence[Tag], facts: ImageFacts) -> str:
    """What the caption leaves out, as WCAG's technique G92 asks of a long description: another look at the "
    "subject, what
    else is very sure, then colours, light and format. Never two readings of one thing.
    """
    if not phrase:
        return f"{facts.opening_sentence} {as_sentence(f'it is {facts.format_phrase}')}"
    opening = f"this picture shows {phrase} {facts.backdrop_phrase}" if _is_bare(phrase) else phrase
    more = find_addition(phrase, others)
    sentences = [
        as_sentence(opening),
        *([as_sentence(more)] if more else []),
        *_sentence_about_others(f"{phrase}, {more}", tags),
    ]
    return " ".join([*sentences, facts.appearance_sentence])


def _sentence_about_others(text_so_far: str, tags: Sequence[Tag]) -> list[str]:
    """Of a kind that the sentence has not named: a snowmobile beside a motorcycle may be the motorcycle."""
    kinds = PLACE_KINDS | noun_kinds(text_so_far)
    things = [tag for tag in _unmentioned_tags(text_so_far, tags) if tag.kind not in kinds]
    named = [with_article(tag.text, tag.number) for tag in things[:2]]
    return [as_sentence(f"it also shows {join_with_and(named)}")] if named else []


def _unmentioned_tags(text_so_far: str, tags: Sequence[Tag]) -> list[Tag]:
    """What is very sure and not said yet.

    Not animals and people: of those a second word is more often another reading than another being.
    """
    sure = [tag for tag in tags if tag.confidence >= VERY_SURE and tag.kind not in {"", "animal", "person"}]
    wider = {tag.parent for tag in sure}
    return [tag for tag in sure if tag.text not in wider and not is_mentioned(text_so_far, tag)]


def _title(phrase: str, tags: Sequence[Tag], facts: ImageFacts) -> str:
    """3 to 9 words in title case (Chicago Manual of Style, 8.160), no full stop. The subject comes first, for search
    results show some 60 characters of a title (Google's advice on title links). What would not fit does without
    articles, as headlines do, before it does without its end.
    """
    text = _SECOND_ARTICLE.sub(r"\1 and ", without_article(headline(phrase))) if phrase else facts.scene_phrase
    words = _title_words(text)
    if len(words) < TITLE_WORDS.start:
        words = _lengthen(phrase, tags, facts)
    return title_case(" ".join(_fit(words)))


def _fit(words: list[str]) -> list[str]:
    """The longest beginning of them that reads as whole, with its articles where there is room for them."""
    for count in range(min(len(words), 2 * TITLE_WORDS.stop), TITLE_WORDS.start - 1, -1):
        kept = truncate_words(words, count, TITLE_WORDS.start)
        short = telegraphic(" ".join(kept)).split()
        for found in (kept, short):
            if len(found) in TITLE_WORDS and len(" ".join(found)) <= TITLE_LIMIT:
                return found
    return words[: TITLE_WORDS.start]


def _title_words(text: str) -> list[str]:
    words = (word.strip(".,;:!?\"'()[]{}") for word in text.split())
    return [word[:30] for word in words if any(map(str.isalnum, word))]


def _lengthen(phrase: str, tags: Sequence[Tag], facts: ImageFacts) -> list[str]:
    """Of a title that is too short: three words or more that say no more than is known."""
    if not phrase:
        return _title_words(facts.scene_phrase_with_article)
    if facts.background_phrase:
        return _title_words(f"{without_article(phrase)} {facts.background_phrase}")
    words = _title_words(phrase)
    if len(words) >= TITLE_WORDS.start:
        return words
    return ["view" if _is_place(phrase, tags) else "picture", "of", *words]
