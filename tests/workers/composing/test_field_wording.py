"""Wording of the fields: properties of every noun and kind, and a table of what editors would not print."""

import itertools
import re
from dataclasses import replace

import pytest

from tests.workers.composing.evidence_factory import evidence, lines, noun
from workers.composing.drafts.subject import is_nameable
from workers.composing.metadata import ComposedMetadata, compose
from workers.english.lexicon import lexicon
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption
from workers.models.evidence import KINDS, Evidence, TextLine

COLOR = ImageFacts(1200, 800, ("blue", "white"))
GREY = replace(COLOR, monochrome=True)
ON_WHITE = replace(COLOR, backdrop="white")
NOUNS = sorted(found.text for found in lexicon()._nouns.values() if is_nameable(found.text))
DOUBLE = re.compile(
    r"\b(?:an?|the) (?:an?|the|some|two)\b(?!-)|\b(?!chow\b)(\w+) \1\b|\ba (?!ewe|one|eu)[aeio]\w+\b", re.IGNORECASE
)


def composed(
    found: Evidence, *texts: str, caption: str = "", facts: ImageFacts = COLOR, height: float = 0.1
) -> ComposedMetadata:
    captions = [Caption(caption, 0.9)] if caption else []
    return compose(captions, [], facts, evidence=found, lines=lines(*texts, height=height))


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text)


def faults_of(words: ComposedMetadata) -> list[str]:
    """Return what no editor prints, of any image."""
    told = sentences(words.description)
    return [
        name
        for name, is_fault in {
            "an article or word twice": DOUBLE.search(f"{words.alt} . {words.title}"),
            "one sentence, or one twice": len(told) < 2 or len(set(told)) < len(told),
            "black and white twice": words.description.count("black and white") > 1,
            "a file name with a verb": re.search(r"-(?:is|are)-", words.filename),
            "a background as a tag": any("background" in tag for tag in words.seo_tags),
            "a graphic called a photograph": words.kind != "photo" and "hotograph" in words.title,
        }.items()
        if is_fault
    ]


def test_every_noun_is_worded_rightly_in_every_field() -> None:
    wrong = {}
    for text, facts in itertools.product(NOUNS, (COLOR, GREY, ON_WHITE)):
        if faults := faults_of(composed(evidence("photo", noun(text)), facts=facts)):
            wrong[text] = faults

    assert len(NOUNS) > 1000
    assert wrong == {}


