"""What options change in the words of models that take none, and in those of a model that has used them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vision_server import answer
from tests.workers.composing.evidence_factory import evidence, lines, noun
from workers.composing.metadata import ComposedMetadata
from workers.composing.requested.composed import compose_requested
from workers.composing.requested.words import has_word, without_word
from workers.composing.written.fields import compose_written
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption, Tag
from workers.models.evidence import Evidence, TextLine
from workers.models.options import FileText, Options
from workers.models.prompting.answer import BadAnswer, parse

FACTS = ImageFacts(1200, 800, ("blue", "white"))
CAPTION = Caption("a brown dog running on a beach with a yellow ball", 0.9)
DOG = evidence("photo", noun("dog", 0.9, "animal"), noun("animal", 0.92), noun("beach", 0.2, present=0.9))
TAGS = [Tag("beagle", 0.9, "animal", "dog"), Tag("ball", 0.6, "toy")]


def composed(
    found: Evidence = DOG,
    *,
    read: list[TextLine] | None = None,
    captions: tuple[Caption, ...] = (CAPTION,),
    blank: str = "",
    **options: Any,
) -> ComposedMetadata:
    return compose_requested(captions, TAGS, FACTS, Options(**options), evidence=found, lines=read, blank=blank)


def words(metadata: ComposedMetadata) -> str:
    fields = (metadata.title, metadata.alt, metadata.caption, metadata.description, *metadata.filename_candidates)
    return " ".join([*fields, *metadata.seo_tags]).replace("-", " ")


@pytest.mark.parametrize("found", [DOG, Evidence()], ids=["from evidence", "from captions"])
@pytest.mark.parametrize("most", [40, 60])
def test_the_alt_has_the_length_that_was_asked_for(found: Evidence, most: int) -> None:
    alt = composed(found, alt_max_length=most).alt

    assert 10 < len(alt) <= most
    assert composed(found).alt.startswith(alt)
    assert not alt.endswith((" with", " a", " on"))


@pytest.mark.parametrize("found", [DOG, Evidence()], ids=["from evidence", "from captions"])
@pytest.mark.parametrize("excluded", ["dog", "Dogs", "beach", "brown", "animal", "photo"])
def test_an_excluded_word_is_in_no_field(found: Evidence, excluded: str) -> None:
    metadata = composed(found, excluded_keywords=(excluded,))

    assert not has_word(words(metadata), excluded)
    assert all((metadata.title, metadata.alt, metadata.caption, metadata.description, metadata.seo_tags))
    assert metadata.filename_candidates[0]


def test_without_the_excluded_noun_the_wider_one_is_named() -> None:
    metadata = composed(
        captions=(CAPTION, Caption("an animal running on a beach", 0.5)), excluded_keywords=("dog", "beagle")
    )

    assert has_word(metadata.alt, "animal")


def test_excluded_text_in_the_image_is_not_quoted() -> None:
    poster = evidence("poster", text=0.9)

    assert has_word(words(composed(poster, read=lines("Summer Sale"))), "sale")
    assert not has_word(words(composed(poster, read=lines("Summer Sale"), excluded_keywords=("sale",))), "sale")


@pytest.mark.parametrize(
    ("keyword", "is_used"),
    [
        ("dog", True),
        ("Dogs", True),
        ("beagle", True),
        ("yellow ball", True),
        ("Acme", True),  # read in the image
        ("Acme dog", True),
        ("elephant", False),
        ("Acme elephant", False),
        ("woman", False),
        ("buy now", False),
    ],
)
def test_a_keyword_is_a_tag_where_the_image_supports_it(keyword: str, is_used: bool) -> None:
    metadata = composed(read=lines("Acme"), keywords=(keyword,))

    assert (keyword.lower() in metadata.seo_tags) == is_used
    assert metadata.unused_keywords == (() if is_used else (keyword,))


def test_without_keywords_none_is_named_as_unused() -> None:
    assert composed().unused_keywords is None


@pytest.mark.parametrize("count", [1, 2, 5])
def test_there_are_at_most_so_many_tags(count: int) -> None:
    assert composed(tag_count=count).seo_tags == composed().seo_tags[:count]


def test_people_are_neutral_or_not() -> None:
    person = evidence("photo", noun("person", 0.95), noun("man", 0.9, "person"), people=1)
    caption = (Caption("a man riding a bicycle", 0.9),)

    assert not has_word(composed(person, captions=caption).alt, "man")
    assert has_word(composed(Evidence(), captions=caption, gender_neutral=False).alt, "man")


# --- Decoration ---


@pytest.mark.parametrize(
    ("found", "blank", "is_decorative"),
    [
        (DOG, "white", True),
        (Evidence(), "transparent", True),
        (evidence("pattern", probability=0.95), "", True),
        (evidence("pattern", probability=0.8), "", False),
        (evidence("pattern", noun("person"), probability=0.95, people=2), "", False),
        (DOG, "", False),
    ],
)
def test_an_image_without_content_is_decorative_where_it_may_be(
    found: Evidence, blank: str, is_decorative: bool
) -> None:
    metadata = composed(found, blank=blank, decorative=True)

    assert (metadata.decorative, metadata.alt == "") == (is_decorative, is_decorative)
    assert all((metadata.title, metadata.caption, metadata.description, metadata.filename, metadata.seo_tags))
    assert composed(found, blank=blank).alt


def test_a_pattern_with_text_is_not_decorative() -> None:
    pattern = evidence("pattern", probability=0.99)

    assert not composed(pattern, read=lines("Velora"), decorative=True).decorative


# --- Text in the file ---


def test_supported_keywords_of_the_file_become_tags_and_none_is_unused() -> None:
    text = FileText(keywords=("yellow ball", "Elephant"))
    metadata = composed(file_text=text)

    assert "yellow ball" in metadata.seo_tags
    assert "elephant" not in metadata.seo_tags
    assert metadata.unused_keywords is None


# --- A model that has used the options ---

BICYCLE = evidence("photo", noun("bicycle", 0.9, "vehicle"))


def written(**fields: Any) -> ComposedMetadata:
    options = fields.pop("options")
    return compose_written(parse(answer(**fields)), FACTS, BICYCLE, options)


def test_keywords_that_a_model_did_not_use_are_named() -> None:
    metadata = written(options=Options(keywords=("Bicycles", "elephant")))

    assert metadata.unused_keywords == ("elephant",)


def test_a_keyword_that_the_evidence_contradicts_is_left_out() -> None:
    metadata = written(options=Options(keywords=("woman",)), seoTags=["woman", "bicycle", "brick wall"])

    assert "woman" not in metadata.seo_tags
    assert metadata.unused_keywords == ("woman",)


def test_an_excluded_word_that_a_model_repeats_is_cut_and_reviewed() -> None:
    metadata = written(options=Options(excluded_keywords=("brick",)), filename="bicycle-brick-wall")

    assert not has_word(words(metadata), "brick")
    assert metadata.alt == "A red bicycle leaning against a wall"
    assert metadata.needs_review
    assert "category" in written(options=Options(excluded_keywords=("cat",)), seoTags=["category"]).seo_tags


def test_a_model_may_find_an_image_decorative_and_our_evidence_doubt_it() -> None:
    options = Options(decorative=True)
    fields: dict[str, Any] = {"alt": "", "decorative": True, "kind": "pattern", "subject": "texture"}
    plain, crowd = evidence("pattern"), evidence("pattern", noun("person"), people=3)

    def judged(found: Evidence) -> ComposedMetadata:
        return compose_written(parse(answer(**fields), may_be_decorative=True), FACTS, found, options)

    assert (judged(plain).alt, judged(plain).decorative, judged(plain).needs_review) == ("", True, False)
    assert (judged(crowd).decorative, judged(crowd).needs_review) == (True, True)


@pytest.mark.parametrize("fields", [{"alt": "", "decorative": False}, {"alt": ""}, {"alt": "", "decorative": "no"}])
def test_an_empty_alt_alone_is_no_decoration(fields: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match="alt is missing"):
        parse(answer(**fields), may_be_decorative=True)
    with pytest.raises(BadAnswer, match="alt is missing"):
        parse(answer(alt="", decorative=True))


# --- Words in texts ---


@pytest.mark.parametrize(
    ("text", "word", "is_there"),
    [
        ("Two dogs", "dog", True),
        ("Hot dog stand", "hot-dog", True),
        ("A dogma", "dog", False),
        ("Категория кот", "кот", True),
        ("котлета", "кот", False),
        ("赤い自転車です", "自転車", True),
        ("Une école", "école", True),
    ],
)
def test_whole_words_are_found(text: str, word: str, is_there: bool) -> None:
    assert has_word(text, word) == is_there


def test_a_word_is_cut_with_its_article() -> None:
    assert without_word("A red elephant on a lawn", "red") == "An elephant on a lawn"
    assert without_word("A lawn with a dog", "dog") == "A lawn with"


@given(st.text(max_size=80), st.from_regex(r"[^\W_]{1,8}", fullmatch=True))
def test_nothing_is_left_of_a_word_that_is_cut(text: str, word: str) -> None:
    assert not has_word(without_word(text, word), word)


GREY = Caption("a gray cat beside colourful jewelry", 0.9)


@pytest.mark.parametrize(
    ("language", "own", "others"),
    [
        ("en", ("gray", "color", "jewelry"), ("grey", "colour", "jewellery")),
        ("en-US", ("gray", "color", "jewelry"), ("grey", "colour", "jewellery")),
        ("en-GB", ("grey", "colour", "jewellery"), ("gray", "color", "jewelry")),
        ("en-NZ", ("grey", "colour", "jewellery"), ("gray", "color", "jewelry")),
    ],
)
def test_every_field_has_the_spelling_of_the_region(
    language: str, own: tuple[str, ...], others: tuple[str, ...]
) -> None:
    metadata = composed(Evidence(), captions=(GREY,), language=language)

    texts = [words(metadata), metadata.filename, *metadata.seo_tags]
    assert own[0] in metadata.filename
    assert own[2] in " ".join(metadata.seo_tags)
    assert all(word in texts[0].lower() for word in own)
    assert not any(has_exactly(text, word) for text in texts for word in (*others, f"{others[1]}ful"))


def has_exactly(text: str, word: str) -> bool:
    return word in text.lower().replace("-", " ").split()


def test_the_callers_words_and_those_in_the_image_keep_their_spelling() -> None:
    read = lines("GREY THEATRE")
    sign = evidence("poster", noun("cat", 0.9, "animal"), text=0.99)
    metadata = composed(sign, captions=(GREY,), read=read, language="en", keywords=("jewellery",))

    assert "theatre" in words(metadata).lower()
    assert "theater" not in words(metadata).lower()
    keyword = composed(Evidence(), captions=(GREY,), language="en", keywords=("grey cat",))
    assert (keyword.seo_tags[0], keyword.unused_keywords) == ("grey cat", ())
    american = compose_requested(
        (GREY,), [Tag("grey cat", 0.9)], FACTS, Options(), evidence=Evidence(), lines=None, blank="", terms=["grey cat"]
    )
    assert "grey cat" in american.seo_tags


@pytest.mark.parametrize("language", ["en", "en-GB"])
@pytest.mark.parametrize("excluded", ["gray", "grey", "jewellery", "colourful"])
def test_an_excluded_word_is_excluded_in_every_spelling(language: str, excluded: str) -> None:
    metadata = composed(Evidence(), captions=(GREY, CAPTION), language=language, excluded_keywords=(excluded,))

    assert not has_word(words(metadata), excluded)
    other = {"gray": "grey", "grey": "gray", "jewellery": "jewelry", "colourful": "colorful"}[excluded]
    assert other not in words(metadata)


def test_a_longer_spelling_stays_within_the_limits() -> None:
    long = Caption("a colorful gray neighborhood center with colorful jewelry and colored armor in a harbor", 0.9)
    metadata = composed(Evidence(), captions=(long,), language="en-GB", alt_max_length=60)

    assert len(metadata.alt) <= 60
    assert all(len(name) <= 80 for name in metadata.filename_candidates)
