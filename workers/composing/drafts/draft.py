"""What the fields are written from: a phrase for alt and caption, one for title and file name, sentences and tags."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workers.composing.drafts.evidence_tags import KIND_TAGS, graphic_tags, photo_tags, thing_names, weaker_things
from workers.composing.drafts.kind_naming import DRAWN, KindName, is_kind_noun
from workers.composing.drafts.quoted_text import QuotedText
from workers.composing.drafts.subject import (
    Naming,
    is_night,
    is_wide,
    name_main,
    name_people,
    people_count,
    phrase_of,
    setting,
)
from workers.english.consistency import are_related
from workers.english.grammar import join_with_and, without_article
from workers.english.initialisms import in_name_case
from workers.english.lexicon import nouns_in
from workers.english.nouns import Noun
from workers.imaging.image_facts import ImageFacts
from workers.models.evidence import Evidence

# "Of a woman": what a drawn image shows is said above it.
MIN_DEPICTED = 0.35
# On a logo, poster or pattern, of a thing that is not wide.
MIN_ON_GRAPHIC = 0.5
# People beside the subject are mentioned above it.
MENTIONED_PEOPLE = 0.7
_TITLED = frozenset(("chart", "diagram", "map"))
_TITLED_WORDS = ("cover", "slide", "film poster")
# The text of a page: its heading is a title, and no file name or tag.
BODY_TEXT = frozenset(("document", "screenshot"))
_SCREENSHOT_OF = re.compile("screenshot of (?:an? )?(.+)")


@dataclass(frozen=True, slots=True)
class Draft:
    """`phrase`: a noun phrase or clause in lower case; `title`: the same for the title, with no quotes from a page's
    body; `sentences` add to the phrase; `tags`, best first, and `filler_tags` where they are few; `printed`: large text
    in a photograph, for the alt; `kind`: the words for the kind, "" for a photograph; `plain`: a title without the text
    that was read; `file`: the words for the file name, "" for the title.
    """

    phrase: str
    title: str
    sentences: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    filler_tags: tuple[str, ...] = ()
    printed: str = ""
    kind: str = ""
    plain: str = ""
    file: str = ""


def draft_blank(color: str) -> Draft:
    """`color`: a color name or "transparent"."""
    words = "blank transparent image" if color == "transparent" else f"blank {color} image"
    what = "nothing of it is visible" if color == "transparent" else f"it is {color} all over"
    return Draft(f"a {words}", words, (f"{what}, without any detail",), (words, "blank image", "blank"))


def draft_graphic(kind: KindName, evidence: Evidence, text: QuotedText, facts: ImageFacts) -> Draft:
    """Draft for every kind but photographs: the kind's words, what is depicted, the text."""
    depicted = _depicted(kind, evidence)
    named = {kind.kind, kind.words, *kind.nouns} | ({depicted.noun} if depicted else set())
    phrase, title = _with_depicted(kind, depicted), kind.words
    if depicted:
        title = (
            f"{without_article(depicted.phrase)} {kind.words}" if kind.kind not in DRAWN else without_article(phrase)
        )
    is_titled = text.is_title and (kind.kind in _TITLED or kind.words.endswith(_TITLED_WORDS))
    quotes_headline = bool(text.headline) and (is_titled or kind.kind in {"logo", "poster"})
    if is_titled:
        phrase = f'{phrase} titled "{text.headline}"'
    elif text.quote:
        # "A comic of a dog reading" would be about a dog that reads.
        phrase = f'{phrase} {"with the text" if depicted else "reading"} "{text.short}"'
    look = f"in {facts.palette}" if facts.palette else facts.format_phrase
    plain = f"{title} {look}" if title == kind.words else title
    title = plain
    name = (text.headline if is_titled else text.name) if quotes_headline else ""
    words, file = kind.words, ""
    if kind.kind in BODY_TEXT:
        file = kind.words
        if text.is_heading:
            # "Sign in to Your Account Web Page Screenshot".
            name, words = text.headline, _SCREENSHOT_OF.sub(r"\1 screenshot", kind.words)
    if name:
        title = f"{in_name_case(name)} {words}"
    sentences = [*_text_sentence(text), *_people_sentence(evidence, depicted)]
    if kind.kind in DRAWN:
        sentences += _things_sentence(evidence, named)
        sentences += _night_sentence(evidence, phrase)
    sentences += _look_sentences(facts, sentences, phrase)
    tags = graphic_tags(kind, depicted, evidence, "" if file else name)
    fillers = KIND_TAGS.get(kind.kind, ())
    return Draft(phrase, title, tuple(sentences), tags, fillers, kind=words, plain=plain, file=file)


