"""Keywords that a caller asks for: those that the image supports become tags, the others are named as unused."""

from collections.abc import Sequence
from dataclasses import replace

from workers.composing.drafts.subject import people_count
from workers.composing.metadata import ComposedMetadata
from workers.composing.requested.words import has_word, singular
from workers.composing.tags import distinct_tags
from workers.english.lexicon import read_sentence
from workers.models.base import Tag
from workers.models.evidence import Evidence, TextLine

# Below it a noun is as probably absent as present.
MIN_PRESENT = 0.5
MIN_TAG = 0.45
# Of nobody: as where a model's sentence about people is doubted.
SURE_NOBODY = 0.3


def supported_keywords(
    keywords: Sequence[str],
    composed: ComposedMetadata,
    evidence: Evidence,
    tags: Sequence[Tag],
    lines: Sequence[TextLine] | None,
) -> list[str]:
    """Return the keywords each of whose words is in the composed words, the evidence, the tags or the text read."""
    nouns = [noun.noun for noun in evidence.nouns if max(noun.main, noun.present) >= MIN_PRESENT]
    labels = [text for tag in tags if tag.confidence >= MIN_TAG for text in (tag.text, tag.parent)]
    read = [line.text for line in lines or ()]
    texts = [composed.title, composed.alt, composed.caption, composed.description, *composed.seo_tags]
    known = set(singular(" ".join([*nouns, *labels, *read, *texts, composed.kind])).split())
    found = [keyword for keyword in keywords if set(singular(keyword).split()) <= known and singular(keyword)]
    return [keyword for keyword in found if not contradicts(keyword, evidence)]


def contradicts(keyword: str, evidence: Evidence) -> bool:
    """Return whether the keyword is about people where the evidence shows nobody."""
    if not evidence.people or people_count(evidence)[1] > SURE_NOBODY:
        return False
    return any(mention.noun.kind == "person" for mention in read_sentence(keyword.lower()).things)


def mentioned_keywords(keywords: Sequence[str], composed: ComposedMetadata, evidence: Evidence) -> list[str]:
    """Return the keywords that a model used in any field and that the evidence does not contradict."""
    texts = [composed.title, composed.alt, composed.caption, composed.description, *composed.seo_tags]
    used = [keyword for keyword in keywords if any(has_word(text, keyword) for text in texts)]
    return [keyword for keyword in used if not contradicts(keyword, evidence)]


def with_keywords(composed: ComposedMetadata, requested: Sequence[str], used: Sequence[str]) -> ComposedMetadata:
    """Put the used keywords first among the tags, and name the request's unused ones."""
    if not requested and not used:
        return composed
    tags = distinct_tags([*(keyword.lower() for keyword in used), *composed.seo_tags])
    unused = tuple(keyword for keyword in requested if keyword not in used)
    return replace(composed, seo_tags=tuple(tags), unused_keywords=unused if requested else None)
