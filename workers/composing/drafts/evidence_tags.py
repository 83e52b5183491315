"""Tags from evidence: things, people, activities, the scene, the kind, and a name that was read."""

import re
from collections.abc import Sequence

from workers.composing.drafts.kind_naming import DRAWN, KindName
from workers.composing.drafts.sentence_people import number_of_people
from workers.composing.drafts.sentence_support import ACTIVITIES
from workers.composing.drafts.subject import (
    SURE_MAIN,
    Naming,
    is_nameable,
    is_night,
    name_subject,
    other_things,
    people_count,
    setting,
)
from workers.composing.tags import noun_chunks
from workers.english.grammar import without_article
from workers.english.lexicon import lexicon
from workers.models.evidence import Evidence

# Of a tag where there are few.
MIN_FILLER = 0.3
# Of a phrase: the background, and what people look at or are in.
_NO_THING = re.compile(
    r"\bcouple of (?=\w+s\b)| (?:at|for|into|towards?) the camera\b| in the (?:air|background|foreground)\b"
    r"|,? on an? (?:plain )?[\w -]+ background$"
)
_GROUPS = frozenset(("bunch", "couple", "flock", "group", "herd", "pile", "row", "stack"))
# Search terms of each kind, for images with fewer tags of their own.
KIND_TAGS = {
    "painting": ("artwork", "art"),
    "drawing": ("sketch", "art"),
    "illustration": ("drawing", "graphic art"),
    "comic": ("cartoon", "humour"),
    "render": ("computer graphics", "rendering"),
    "screenshot": ("user interface", "software"),
    "chart": ("graph", "data visualisation"),
    "diagram": ("schematic", "technical drawing"),
    "map": ("cartography", "geography"),
    "document": ("page", "text"),
    "poster": ("graphic design", "advertising"),
    "logo": ("branding", "brand mark"),
    "pattern": ("texture", "wallpaper"),
}
_MARKS = " .,;:!?-\u2013\u2014"


def photo_tags(
    phrase: str, main: Naming | None, named: frozenset[str], evidence: Evidence, labels: Sequence[str]
) -> tuple[str, ...]:
    unseen = _GROUPS.union(*(part.split() for part in _NO_THING.findall(phrase)))
    mentioned = [noun.noun for noun in evidence.nouns if noun.noun in named - unseen and is_nameable(noun.noun)]
    subject = [main.noun] if main and not main.is_people and (main.noun in named or not named) else []
    people = ["people" if number_of_people(phrase) > 1 else "person"] if "person" in named else []
    people += ["people"] if people and people_count(evidence)[0] > 1 else []
    things = thing_names(evidence, named)
    return (
        *(people if main and main.is_people else ()),
        *subject,
        *(_thing_chunks(phrase) if named else ()),
        *mentioned,
        *people,
        *labels,
        *_wider(evidence, main),
        *things,
        *_scene_tags(evidence),
    )


def _thing_chunks(phrase: str) -> list[str]:
    """Return the phrase's things with their modifiers, up to the noun ("sunglasses smiles"), then its activities.

    No camera in "looking at the camera", no piece in "a piece of cake".
    """
    readings = [(chunk, lexicon().read(chunk)) for chunk in noun_chunks(_NO_THING.sub("", phrase))]
    things = [
        chunk[: found.tokens[found.mentions[-1].last].end]
        for chunk, found in readings
        if found.mentions and found.mentions[-1].noun.kind not in {"group", "part"}
    ]
    # No "running" of "running shoe".
    nouns = {word for mention in lexicon().read(phrase).mentions for word in mention.noun.text.split()}
    return [*things, *(word for word in phrase.split() if word in ACTIVITIES - nouns and noun_chunks(word))]


def weaker_things(evidence: Evidence) -> tuple[str, ...]:
    found = [noun for noun in evidence.nouns if is_nameable(noun.noun) and max(noun.main, noun.present) >= MIN_FILLER]
    return tuple(noun.noun for noun in sorted(found, key=lambda noun: -max(noun.main, noun.present / 2)))[:3]


def _wider(evidence: Evidence, main: Naming | None) -> list[str]:
    noun = evidence.find(main.noun) if main else None
    wider = noun.wider if noun else ()
    found = [item for item in evidence.nouns if item.noun in wider and item.main >= SURE_MAIN]
    return [item.noun for item in sorted(found, key=lambda item: item.main)][:2]


def _scene_tags(evidence: Evidence) -> list[str]:
    place = setting(evidence)
    return [*([place.split(" ", 2)[-1]] if place else []), *(["night"] if is_night(evidence) else [])]


def graphic_tags(kind: KindName, depicted: Naming | None, evidence: Evidence, name: str) -> tuple[str, ...]:
    """`name`: text that names the thing, no axis label and no speech of a comic; else ""."""
    names = [name.lower().strip(_MARKS)] if name else []
    subject = name_subject(evidence, kind.nouns) if depicted and depicted.is_people else None
    things = [depicted.noun] if depicted else []
    things += [subject.noun] if subject else []
    # "Web page" of "screenshot of a web page".
    kinds = [
        without_article(kind.words.lower().rpartition(" of ")[2]),
        "3d render" if kind.kind == "render" else kind.kind,
    ]
    shown = thing_names(evidence, {kind.kind, kind.words, *kind.nouns, *things}) if kind.kind in DRAWN else []
    night = ["night"] if kind.kind in DRAWN and is_night(evidence) else []
    return (*things, *kinds, *names, *_wider(evidence, depicted), *shown, *night)


def thing_names(evidence: Evidence, named: frozenset[str] | set[str]) -> list[str]:
    return [noun.noun for noun in other_things(evidence, named)]