def draft_photo(
    phrase: str,
    named: frozenset[str],
    evidence: Evidence,
    text: QuotedText,
    facts: ImageFacts,
    labels: Sequence[str] = (),
) -> Draft:
    """Draft for a photograph whose main phrase has been chosen; `labels` of the classifier are tags."""
    people = people_count(evidence)[0]
    main = name_main(evidence)
    sentences = [*([] if named else ["the subject of this picture could not be named"]), *_text_sentence(text)]
    if people and "person" not in named:
        sentences += _people_sentence(evidence, None)
    sentences += _things_sentence(evidence, named)
    place = setting(evidence)
    if place and not {*phrase.split(), *named} & {place.split()[-1]}:
        sentences.append(f"the setting seems to be {place.partition(' ')[2]}")
    sentences += _night_sentence(evidence, phrase)
    sentences += _look_sentences(facts, sentences, phrase)
    tags = photo_tags(phrase, main, named, evidence, labels)
    printed = text.short if named and text.is_prominent else ""
    return Draft(phrase, phrase, tuple(sentences), tags, weaker_things(evidence), printed)


def _depicted(kind: KindName, evidence: Evidence) -> Naming | None:
    if kind.kind in {"chart", "diagram", "map", "document", "screenshot"} or kind.words.startswith("abstract"):
        return None
    main = name_main(evidence, kind.nouns)
    least = MIN_DEPICTED if kind.kind in DRAWN else MIN_ON_GRAPHIC
    if main is None or main.probability < least or is_kind_noun(main.noun):
        return None
    return None if kind.kind not in DRAWN and is_wide(main.noun) else main


def _with_depicted(kind: KindName, depicted: Naming | None) -> str:
    if depicted is None:
        return kind.phrase
    if kind.kind == "poster":
        return f"{kind.phrase} showing {depicted.phrase}"
    joint = "with" if kind.kind == "logo" else "of"
    return f"{kind.phrase} {joint} {depicted.phrase}"


def _text_sentence(text: QuotedText) -> list[str]:
    return [f'the text "{text.quote}" can be read'] if text.quote else []


def _people_sentence(evidence: Evidence, depicted: Naming | None) -> list[str]:
    people = name_people(evidence)
    if people is None or (depicted and depicted.is_people) or people_count(evidence)[1] < MENTIONED_PEOPLE:
        return []
    return [f"{people.phrase} can be seen"]


def _things_sentence(evidence: Evidence, named: frozenset[str] | set[str]) -> list[str]:
    words = [word for noun in named for word in nouns_in(noun)]
    others = [noun for noun in thing_names(evidence, named) if not _is_named(noun, words)]
    things = [phrase_of(noun) for noun in others]
    return [f"it also shows {join_with_and(things)}"] if things else []


def _is_named(noun: str, words: Sequence[Noun]) -> bool:
    """Return whether the words have a synonym, a wider or a narrower word: no shoes beside sneakers."""
    return any(are_related(one, other) for one in nouns_in(noun)[-1:] for other in words if other.kind != "person")


def _night_sentence(evidence: Evidence, phrase: str) -> list[str]:
    return ["it is night"] if is_night(evidence) and "night" not in phrase else []


def _look_sentences(facts: ImageFacts, sentences: Sequence[str], phrase: str) -> list[str]:
    """Background and colors, as far as two sentences are not there yet."""
    found = []
    if facts.frames > 1:
        found.append(f"the file has {facts.frames:,} pages or frames, of which this is one")
    if facts.monochrome:
        found.append("the picture is in black and white")
    elif facts.backdrop and "background" not in phrase:
        found.append(f"the background is plain {facts.backdrop}")
    if len(sentences) + len(found) < 2 and not facts.palette:
        found.append(f"the picture is {facts.format_phrase}")
    elif len(sentences) + len(found) < 2 and not facts.monochrome:
        verb = "are the main colours" if " and " in facts.palette else "is the main colour"
        found.append(f"{facts.palette} {verb}")
    return found
