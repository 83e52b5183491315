"""What a request's options change in composed words, for models that take no options themselves."""

from collections.abc import Sequence
from dataclasses import replace

from workers.composing.drafts.draft_fields import ALT_LIMIT
from workers.composing.drafts.subject import people_count
from workers.composing.metadata import ComposedMetadata, compose
from workers.composing.requested import excluded as exclusion
from workers.composing.requested.keywords import supported_keywords, with_keywords
from workers.composing.requested.spelled import spelled
from workers.composing.tags import MAX_TAGS
from workers.english.grammar import capitalize_first, truncate
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption, Tag
from workers.models.evidence import Evidence, TextLine
from workers.models.options import Options

# Above it are three of wild-dev's four patterns, and none of its 421 other images.
SURE_PATTERN = 0.9


def compose_requested(
    captions: Sequence[Caption],
    tags: Sequence[Tag],
    facts: ImageFacts,
    options: Options,
    *,
    evidence: Evidence,
    lines: Sequence[TextLine] | None,
    blank: str,
    terms: Sequence[str] = (),
) -> ComposedMetadata:
    """Compose as workers.composing.metadata.compose, within the options. The words are English, in the spelling of the
    options' language; `terms`, the keywords and text that was read keep theirs.
    """
    words = options.excluded_keywords
    if words:
        captions, tags = exclusion.captions_without(captions, words), exclusion.tags_without(tags, words)
        evidence, lines = exclusion.evidence_without(evidence, words), exclusion.lines_without(lines, words)
    composed = compose(
        captions,
        tags,
        facts,
        evidence=evidence,
        lines=lines,
        blank=blank,
        neutral_people=options.gender_neutral,
    )
    wanted = options.wanted_keywords
    used = supported_keywords(wanted, composed, evidence, tags, lines) if wanted else []
    composed = with_keywords(composed, options.keywords, used)
    if words:
        composed = exclusion.composed_without(composed, words)
    composed = spelled(composed, options.language, [*wanted, *terms, *(line.text for line in lines or ())])
    composed = within_lengths(composed, options)
    if options.decorative and is_decorative(evidence, lines, blank):
        composed = replace(composed, alt="", decorative=True)
    return composed


def is_decorative(evidence: Evidence, lines: Sequence[TextLine] | None, blank: str) -> bool:
    """Return whether an image is blank, or a pattern without people and text that was read."""
    if blank:
        return True
    kind, probability = evidence.kind
    return kind == "pattern" and probability >= SURE_PATTERN and not lines and not people_count(evidence)[0]


def within_lengths(composed: ComposedMetadata, options: Options) -> ComposedMetadata:
    alt, most = composed.alt, options.alt_max_length or ALT_LIMIT
    if len(alt) > most:
        alt = capitalize_first(truncate(alt, most))
    return replace(composed, alt=alt, seo_tags=composed.seo_tags[: options.tag_count or MAX_TAGS])
