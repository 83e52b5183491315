"""What our own heads give a model's sentence: the calibrated confidence, and reasons for a person's review."""

from workers.composing.drafts.confidence import REVIEW_BELOW, confidence_of
from workers.composing.drafts.judge import LEAST_CONFIDENCE, group_of
from workers.composing.drafts.sentence_support import support_of
from workers.composing.drafts.subject import people_count
from workers.english.copied_text import is_part_of
from workers.english.lexicon import read_sentence
from workers.models.evidence import KINDS, Evidence
from workers.models.options import Options
from workers.models.writer import Written

# Our kind head contradicts the model's kind above it.
SURE_KIND = 0.8
# Of people, or of nobody: as in drafts, where they are mentioned above it.
SURE_PEOPLE = 0.7
_WITH_CONTENT = frozenset(("chart", "comic", "diagram", "document", "map", "poster", "screenshot"))


def confidence_in(written: Written, alt: str, evidence: Evidence, *, is_english: bool) -> float:
    """Return the calibrated probability that the words are right, from the same evidence as our own models' words.

    A model's self-rating is not calibrated: it can lower the confidence, never raise it. Without heads it counts half.
    """
    if not evidence.kinds:
        return written.confidence / 2
    probability = evidence.kinds[KINDS.index(written.kind)]
    if written.kind == "photo":
        texts = [written.subject, *([alt] if is_english else [])]
        probability *= max(support_of(text.lower(), evidence).main for text in texts)
    return min(confidence_of(group_of(written.kind), probability), written.confidence)


def doubts_about(written: Written, texts: list[str], evidence: Evidence, *, is_english: bool) -> list[str]:
    """Return why a person should look at the words: `people`, `no_people`, `kind`, `self_rating`, `decorative`."""
    doubts = list(written.doubts)
    if written.confidence < REVIEW_BELOW:
        doubts.append("self_rating")
    if evidence.kinds:
        kind, probability = evidence.kind
        if kind != written.kind and probability >= SURE_KIND:
            doubts.append("kind")
    mentioned = written.people > 0 or (is_english and any(map(_mentions_people, texts)))
    if evidence.people:
        _, some = people_count(evidence)
        if mentioned and some <= 1 - SURE_PEOPLE:
            doubts.append("people")
        if not mentioned and some >= SURE_PEOPLE:
            doubts.append("no_people")
    if written.decorative and (mentioned or _shows_content(evidence)):
        doubts.append("decorative")
    return list(dict.fromkeys(doubts))


def _shows_content(evidence: Evidence) -> bool:
    """Return whether our own heads are sure of people, or of a kind that always has content."""
    kind, probability = evidence.kind
    _, some = people_count(evidence)
    return (kind in _WITH_CONTENT and probability >= SURE_KIND) or some >= SURE_PEOPLE


def repeats_given_text(written: Written, text: str, evidence: Evidence, options: Options) -> bool:
    """Return whether a field is nothing but a part of what the caller gave, and nothing in the image supports it."""
    if not is_part_of(text, options.given_text) or written.kind in text.lower().split():
        return False
    named = text.lower() if options.is_english else written.subject.lower()
    return support_of(named, evidence).main < LEAST_CONFIDENCE


def _mentions_people(text: str) -> bool:
    return any(mention.noun.kind == "person" for mention in read_sentence(text.lower()).mentions)
