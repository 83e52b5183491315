"""The six fields of what a model wrote, within the contract's limits and rules."""

from collections.abc import Sequence
from dataclasses import replace

from workers.composing.drafts.confidence import REVIEW_BELOW
from workers.composing.filename import append_words, slugify
from workers.composing.metadata import ComposedMetadata
from workers.composing.requested.excluded import composed_without
from workers.composing.requested.keywords import contradicts, mentioned_keywords
from workers.composing.requested.words import any_word
from workers.composing.tags import MAX_TAGS, MIN_TAGS, distinct_tags
from workers.composing.written.checks import confidence_in, doubts_about, repeats_given_text
from workers.composing.written.names import given_names, unexplained_names, without_guessed_names
from workers.composing.written.openings import strip_foreign_openings
from workers.composing.written.plain_text import plain_text, sentences, truncated, without_secrets
from workers.english.caption_cleanup.image_phrases import strip_image_openings
from workers.english.grammar import capitalize_first, truncate
from workers.imaging.image_facts import ImageFacts
from workers.models.evidence import Evidence
from workers.models.options import Options
from workers.models.writer import Written

ALT_LIMIT = 250
_TITLE_LIMIT, _CAPTION_LIMIT, _DESCRIPTION_LIMIT = 80, 300, 1_200
_MAX_TEXT = 120


class NothingLeft(Exception):
    """The guards left no alt or caption, or an alt that repeats what the caller gave and the image does not support."""


def compose_written(written: Written, facts: ImageFacts, evidence: Evidence, options: Options) -> ComposedMetadata:
    """Compose metadata of a model's fields. Raises NothingLeft.

    Addresses, markup and secrets are removed in every language; names, gender and openings by rules of English.
    """
    if not written.kind:
        written = replace(written, kind=evidence.kind[0] if evidence.kinds else "photo")
    guard = _Guard(options)
    alt, caption = guard.alt(written.alt), guard.caption(written.caption)
    if not ((written.decorative or any(map(str.isalnum, alt))) and any(map(str.isalnum, caption))):
        raise NothingLeft
    if any(repeats_given_text(written, text, evidence, options) for text in (alt, caption)):
        raise NothingLeft
    description = guard.description(written, caption, facts)
    title = guard.text(written.title, _TITLE_LIMIT).rstrip(".")
    if not title or repeats_given_text(written, title, evidence, options):
        title = truncated(alt or caption, _TITLE_LIMIT)
    tags = guard.tags(written, title)
    names = _filenames(written, title, tags)
    texts = [alt, caption, description]
    english = options.is_english
    confidence = confidence_in(written, alt, evidence, is_english=english)
    doubts = doubts_about(written, texts, evidence, is_english=english)
    guessed = english and any(unexplained_names(s, guard.given) for text in texts for s in sentences(text))
    composed = ComposedMetadata(
        title=title,
        alt=alt,
        caption=caption,
        description=description,
        filename=names[0],
        filename_candidates=names,
        seo_tags=tags,
        kind=written.kind,
        confidence=confidence,
        needs_review=bool(doubts) or guessed or confidence < REVIEW_BELOW,
        decorative=written.decorative,
    )
    return _requested(composed, evidence, options)


def _requested(composed: ComposedMetadata, evidence: Evidence, options: Options) -> ComposedMetadata:
    """Name the unused keywords, and cut what the model has written of the excluded ones all the same."""
    refused = [keyword for keyword in options.keywords if contradicts(keyword, evidence)]
    tags = tuple(tag for tag in composed.seo_tags if not any_word(tag, refused))
    composed = replace(composed, seo_tags=tags)
    if options.keywords:
        used = mentioned_keywords(options.keywords, composed, evidence)
        unused = tuple(keyword for keyword in options.keywords if keyword not in used)
        composed = replace(composed, unused_keywords=unused)
    return composed_without(composed, options.excluded_keywords) if options.excluded_keywords else composed


class _Guard:
    def __init__(self, options: Options) -> None:
        self._options = options
        self.given = given_names(options)

    def text(self, text: str, limit: int) -> str:
        kept = [self._sentence(sentence) for sentence in sentences(without_secrets(plain_text(text)))]
        return truncated(" ".join(sentence for sentence in kept if sentence), limit)

    def alt(self, text: str) -> str:
        limit = min(ALT_LIMIT, self._options.alt_max_length or ALT_LIMIT)
        whole = self.text(text, 4 * ALT_LIMIT)
        whole = strip_image_openings(whole) if self._options.is_english else strip_foreign_openings(whole)
        cut = truncate(whole, limit) if self._options.is_english else truncated(whole, limit)
        return capitalize_first(cut)

    def caption(self, text: str) -> str:
        """Return one sentence."""
        found = sentences(self.text(text, 2 * _CAPTION_LIMIT))
        return _ended(truncated(found[0], _CAPTION_LIMIT)) if found else ""

    def description(self, written: Written, caption: str, facts: ImageFacts) -> str:
        """Return two or more sentences: the model's, the text that was read, the caption, the look of the image."""
        found = sentences(self.text(written.description, _DESCRIPTION_LIMIT))
        read = self.text(written.text, _MAX_TEXT).replace('"', "'")
        if self._options.is_english:
            if read and not any(read.lower() in text.lower() for text in (written.alt, written.description)):
                found.append(f'The text "{read}" can be read.')
            if len(found) < 2:
                found.append(facts.appearance_sentence)
        if len(found) < 2 and caption not in found:
            found = [caption, *found]
        return " ".join(map(_ended, found))

    def tags(self, written: Written, title: str) -> tuple[str, ...]:
        """Return distinct tags in lower case; words of the title where they are fewer than MIN_TAGS."""
        most = self._options.tag_count or MAX_TAGS
        found = distinct_tags(self._sentence(plain_text(tag)).lower() for tag in without_secret_tags(written.tags))
        for filler in [written.subject, written.kind, title, *title.split()]:
            if len(found) < min(MIN_TAGS, most):
                found = distinct_tags([*found, plain_text(filler).lower()])
        excluded = self._options.excluded_keywords
        return tuple(tag for tag in found if not any_word(tag, excluded))[:most]

    def _sentence(self, text: str) -> str:
        if not self._options.is_english:
            return text
        return without_guessed_names(text, self.given, gender_neutral_people=self._options.gender_neutral)


def without_secret_tags(tags: Sequence[str]) -> list[str]:
    return [tag for tag in tags if without_secrets(tag)]


def _ended(sentence: str) -> str:
    """Return the sentence with a full stop where it has no end."""
    text = sentence.rstrip(" ,;:-\u3001\uff0c")
    return text if not text or text[-1] in '.!?\u3002\uff01\uff1f\u0964\u061f"\u201d\u300d\u00bb' else f"{text}."


def _filenames(written: Written, title: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Return names in ASCII, best first: a title in another script has none."""
    found = (slugify(text) for text in (written.filename.replace("-", " "), title, written.subject))
    base = next((name for name in found if name), written.kind)
    return tuple(dict.fromkeys([base, *(append_words(base, tag) for tag in tags)]))
