import re
from collections import Counter
from pathlib import Path

import pytest

from workers.models.clip.tag_selection import singular_words
from workers.models.clip.vocabulary import VOCABULARY_FILE, Term, account_terms, fingerprint, read_vocabulary

TERMS = read_vocabulary()
# The kinds that workers.composing handles: a misspelt one would produce wrong sentences.
KINDS = {
    "", "animal", "plant", "food", "drink", "container", "tool", "appliance", "furniture", "household", "object",
    "office", "electronics", "instrument", "toy", "sport", "clothing", "accessory", "vehicle", "building",
    "structure", "landscape", "material", "person",
}  # fmt: skip
# Professions, origins, looks and relations of people cannot be derived from an image.
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


def test_there_are_at_least_2000_terms_in_50_groups() -> None:
    assert len(TERMS) >= 2000
    assert len(by_group()) >= 50
    assert max(Counter(term.group for term in TERMS).values()) < len(TERMS) / 10


def test_terms_are_unique_regardless_of_number_and_word_order() -> None:
    by_words: dict[frozenset[str], str] = {}
    twice = [
        (term.text, by_words[key])
        for term in TERMS
        if (key := frozenset(singular_words(term.text))) in by_words or by_words.setdefault(key, term.text) != term.text
    ]
    assert twice == []


def test_terms_are_short_lower_case_words() -> None:
    assert [t.text for t in TERMS if not re.fullmatch(r"[a-z0-9]+(?:[ '-]+[a-z0-9]+|')*", t.text)] == []
    assert [t.text for t in TERMS if len(t.text) > 30 or len(t.text.split()) > 5] == []


def test_no_term_describes_profession_origin_or_looks_of_people() -> None:
    assert [term.text for term in TERMS if GUESSES & {term.text, term.text.split()[-1]}] == []


def test_common_search_terms_are_included() -> None:
    texts = {term.text for term in TERMS}
    common = (
        "car, jeans, wood, red, beach, running, pizza, dog, bicycle, christmas, vintage, portrait, sofa, laptop, sunset"
    )
    assert set(common.split(", ")) <= texts


def test_terms_of_a_group_share_kind_rivals_and_limit() -> None:
    for name, terms in by_group().items():
        assert len({(term.kind, term.rivals, term.max_tags) for term in terms}) == 1, name
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
def test_a_specific_term_has_its_parent(text: str, parent: str) -> None:
    assert next(term.parent for term in TERMS if term.text == text) == parent


def test_terms_marked_apart_exist_and_have_no_parent_by_last_word() -> None:
    marked = [
        text
        for line in VOCABULARY_FILE.read_text().splitlines()
        if line.startswith("apart:")
        for text in line[7:].split(", ")
    ]
    assert len(marked) > 10
    unrelated = {term.text for term in TERMS if not term.text.endswith(term.parent or "\n")}
    assert set(marked) <= unrelated


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
def test_prompts_have_articles_and_context(text: str, prompt: str) -> None:
    assert next(term.prompt for term in TERMS if term.text == text) == prompt


def test_lines_have_at_most_120_columns() -> None:
    assert max(map(len, VOCABULARY_FILE.read_text().splitlines())) <= 120


def test_an_account_s_terms_have_no_kind_and_are_unique() -> None:
    own = account_terms(["acme widget", "logo mug", "acme widget"])
    assert [(term.text, term.prompt, term.kind) for term in own] == [
        ("acme widget", "a photo of acme widget", ""),
        ("logo mug", "a photo of logo mug", ""),
    ]


def test_the_fingerprint_depends_on_the_prompts_and_their_order() -> None:
    prompts = [term.prompt for term in TERMS]
    assert fingerprint(prompts) == fingerprint(term.prompt for term in read_vocabulary())
    assert len({fingerprint(prompts), fingerprint(prompts[1:]), fingerprint((*prompts[1:], prompts[0]))}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("count: cat", "line 1"),
        ("[pets]\nprompt: {}\ncolour: red", "line 3"),
        ("[pets]\nprompt: {}\nmost: few", "most is 'few'"),
        ("[pets]\ncount: cat", "group 'pets' has no prompt"),
        ("[pets]\nprompt: a photo\ncount: cat", "group 'pets' has no prompt"),
    ],
)
def test_a_syntax_error_is_reported_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "vocabulary.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_vocabulary(tmp_path / "vocabulary.txt")
