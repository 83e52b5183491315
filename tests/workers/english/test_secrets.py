"""Texts that are never quoted, and texts that look like them and are."""

import random
import string
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.english.secret_texts import HARMLESS, SECRETS
from tests.workers.models.ocr.drawings import line, words
from workers.english.secrets import is_secret, without_secrets
from workers.models.evidence import TextLine

CONFUSED = {"0": "O", "1": "l", "5": "S", "8": "B"}
WORDS = st.sampled_from(["please", "note", "see", "the", "sign", "left", "Open", "daily", "for", "members"])
SENTENCES = st.lists(WORDS, max_size=4).map(" ".join)
CARD_GROUPS = st.integers(0, 10**12 - 1).map(
    lambda rest: ["4111", *(f"{rest:012}"[start : start + 4] for start in (0, 4, 8))]
)


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_recognized(text: str) -> None:
    assert is_secret(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_texts_pass(text: str) -> None:
    assert not is_secret(text)


def test_the_tables_have_many_shapes() -> None:
    assert len(set(SECRETS)) >= 120
    assert len(set(HARMLESS)) >= 120


@given(st.sampled_from(SECRETS), SENTENCES)
def test_a_secret_behind_a_sentence_is_recognized(secret: str, sentence: str) -> None:
    # A wallet seed is recognized by its number of words.
    if len(secret.split()) < 12:
        assert is_secret(f"{sentence}: {secret}")


@given(st.sampled_from(SECRETS), st.sampled_from(["(", "\u201c", "- ", "\u2022 ", "> "]))
def test_a_secret_behind_a_mark_is_recognized(secret: str, mark: str) -> None:
    assert is_secret(mark + secret)


@given(CARD_GROUPS, st.sampled_from(["", " ", "-", "."]), SENTENCES)
def test_card_numbers_are_recognized_in_any_spacing(groups: list[str], separator: str, sentence: str) -> None:
    assert is_secret(f"{sentence} {separator.join(groups)} {sentence}")


@given(CARD_GROUPS, st.sets(st.sampled_from(sorted(CONFUSED))))
def test_card_numbers_with_misread_digits_are_recognized(groups: list[str], confused: set[str]) -> None:
    text = " ".join(groups)
    for digit in confused:
        text = text.replace(digit, CONFUSED[digit])

    assert is_secret(text)


@given(
    st.from_regex(r"[a-z]{2,10}([._][a-z0-9]{1,8})?", fullmatch=True),
    st.from_regex(r"[a-z]{3,10}\.(com|org|de|co\.uk|io)", fullmatch=True),
    st.sampled_from(["@", " @ ", "@ ", " @", "(at)", " (at) ", "[at]"]),
    SENTENCES,
)
def test_addresses_of_mail_are_recognized_in_any_spacing(name: str, domain: str, at: str, sentence: str) -> None:
    assert is_secret(f"{sentence} {name}{at}{domain} {sentence}")


@given(st.integers(10, 99), st.text(string.digits, min_size=8, max_size=11), st.sampled_from(["", " ", "-", ".", "/"]))
def test_international_telephone_numbers_are_recognized(country: int, digits: str, separator: str) -> None:
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]

    assert is_secret(f"+{country}{separator or ' '}{separator.join(groups)}")


@given(st.binary(min_size=8, max_size=32), st.booleans())
def test_hexadecimal_strings_are_recognized(value: bytes, capital: bool) -> None:
    text = value.hex()
    if any(character.isalpha() for character in text) or text.isdigit():
        assert is_secret(text.upper() if capital else text)


@given(st.integers(0, 2**32))
def test_random_keys_are_recognized(seed: int) -> None:
    source = random.Random(seed)
    text = "".join(source.choice(string.ascii_letters + string.digits) for _ in range(40))

    assert is_secret(text)


@given(
    st.sampled_from(["Password", "PIN", "API key", "Passwort", "Mot de passe", "Access token", "Security code"]),
    st.sampled_from([": ", ":", " = ", " : ", " is "]),
    st.text(string.ascii_letters + string.digits, min_size=1, max_size=20),
    st.sampled_from(
        [str, str.lower, str.upper, lambda text: text.replace("o", "0"), lambda text: text.replace("i", "l")]
    ),
)
def test_labelled_values_are_recognized(label: str, separator: str, value: str, written: Callable[[str], str]) -> None:
    assert is_secret(written(label) + separator + value)


@given(st.integers(1900, 2099), st.sampled_from(["{}", "{}-{}", "Summer {}", "\u00a9 {}", "{} {} {}", "Est. {}"]))
def test_years_pass(year: int, form: str) -> None:
    assert not is_secret(form.format(year, year + 1, year + 2))


