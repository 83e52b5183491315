"""The fields are written from evidence: kind first, then subject, people, text; nothing that no evidence supports."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.composing.evidence_factory import evidence, lines, noun
from workers.composing.drafts.subject import is_nameable, name_main, name_subject, other_things, phrase_of, setting
from workers.composing.metadata import ComposedMetadata, compose
from workers.english.labels import read_labels
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption, Tag
from workers.models.evidence import KINDS, PEOPLE, Evidence, NounEvidence, TextLine

FACTS = ImageFacts(1200, 800, ("blue", "white"))
WALLET = [Caption("a red wallet on a table", 0.95)]


def composed(found: Evidence, *texts: str, captions: list[Caption] | None = None) -> ComposedMetadata:
    return compose(captions or [], [], FACTS, evidence=found, lines=lines(*texts))


@pytest.mark.parametrize(
    ("kind", "subject", "texts", "alt"),
    [
        ("chart", "line chart", ["Model loss"], 'A line chart titled "Model loss"'),
        ("chart", "", ["epoch"], 'A chart reading "epoch"'),
        ("logo", "", ["Gadgets Gallery"], 'A logo reading "Gadgets Gallery"'),
        ("poster", "book cover", ["The Small Garden"], 'A book cover titled "The Small Garden"'),
        ("screenshot", "dialog", [], "A screenshot of a dialog"),
        ("document", "receipt", [], "A receipt"),
        ("map", "road map", [], "A road map"),
        ("painting", "watercolour", [], "A watercolour painting"),
        ("diagram", "flowchart", [], "A flow chart"),
        ("render", "", [], "A 3D render"),
        ("comic", "meme", ["THIS IS FINE"], 'A meme reading "THIS IS FINE"'),
        ("pattern", "gradient", [], "A colour gradient"),
        ("drawing", "", [], "A drawing"),
        ("illustration", "", [], "An illustration"),
    ],
)
def test_each_kind_has_its_own_wording_whatever_the_captioner_says(
    kind: str, subject: str, texts: list[str], alt: str
) -> None:
    found = composed(evidence(kind, *([noun(subject)] if subject else [])), *texts, captions=WALLET)

    assert found.alt == alt
    assert found.kind == kind
    assert "wallet" not in f"{found.alt} {found.title} {found.caption} {found.description} {found.seo_tags}"


def test_a_drawn_image_names_what_it_shows() -> None:
    assert composed(evidence("painting", noun("horse", 0.8, "animal"), noun("animal"))).alt == "A painting of a horse"
    assert composed(evidence("illustration", noun("person"), people=2)).alt == "An illustration of two people"


def test_the_narrowest_sure_noun_is_named_and_else_a_wider_one() -> None:
    sure = evidence("photo", noun("flower"), noun("rose", 0.7, "flower", "plant"))
    unsure = evidence("photo", noun("flower"), noun("rose", 0.2, "flower", "plant"))

    assert composed(sure).alt == "A rose"
    assert composed(unsure).alt == "A flower"


def test_a_sentence_is_kept_where_evidence_supports_all_its_things() -> None:
    caption = [Caption("a dog on a beach", 0.6)]
    dog, beach = noun("dog", 0.9, "animal"), noun("beach", 0.3, present=0.8)

    assert composed(evidence("photo", dog, beach), captions=caption).alt == "A dog on a beach"


@pytest.mark.parametrize(
    ("sentence", "alt"),
    [
        ("a necklace of colourful necklaces on white", "A necklace"),
        ("a necklace with a necklace and a necklace", "A necklace"),
        ("a necklace beside another necklace", "A necklace beside another necklace"),
    ],
)
def test_a_thing_is_not_named_twice(sentence: str, alt: str) -> None:
    found = evidence("photo", noun("necklace", 0.9, "jewellery"))

    assert composed(found, captions=[Caption(sentence, 0.9)]).alt == alt


@pytest.mark.parametrize(
    ("sentence", "alt"),
    [
        ("a cat is looking at a clock", "A cat"),
        ("a bench sitting in front of a clock", "A bench"),
        ("a cat is sleeping next to a clock", "A cat is sleeping"),
        ("a cat is sitting on a clock", "A cat is sitting"),
        ("a balloon flying over a clock", "A balloon flying"),
    ],
)
def test_a_sentence_that_is_cut_ends_in_a_noun_or_a_verb_that_stands_alone(sentence: str, alt: str) -> None:
    first = sentence.split()[1]
    found = evidence("photo", noun(first, 0.9))

    assert composed(found, captions=[Caption(sentence, 0.9)]).alt == alt


def test_a_wider_word_of_a_sentence_is_narrowed_to_the_main_thing() -> None:
    rabbits = noun("rabbit", 0.9, "animal"), noun("Angora rabbit", 0.8, "rabbit", "animal")
    found = evidence("photo", noun("animal"), *rabbits)
    grass = noun("grass", 0.1, present=0.8)
    found = replace(found, nouns=(*found.nouns, grass))

    for modifiers, name in (("furry", "An Angora rabbit"), ("black and white", "A black and white Angora rabbit")):
        captions = [Caption(f"a {modifiers} rabbit on grass", 0.8)]
        assert composed(found, captions=captions).alt == f"{name} on grass"
    assert composed(found, captions=[Caption("two rabbits on grass", 0.8)]).alt == "Two rabbits on grass"


@pytest.mark.parametrize("sentence", ["a dog and a clock", "a vase on a bench", "a person riding a skateboard"])
def test_a_sentence_with_a_thing_that_nothing_supports_is_replaced(sentence: str) -> None:
    found = composed(evidence("photo", noun("dog", 0.9, "animal")), captions=[Caption(sentence, 0.9)])

    assert found.alt == "A dog"
    assert not set(re.findall(r"\w+", sentence)) - {"a", "on", "and", "dog"} & set(found.seo_tags)


@pytest.mark.parametrize(("count", "words"), [(1, "A person"), (2, "Two people"), (3, "A group of people")])
def test_people_are_counted(count: int, words: str) -> None:
    assert composed(evidence("photo", noun("person"), people=count)).alt == words


@pytest.mark.parametrize(
    ("count", "alt"), [(1, "A person in a suit"), (2, "Two people in suits"), (3, "People in suits")]
)
def test_a_sentence_agrees_with_the_number_of_people(count: int, alt: str) -> None:
    sentences = ("two people in suits", "a person in a suit", "people in suits")
    captions = [Caption(sentence, 0.9) for sentence in sentences]
    found = evidence("photo", noun("person"), noun("suit", 0.1, present=0.9), people=count)

    assert composed(found, captions=captions).alt == alt


def test_no_person_is_named_without_evidence() -> None:
    found = composed(evidence("photo", noun("guitar")), captions=[Caption("a man playing a guitar", 0.9)])

    assert not {"man", "person", "people"} & set(re.findall(r"\w+", f"{found.alt} {found.description}".lower()))


def test_children_are_named_where_they_are_sure() -> None:
    found = evidence("photo", noun("person"), noun("child", 0.7, "person"), people=2)

    assert composed(found).alt == "Two children"


def test_a_tag_of_the_classifier_is_evidence_too() -> None:
    tag = Tag("beagle", 0.9, "animal", "dog")

    assert compose([], [tag], FACTS, evidence=evidence("photo", noun("animal"))).alt == "A beagle"


def test_a_tag_is_narrower_than_its_last_word() -> None:
    tag = Tag("proboscis monkey", 0.9, "animal", "primate")

    assert compose([], [tag], FACTS, evidence=evidence("photo", noun("monkey"))).alt == "A proboscis monkey"


def test_a_sentence_that_is_hardly_probable_is_not_used() -> None:
    found = evidence("photo", noun("monkey", 0.9, "animal"))

    assert composed(found, captions=[Caption("a false monkey", 0.08)]).alt == "A monkey"


def test_text_is_quoted_once_in_the_alt_and_whole_in_the_description() -> None:
    found = composed(evidence("screenshot"), "Settings", "Change your picture and your name", "Save")

    assert found.alt.count('"') == 2
    assert "Settings" in found.alt


@pytest.mark.parametrize(
    "secret", ["password: hunter22x", "someone@example.com", "4111 1111 1111 1111", "+49 170 1234567"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_secrets_are_in_no_field(kind: str, secret: str) -> None:
    found = compose([], [], FACTS, evidence=evidence(kind, noun("table")), lines=lines("Welcome back", secret))

    fields = " ".join(
        (*found.as_metadata()["seoTags"], found.alt, found.title, found.description, *found.filename_candidates)
    )
    assert secret not in fields
    assert "hunter22x" not in fields


@pytest.mark.parametrize("kind", ["document", "screenshot"])
def test_nothing_of_a_pages_body_goes_into_title_file_name_or_tags(kind: str) -> None:
    found = composed(evidence(kind), "Dear Mrs Miller", "your results are attached")

    assert "miller" in found.alt.lower()
    assert "miller" not in f"{found.title} {found.filename_candidates} {found.seo_tags}".lower()


@pytest.mark.parametrize("color", ["white", "black", "transparent"])
def test_a_blank_image_says_so_and_asks_for_review(color: str) -> None:
    found = compose(WALLET, [], FACTS, evidence=evidence("logo"), blank=color)

    assert found.alt == f"A blank {color} image"
    assert (found.kind, found.needs_review) == ("pattern", True)


def test_an_image_without_any_evidence_asks_for_review() -> None:
    found = composed(evidence("photo"))

    assert found.needs_review
    assert 0 < found.confidence < 0.1


def test_a_sure_kind_needs_no_review_and_an_unsure_one_does() -> None:
    assert not composed(evidence("chart", probability=0.97)).needs_review
    assert composed(evidence("chart", probability=0.2)).needs_review


def test_other_things_are_the_narrowest_and_no_relatives_of_the_subject() -> None:
    found = evidence(
        "photo",
        noun("dog", 0.9, "animal"),
        noun("animal", 0.9),
        noun("ball", 0.1, "toy", present=0.9),
        noun("toy", 0.1, present=0.9),
        noun("hat", 0.1, present=0.3),
    )

    assert [thing.noun for thing in other_things(found, {"dog"})] == ["ball"]
    assert [thing.noun for thing in other_things(found, {"cat"})] == ["dog", "ball"]


def test_a_thing_is_listed_once_under_names_with_the_same_last_word() -> None:
    found = evidence("photo", *(noun(text, 0.1, present=0.9) for text in ("t shirt", "T-shirt", "shirt", "tree")))

    assert [thing.noun for thing in other_things(found, {"person"})] == ["t shirt", "tree"]
    assert [thing.noun for thing in other_things(found, {"red shirt"})] == ["tree"]
    cup = evidence("photo", noun("cup of espresso", 0.1, present=0.9))
    assert other_things(cup, {"cup", "coffee"}) == []


def test_the_setting_is_named_where_it_is_sure() -> None:
    assert setting(evidence("photo", noun("kitchen", 0.1, present=0.9))) == "in a kitchen"
    assert setting(evidence("photo", noun("kitchen", 0.1, present=0.4))) == ""


@pytest.mark.parametrize(
    ("word", "phrase"),
    [("shoe", "shoes"), ("owl", "an owl"), ("glasses", "glasses"), ("bus", "a bus"), ("food", "food")],
)
def test_a_noun_has_the_article_of_its_usual_form(word: str, phrase: str) -> None:
    assert phrase_of(word) == phrase


def test_vague_nouns_name_no_subject() -> None:
    assert name_subject(evidence("photo", noun("thing"), noun("white background"), noun("body"))) is None
    assert name_main(evidence("photo", noun("thing"))) is None


share = st.floats(0, 1, allow_subnormal=False)
nouns = st.builds(
    NounEvidence,
    st.sampled_from(["dog", "animal", "person", "child", "beach", "shoe", "line chart", "book cover", "thing", "food"]),
    share,
    share,
    st.lists(st.sampled_from(["animal", "person", "clothing"]), max_size=2).map(tuple),
)
found_evidence = st.builds(
    Evidence,
    st.lists(share, min_size=len(KINDS), max_size=len(KINDS)).map(tuple),
    st.lists(share, min_size=len(PEOPLE), max_size=len(PEOPLE)).map(tuple),
    st.lists(nouns, max_size=8, unique_by=lambda each: each.noun).map(tuple),
    share,
)
found_lines = st.lists(
    st.builds(TextLine, st.text(min_size=1, max_size=60), share, share, share, share, share), max_size=6
)
found_captions = st.lists(st.builds(Caption, st.text(max_size=80), share), max_size=2)


@given(found_evidence, found_lines, found_captions, st.sampled_from(["", "", "white"]))
def test_any_evidence_gives_fields_within_the_contract(
    found: Evidence, text: list[TextLine], captions: list[Caption], blank: str
) -> None:
    words = compose(captions, [], FACTS, evidence=found, lines=text, blank=blank)

    assert 3 <= len(words.title.split()) <= 9
    assert 0 < len(words.alt) <= 250
    assert words.caption.endswith(".")
    assert len(re.findall(r"[.!?](?:\s|$)", words.description)) >= 2
    assert 3 <= len(words.seo_tags) == len(set(words.seo_tags)) <= 15
    assert all(tag == tag.lower() and 0 < len(tag) <= 40 for tag in words.seo_tags)
    assert words.filename == words.filename_candidates[0]
    assert all(
        re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", name) and len(name) <= 80 for name in words.filename_candidates
    )
    assert words.kind in KINDS
    assert 0 <= words.confidence <= 1


@pytest.mark.parametrize(("kind", "alt"), [("photo", "A bridge at night"), ("painting", "A painting of a bridge")])
def test_night_is_said_where_it_is_sure(kind: str, alt: str) -> None:
    sure, unsure = (
        compose([], [], FACTS, evidence=evidence(kind, noun("bridge"), noun("night", 0.1, present=present)))
        for present in (0.6, 0.4)
    )

    assert sure.alt == alt
    assert "night" in f"{sure.alt} {sure.description}"
    assert "night" in sure.seo_tags
    assert "night" not in f"{unsure.alt} {unsure.description} {unsure.seo_tags}"


def test_a_setting_that_the_phrase_names_is_not_said_again() -> None:
    found = evidence("photo", noun("city street", 0.9, "street"), noun("street", 0.1, present=0.9), noun("car", 0.3))

    assert "setting" not in compose([], [], FACTS, evidence=found).description


@pytest.mark.parametrize(
    ("height", "alt"), [(0.1, 'A mug, with the text "Best Baker"'), (0.03, "A mug")], ids=["large", "small"]
)
def test_large_text_in_a_photograph_is_in_the_alt_alone(height: float, alt: str) -> None:
    found = compose([], [], FACTS, evidence=evidence("photo", noun("mug")), lines=lines("Best Baker", height=height))

    assert found.alt == alt
    assert found.caption == "A mug."
    assert "baker" not in found.filename
    assert '"Best Baker" can be read' in found.description


def test_many_words_or_an_unknown_thing_keep_text_out_of_a_photographs_alt() -> None:
    words = "One two three four five six seven eight nine ten"

    assert compose([], [], FACTS, evidence=evidence("photo", noun("mug")), lines=lines(words)).alt == "A mug"
    assert "text" not in compose([], [], FACTS, evidence=evidence("photo"), lines=lines("Best Baker")).alt


@pytest.mark.parametrize(
    ("noun", "phrase"),
    [
        ("tennis", "tennis"),
        ("field hockey", "field hockey"),
        ("safety equipment", "safety equipment"),
        ("barbed wire", "barbed wire"),
        ("wire", "a wire"),
        ("hay", "hay"),
        ("house exterior", "a house"),
        ("uml diagram", "a UML diagram"),
        ("3d model", "a 3D model"),
        ("led", "an LED"),
        ("mexican aster", "a Mexican aster"),
        ("the sea and tree", "trees by the sea"),
        ("jean", "jeans"),
        ("sea", "the sea"),
        ("bead", "beads"),
        ("fog", "fog"),
        ("pixel art", "pixel art"),
        ("long sleeved shirt", "a long-sleeved shirt"),
    ],
)
def test_nouns_have_the_article_of_their_number(noun: str, phrase: str) -> None:
    assert phrase_of(noun) == phrase


def test_labels_have_an_article_where_they_are_counted() -> None:
    usual_plurals = {"maraca", "sandal", "sock"}
    labels = [label for label in read_labels() if is_nameable(label.name) and label.name not in usual_plurals]

    wrong = [x.name for x in labels if phrase_of(x.name).startswith(("a ", "an ")) != (x.number == "count")]

    assert wrong == []


@pytest.mark.parametrize("noun", ["old man", "two girl", "group of woman", "wife", "woman's face", "cartoon girl"])
def test_no_noun_guesses_a_persons_gender(noun: str) -> None:
    assert not is_nameable(noun)