@pytest.mark.parametrize(
    "facts", [COLOR, GREY, ON_WHITE, replace(COLOR, colors=())], ids=["color", "grey", "white", ""]
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_worded_rightly(kind: str, facts: ImageFacts) -> None:
    for found in (evidence(kind), evidence(kind, noun("dog", 0.9)), evidence(kind, people=2)):
        for texts in ([], ["Harbour"], ["THE GARDEN OF SMALL THINGS", "A novel"]):
            assert faults_of(composed(found, *texts, facts=facts)) == []


@pytest.mark.parametrize(
    ("kind", "text", "title"),
    [
        ("poster", "THE SMALL GARDEN", "The Small Garden Poster"),
        ("logo", "ACME", "Logo Reading ACME"),
        ("poster", "DECAMERON", "Poster Reading Decameron"),
        ("poster", "le fataliste et son ma\u00eetre", "Le fataliste et son ma\u00eetre Poster"),
        ("logo", "ACME TOOLS NY", "Acme Tools NY Logo"),
        ("poster", "PCR AND HTML IN A BOX", "PCR and HTML in a Box Poster"),
        ("poster", "Rent at example.com", "Rent at example.com Poster"),
        ("poster", "iPad Days", "iPad Days Poster"),
    ],
)
def test_a_title_does_not_shout(kind: str, text: str, title: str) -> None:
    assert composed(evidence(kind), text).title == title


def test_a_title_of_a_graphic_with_much_text_names_its_kind() -> None:
    words = composed(evidence("poster"), "Garden", "plants for all who have no room for them at home", height=0.05)

    assert words.title.endswith("Poster") or words.title.startswith("Poster Reading")


def test_a_long_name_keeps_its_words_and_leaves_its_kind_out() -> None:
    words = composed(evidence("poster"), "How to Keep a Small Garden Green All Summer")

    assert words.title == "How to Keep a Small Garden Green All Summer"


def test_a_wider_word_for_the_subject_is_no_other_thing() -> None:
    found = evidence("photo", noun("sneaker"), noun("shoe", 0.1, present=0.9), noun("box", 0.1, present=0.9))

    assert composed(found).description.startswith("It also shows a box.")


@pytest.mark.parametrize(
    ("text", "tag"),
    [("the sea", "sea"), ("soccer (association football)", "football"), ("bead", "beads"), ("mountains and the sea",
      "mountains by the sea")],
)  # fmt: skip
def test_a_tag_is_a_search_term(text: str, tag: str) -> None:
    assert composed(evidence("photo", noun(text))).seo_tags[0] == tag


def test_a_word_of_a_noun_is_no_activity() -> None:
    assert "running" not in composed(evidence("photo", noun("running shoe")), caption="a running shoe").seo_tags


def test_another_script_leaves_a_plain_file_name() -> None:
    assert (
        composed(evidence("poster"), "7\u4eba\u5ea7\u4e0d\u7b49\u65bc\u884c\u674e").filename
        == "poster-in-blue-and-white"
    )


@pytest.mark.parametrize(
    ("caption", "title"),
    [
        (
            "a dog with a red collar and a blue leash looks at the ball behind the fence",
            "Dog with Red Collar and Blue Leash",
        ),
    ],
)
def test_a_title_is_not_cut_behind_a_verb(caption: str, title: str) -> None:
    things = [noun(text, 0.1, present=0.9) for text in ("collar", "leash", "ball", "fence")]

    assert composed(evidence("photo", noun("dog"), *things), caption=caption).title.startswith(title)


@pytest.mark.parametrize(
    ("caption", "tags"),
    [
        ("a dog is looking at the camera", ("dog",)),
        ("a dog in the air", ("dog",)),
        ("a couple of dogs on grass", ("dog", "grass")),
    ],
)
def test_what_is_no_thing_of_the_image_is_no_tag(caption: str, tags: tuple[str, ...]) -> None:
    things = [noun(text, 0.1, present=0.9) for text in ("camera", "air", "grass")]
    found = composed(evidence("photo", noun("dog"), *things), caption=caption).seo_tags

    assert set(tags) <= set(found)
    assert not {"camera", "air", "couple"} & set(found[: len(tags)])


@pytest.mark.parametrize(
    ("nouns", "alt"),
    [
        (("suspension bridge", "bridge"), "A suspension bridge"),
        (("road", "street"), "A road"),
        (("dog", "street"), "A dog on a street"),
    ],
)
def test_a_thing_is_not_set_in_itself(nouns: tuple[str, str], alt: str) -> None:
    main, place = nouns
    wider = {"suspension bridge": ("bridge",), "road": ("street",)}.get(main, ())

    assert composed(evidence("photo", noun(main, 0.9, *wider), noun(place, 0.1, present=0.9))).alt == alt


@pytest.mark.parametrize(
    ("kind", "alt"),
    [
        ("screenshot", 'A screenshot reading "Settings, Network"'),
        ("poster", 'A poster reading "Settings Network"'),
    ],
)
def test_labels_that_are_apart_are_quoted_with_commas(kind: str, alt: str) -> None:
    assert composed(evidence(kind), "Settings", "Network").alt == alt


def test_text_that_was_read_with_doubt_is_not_quoted() -> None:
    read = [replace(line, confidence=0.85) for line in lines("WAOR TO CMRT")]

    assert compose([], [], COLOR, evidence=evidence("poster"), lines=read).alt == "A poster"


def test_the_words_of_a_comic_are_no_tags() -> None:
    found = composed(evidence("comic", noun("dog")), "FOR CHRISTMAS I WANT A DRAGON!").seo_tags

    assert not any("dragon" in tag for tag in found)


def page(heading: str, height: float = 0.1) -> list[TextLine]:
    """Return a heading above three lines of a height of 0.05."""
    body = lines("Enter the user name", "that you were sent", "Continue", height=0.05)
    lower = [replace(line, top=line.top + 0.2, bottom=line.bottom + 0.2) for line in body]
    return [TextLine(heading, 0.99, 0.1, 0.0, 0.9, height), *lower]


@pytest.mark.parametrize(
    ("kind", "noun_of_kind", "title"),
    [
        ("screenshot", "web page", "Sign in to Your Account Web Page Screenshot"),
        ("screenshot", "screenshot", "Sign in to Your Account Screenshot"),
        ("document", "form", "Sign in to Your Account Form"),
    ],
)
def test_a_heading_titles_a_page_and_is_no_file_name(kind: str, noun_of_kind: str, title: str) -> None:
    found = compose([], [], COLOR, evidence=evidence(kind, noun(noun_of_kind)), lines=page("Sign in to your account"))

    assert found.title == title
    assert not any("sign" in word for word in (*found.filename_candidates, *found.seo_tags))
    assert not any("blue" in name for name in found.filename_candidates)


@pytest.mark.parametrize(("heading", "height"), [("Sign in to your account", 0.06), ("27 Star 58 Fork 39", 0.1)])
def test_a_line_as_large_as_others_and_numbers_are_no_heading(heading: str, height: float) -> None:
    found = compose([], [], COLOR, evidence=evidence("screenshot"), lines=page(heading, height))

    assert found.title.startswith("Screenshot")