@given(
    st.integers(0, 99_999), st.integers(0, 99), st.sampled_from(["${:,}.{:02}", "{}.{:02} \u20ac", "Only {:,}.{:02}!"])
)
def test_prices_pass(whole: int, cents: int, form: str) -> None:
    assert not is_secret(form.format(whole, cents))


@given(
    st.dates(date(1900, 1, 1), date(2099, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d %B %Y", "%d-%m-%y", "%d/%m/%y"]),
)
def test_dates_pass(day: date, form: str) -> None:
    assert not is_secret(format(day, form))


@given(st.lists(st.integers(0, 99).map(str), min_size=3, max_size=3), st.sampled_from(["v", "Version ", ""]))
def test_versions_pass(parts: list[str], prefix: str) -> None:
    assert not is_secret(prefix + ".".join(parts))


@given(st.integers(0, 1000), st.sampled_from([1, 2, 5, 10, 20, 25, 50, 100, 250, 500, 1000]), st.integers(3, 10))
def test_labels_of_an_axis_pass(first: int, step: int, count: int) -> None:
    assert not is_secret(" ".join(str(first * step + step * number) for number in range(count)))


@given(st.text())
def test_any_text_is_decided(text: str) -> None:
    assert is_secret(text) in {True, False}


def form(*rows: tuple[str, str]) -> list[TextLine]:
    """Return labels on the left with values beside them."""
    return [
        cell
        for number, (label, value) in enumerate(rows)
        for cell in (line(label, 0.05, 0.1 + 0.1 * number), line(value, 0.5, 0.1 + 0.1 * number))
    ]


def test_a_value_beside_its_label_is_left_out() -> None:
    lines = form(("Name", "Jane"), ("Password:", "sunflower"), ("PIN", "4821"), ("City", "Paris"))

    assert words(without_secrets(lines)) == ["Name", "Jane", "Password:", "PIN", "City", "Paris"]


def test_a_value_below_its_label_is_left_out() -> None:
    lines = [line("WiFi password", 0.1, 0.1), line("sunflower", 0.1, 0.17), line("Welcome to the cafe", 0.1, 0.5)]

    assert words(without_secrets(lines)) == ["WiFi password", "Welcome to the cafe"]


def test_columns_of_labels_and_values_are_matched_by_position() -> None:
    labels = [line("Account No.", 0.05, 0.1), line("Password:", 0.05, 0.2), line("Branch", 0.05, 0.3)]
    values = [line("1234", 0.5, 0.1), line("correct horse", 0.5, 0.2), line("High Street", 0.5, 0.3)]

    assert words(without_secrets([*labels, *values])) == ["Account No.", "Password:", "Branch", "High Street"]


def test_a_sentence_below_a_label_without_colon_is_kept() -> None:
    lines = [line("Password", 0.1, 0.1), line("Forgot your password", 0.1, 0.17)]

    assert without_secrets(lines) == lines


def test_a_number_in_several_boxes_of_a_row_is_left_out() -> None:
    groups = [line(text, 0.1 + 0.2 * number, 0.5) for number, text in enumerate(("4111", "1111", "1111", "1111"))]
    lines = [line("Valid card", 0.1, 0.2), *groups]

    assert words(without_secrets(lines)) == ["Valid card"]


def test_years_in_several_boxes_are_kept() -> None:
    lines = [line(text, 0.1 + 0.2 * number, 0.5) for number, text in enumerate(("2018", "2019", "2020", "2021"))]

    assert without_secrets(lines) == lines


def test_an_address_in_two_boxes_is_left_out() -> None:
    lines = [line("Write to us", 0.1, 0.1), line("jane.doe", 0.1, 0.5), line("@example.com", 0.4, 0.5)]

    assert words(without_secrets(lines)) == ["Write to us"]


def test_a_private_key_is_left_out_to_its_end() -> None:
    texts = ["Server", "-----BEGIN PRIVATE KEY-----", "abc def", "ghi", "-----END PRIVATE KEY-----", "Notes"]
    lines = [line(text, 0.1, 0.1 * number) for number, text in enumerate(texts)]

    assert words(without_secrets(lines)) == ["Server", "Notes"]


def test_everything_behind_the_heading_of_a_wallet_seed_is_left_out() -> None:
    texts = ["My wallet", "Recovery phrase", "1. legal", "2. winner", "3. thank"]
    lines = [line(text, 0.1, 0.1 * number) for number, text in enumerate(texts)]

    assert words(without_secrets(lines)) == ["My wallet", "Recovery phrase"]


@given(st.lists(st.sampled_from([*SECRETS, *HARMLESS]), max_size=8))
def test_no_secret_is_returned_and_the_order_is_kept(texts: list[str]) -> None:
    lines = [line(text, 0.1, 0.1 * number) for number, text in enumerate(texts)]
    kept = without_secrets(lines)

    assert not any(is_secret(kept_line.text) for kept_line in kept)
    assert kept == [one for one in lines if one in kept]
