import pytest

from workers.english import grammar


@pytest.mark.parametrize(
    "phrase",
    [
        "an espresso", "a cat", "an hourglass", "a unicycle", "an umbrella", "a ukulele", "an upright piano",
        "a European", "a one-armed bandit", "an ox", "a yurt", "a uniform", "an unusual cup", "a CRT screen",
        "an SUV", "an MP3 player", "a university", "an urn", "an ice cream", "a horse", "an honest man", "a utensil",
        "an X-ray", "an uninvited cat", "a USB stick", "an unidentified object", "a used car", "an usher",
        "a eucalyptus", "an iPod", "an echidna",
    ],
)  # fmt: skip
def test_article_follows_the_sound(phrase: str) -> None:
    assert f"{grammar.indefinite_article(phrase.split(' ', 1)[1])} {phrase.split(' ', 1)[1]}" == phrase


def test_only_count_nouns_take_an_article() -> None:
    assert grammar.with_article("espresso", "count") == "an espresso"
    assert grammar.with_article("guacamole", "mass") == "guacamole"
    assert grammar.with_article("sunglasses", "plural") == "sunglasses"


def test_title_case_keeps_small_words_and_brand_names() -> None:
    assert grammar.title_case("a cat on the iPad of a NASA man") == "A Cat on the iPad of a NASA Man"
    assert grammar.title_case("jack-o'-lantern and black-and-white cow") == "Jack-O'-Lantern and Black-and-White Cow"


@pytest.mark.parametrize(
    ("plural", "key"),
    [("cars", "car"), ("boxes", "box"), ("cherries", "cherry"), ("glass", "glass"), ("bus", "bus"), ("dishes", "dish"),
     ("tomatoes", "tomato"), ("iris", "iris"), ("horses", "horse"), ("gas", "gas"), ("shoes", "shoe"), ("jeans",
     "jeans"), ("sunglasses", "sunglasses")],
)  # fmt: skip
def test_singular_and_plural_share_a_key(plural: str, key: str) -> None:
    assert grammar.singularize(plural) == grammar.singularize(key) == key


def test_truncated_text_ends_at_a_word_that_can_end_a_phrase() -> None:
    assert grammar.truncate("a cat sitting on a wooden table", 24) == "a cat sitting"
    assert grammar.truncate("a cat", 24) == "a cat"
    assert grammar.truncate("x" * 50, 24) == "x" * 24
    assert grammar.truncate("a cat on a rock in front of a house", 28) == "a cat on a rock"
    assert grammar.truncate("a man in a hat holding an umbrella", 25) == "a man in a hat"


@pytest.mark.parametrize("limit", range(10, 50))
def test_a_truncated_quotation_is_closed_within_the_limit(limit: int) -> None:
    found = grammar.truncate('a poster reading "Best Baker of Town near you and me"', limit)

    assert found.count('"') % 2 == 0
    assert len(found) <= limit
    assert found.startswith("a poster")


@pytest.mark.parametrize(
    ("words", "next_word", "phrase"),
    [
        ("a cat on top of", "", "a cat"),
        ("a table with a bunch of", "", "a table"),
        ("a person holding a", "", "a person"),
        ("a person holding", "an", "a person"),
        ("a bowl with berries on top", "", "a bowl with berries on top"),
        ("a cat next to the", "", "a cat"),
        ("a dog playing with a brown", "", "a dog playing"),
        ("a dog with a brown", "and", "a dog"),
        ("a woman in a black and white", "striped", "a woman"),
        ("two dogs on a very large", "", "two dogs"),
        ("a man in shorts holds a white", "cube", "a man in shorts"),
        ("a woman dressed in black and white", "", "a woman dressed in black and white"),
        ("a bowl with an apple and an orange", "", "a bowl with an apple and an orange"),
        ("a bear with its young", "", "a bear with its young"),
    ],
)
def test_dangling_words_are_stripped(words: str, next_word: str, phrase: str) -> None:
    assert grammar.strip_dangling_words(words.split(), next_word) == phrase


def test_first_sentence_does_not_end_at_an_abbreviation() -> None:
    assert grammar.first_sentence("A dog at St. Ives. It barks.") == "A dog at St. Ives."


def test_control_characters_and_quotes_are_removed() -> None:
    assert grammar.normalize_text(' \u200b"a\u0000 cat\n\tsleeps" ') == "a cat sleeps"
    assert grammar.normalize_text("?!… --") == ""


def test_words_are_joined_with_commas_and_and() -> None:
    assert [grammar.join_with_and(words) for words in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == [
        "", "a", "a and b", "a, b and c",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("phrase", "short"),
    [
        ("man in a blue shirt on the beach", "man in blue shirt on beach"),
        ("the end of the road", "the end of road"),
        ("table with a few of the same plates", "table with a few of the same plates"),
        ("woman with an apple and theatre tickets", "woman with apple and theatre tickets"),
    ],
)
def test_telegraphic_headline_has_no_articles(phrase: str, short: str) -> None:
    assert grammar.telegraphic(phrase) == short


@pytest.mark.parametrize(
    ("words", "following", "kept"),
    [
        ("a person holding a piece of", "cake", "a person"),
        ("a child is eating a slice of", "a", "a child is eating"),
        ("a cat on top of", "a", "a cat"),
        ("a slice of", "pizza", "a slice"),
    ],
)
def test_a_part_without_its_whole_is_stripped(words: str, following: str, kept: str) -> None:
    assert grammar.strip_dangling_words(words.split(), following) == kept
