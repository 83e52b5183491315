import re
from collections import Counter
from pathlib import Path

import pytest

from workers.models.clip.tag_selection import words_of
from workers.models.clip.vocabulary import FILE, Term, fingerprint, own_terms, read_vocabulary

TERMS = read_vocabulary()
# Kinds that the composed words know, and nothing else: a misspelt one would be told of wrongly.
KINDS = {
    "", "animal", "plant", "food", "drink", "container", "tool", "appliance", "furniture", "household", "object",
    "office", "electronics", "instrument", "toy", "sport", "clothing", "accessory", "vehicle", "building",
    "structure", "landscape", "material", "person",
}  # fmt: skip
# What somebody is, comes from or is worth is not to be seen in a picture.
GUESSES = {
    "doctor", "nurse", "teacher", "lawyer", "policeman", "policewoman", "soldier", "businessman", "businesswoman",
    "chef", "farmer", "actor", "actress", "engineer", "secretary", "waitress", "maid", "boss", "thief",
    "criminal", "beautiful", "ugly", "pretty", "handsome", "sexy", "fat", "attractive", "disabled", "poor",
    "homeless", "refugee", "arab", "jew", "muslim", "christian", "wife", "husband",
    "mother", "father", "girlfriend", "boyfriend", "gay", "lesbian", "man", "woman", "boy", "girl",
}  # fmt: skip


def by_group() -> dict[str, list[Term]]:
    groups: dict[str, list[Term]] = {}
    for term in TERMS:
        groups.setdefault(term.group, []).append(term)
    return groups


def test_there_are_two_thousand_terms_and_more_in_many_groups() -> None:
    assert len(TERMS) >= 2000
    assert len(by_group()) >= 50
    assert max(Counter(term.group for term in TERMS).values()) < len(TERMS) / 10


def test_every_term_stands_once_whatever_its_number_and_its_words_order() -> None:
    seen: dict[frozenset[str], str] = {}
    twice = [
        (term.text, seen[key])
        for term in TERMS
        if (key := frozenset(words_of(term.text))) in seen or seen.setdefault(key, term.text) != term.text
    ]
    assert twice == []


def test_terms_are_short_lower_case_words() -> None:
    assert [t.text for t in TERMS if not re.fullmatch(r"[a-z0-9]+(?:[ '-]+[a-z0-9]+|')*", t.text)] == []
    assert [t.text for t in TERMS if len(t.text) > 30 or len(t.text.split()) > 5] == []


def test_nothing_is_guessed_of_people() -> None:
    assert [term.text for term in TERMS if GUESSES & {term.text, term.text.split()[-1]}] == []


def test_what_shops_and_photo_desks_search_for_is_there() -> None:
    texts = {term.text for term in TERMS}
    asked = (
        "car, jeans, wood, red, beach, running, pizza, dog, bicycle, christmas, vintage, portrait, sofa, laptop, sunset"
    )
    assert set(asked.split(", ")) <= texts


def test_groups_are_of_one_piece() -> None:
    for name, terms in by_group().items():
        assert len({(term.kind, term.rivals, term.most) for term in terms}) == 1, name
        assert terms[0].kind in KINDS, name


@pytest.mark.parametrize(
    ("text", "parent"),
    [
        ("beagle", "dog"),
        ("sports car", "car"),
        ("rose", "flower"),
        ("pint of beer", "beer"),
        ("car", ""),
        ("hot dog", ""),
        ("sea lion", ""),
        ("black and white", ""),
    ],
)
def test_a_closer_name_has_its_wider_word(text: str, parent: str) -> None:
    assert next(term.parent for term in TERMS if term.text == text) == parent


def test_what_stands_apart_is_a_term() -> None:
    marked = [
        text for line in FILE.read_text().splitlines() if line.startswith("apart:") for text in line[7:].split(", ")
    ]
    assert len(marked) > 10
    unkin = {term.text for term in TERMS if not term.text.endswith(term.parent or "\n")}
    assert set(marked) <= unkin


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("cat", "a photo of a cat"),
        ("jeans", "a photo of jeans, clothing"),
        ("umbrella", "a photo of an umbrella"),
        ("beagle", "a photo of a beagle, a kind of dog"),
        ("red", "a photo in which red is the main colour"),
        ("night", "a photo taken at night"),
        ("portrait", "a portrait"),
    ],
)
def test_a_prompt_is_english(text: str, prompt: str) -> None:
    assert next(term.prompt for term in TERMS if term.text == text) == prompt


def test_no_line_is_too_long_to_read() -> None:
    assert max(map(len, FILE.read_text().splitlines())) <= 120


def test_an_accounts_terms_have_no_kind_and_stand_once() -> None:
    own = own_terms(["acme widget", "logo mug", "acme widget"])
    assert [(term.text, term.prompt, term.kind) for term in own] == [
        ("acme widget", "a photo of acme widget", ""),
        ("logo mug", "a photo of logo mug", ""),
    ]


def test_the_fingerprint_tells_prompts_apart() -> None:
    assert fingerprint(TERMS) == fingerprint(read_vocabulary())
    assert len({fingerprint(TERMS), fingerprint(TERMS[1:]), fingerprint((*TERMS[1:], TERMS[0]))}) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("count: cat", "line 1"),
        ("[pets]\nprompt: {}\ncolour: red", "line 3"),
        ("[pets]\nprompt: {}\nmost: few", "most is 'few'"),
        ("[pets]\ncount: cat", "group 'pets' has no prompt"),
        ("[pets]\nprompt: a photo\ncount: cat", "group 'pets' has no prompt"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "vocabulary.txt").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_vocabulary(tmp_path / "vocabulary.txt")
