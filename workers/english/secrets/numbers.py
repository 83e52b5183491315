"""Numbers of cards, accounts, persons and telephones, with the letters that text recognition confuses with digits."""

import itertools
import re
from collections.abc import Sequence
from datetime import date

_CONFUSED = str.maketrans("OoQDIl|SBZ", "0000111582")
_WORD = re.compile(r"[A-Za-z0-9|]+")
_DIGITS_ONLY = re.compile(r"(?=.*\d)[0-9OoQDIl|SBZ]+|[OoIl|]{3,}|[OoQDIl|SBZ]{4}")

# What looks like a longer number and is none: removed before the patterns below are tried.
_HARMLESS = re.compile(
    r"\bISBN(?:-1[03])?:?\s*[\dXx][\dXx -]{8,16}"
    r"|(?<![\d-])97[89](?:[ -]?\d){10}(?![\d-])"  # ISBN-13
    r"|(?<![\d.,+])\d{1,3}(?:(?:,\d{3})+|(?:\.\d{3})+)(?:[.,]\d{1,2})?(?![\d.,]*\d)"  # thousands
    r"|(?<![\d.,])\d{1,4}[.,]\d+(?![.,]?\d)"  # decimal fractions
    r"|(?<![\d./-])(?:\d{4}([./-])\d\d?\1\d\d?|\d\d?([./-])\d\d?\2\d{4})(?![./-]?\d)"  # dates
    r"|(?<!\d)\d\d?:\d\d(?::\d\d)?(?!\d)"  # times
)
_SERIES = re.compile(r"(?<![\d.,-])\d+(?: \d+){2,}(?![\d.,-])")
_SHORT_DATE = re.compile(r"(\d\d)-(\d\d)-(\d\d)")
_COMPACT_DATES = (re.compile(r"(?:19|20)\d\d(\d\d)(\d\d)"), re.compile(r"(\d\d)(\d\d)(?:19|20)\d\d"))

_CARD = re.compile(
    r"(?<![\d,.])(?:\d{4}([ .-]?)\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ .-]?)\d{6}\2\d{4,5}"
    r"|\d{4} \d{4} \d{4})(?!\d)"
)
_MASKED_CARD = re.compile(r"(?:[*xX•·#]{4}[ -]?){2,3}\d{4}\b|[*•·#]{4,}[ -]?\d{3,4}\b")
_RUN = re.compile(r"(?<![\d.,])\d{8,}(?!\d|[.,]\d)")
_PERSON = re.compile(
    r"(?<![\d-])(?:\d{3}[- ]\d\d[- ]\d{4}|\d\d-\d{7})(?![\d-])"  # US: SSN, EIN
    r"|\b[12] ?\d\d ?[01]\d ?\d[\dAB] ?\d{3} ?\d{3} ?\d\d\b"  # French social security
)
# These are searched in the original: a final S is no 5, and the start of a CPF no number with thousands.
_PERSON_AS_WRITTEN = re.compile(
    r"\b[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D]\b"  # UK national insurance
    r"|\b\d{8} ?-? ?[A-HJ-NP-TV-Z]\b|\b[XYZ]-?\d{7}-?[A-Z]\b"  # Spanish DNI and NIE
    r"|\b[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]\b"  # Italian codice fiscale
    r"|\b[A-Z]{2}\d{8,12}\b"  # VAT
    r"|\b[A-Z]{1,2}\d{7,8}\b"  # passports
    r"|\b\d{3}\.\d{3}\.\d{3}-\d\d\b"  # Brazilian CPF
)
_SORT_CODE = re.compile(r"(?<![\d-])\d\d-\d\d-\d\d(?![\d-])")
_IBAN = re.compile(r"\b([A-Z]{2})(\d{2})((?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?)(?![A-Za-z0-9])")
_MRZ = re.compile(r"[A-Z0-9<«]{10,}")
_TELEPHONE = re.compile(
    r"\+ ?\(?\d(?:[ ()./-]{0,3}\d){6,14}"
    r"|(?<![\d.,-])(?:"
    r"00[1-9]\d(?:[ ()/-]{0,2}\d){6,12}"
    r"|(?:1[ .-])?\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}"  # North America
    r"|\(0\d{1,5}\) ?\d(?:[ -]?\d){4,9}"
    r"|0\d{1,5}(?:[ ]?[/-][ ]?\d{2,}|[ .]\d{2,})(?:[ .-]\d{2,}){0,4}"  # national, of 8 digits and more: see below
    r"|\d{3}-\d{4}|1300 \d{3} \d{3}|[689]\d{3}[ -]\d{4}|[67]\d\d \d{3} \d{3}"
    r")(?![\d-])"
)
_MIN_TELEPHONE_DIGITS = 7
# "00 15 30 45" is a series, "01 23 45 67 89" a French telephone number.
_MAX_PADDED_STEP = 15
_TELEPHONE_LABEL = re.compile(
    r"(?i)\b(?:tel|telephone|phone|ph|mobile|mob|cell|fax|call(?: us)?|text|sms|whatsapp|hotline|telefon|handy|mobil"
    r"|t[eé]l[eé]phone|t[eé]l|tel[eé]fono|cellulare|rufnummer|電話|电话)\b[^\w+(]{0,4}(?:no|nr|number)?[^\w+(]{0,3}"
    r"(?P<number>[+(]?\d(?:[ ()./-]{0,3}\d){4,})"
)


def has_private_number(text: str) -> bool:
    """Return whether the text contains a number of a card, an account, a person or a telephone."""
    if _MASKED_CARD.search(text) or _has_mrz(text) or _has_iban(text):
        return True
    digits = _with_digits(text)
    plain = _SERIES.sub(lambda match: ";" if _is_series(match[0]) else match[0], _HARMLESS.sub(" ; ", digits))
    return (
        any(not _is_series(match[0]) for match in _CARD.finditer(plain))
        or any(not _is_compact_date(match[0]) for match in _RUN.finditer(plain))
        or bool(_PERSON.search(plain) or _PERSON_AS_WRITTEN.search(text))
        or any(not _is_short_date(match[0]) for match in _SORT_CODE.finditer(plain))
        or _has_labelled_telephone(digits)
        or _has_telephone(plain)
    )


def _has_telephone(text: str) -> bool:
    found = (match[0] for match in _TELEPHONE.finditer(text))
    return any(_count_digits(number) >= _MIN_TELEPHONE_DIGITS and not _is_series(number) for number in found)


def _has_labelled_telephone(text: str) -> bool:
    return any(not _is_series(match["number"]) for match in _TELEPHONE_LABEL.finditer(text))


def _with_digits(text: str) -> str:
    """Return the text with O, l and the like as digits in words of nothing else; the length is the same."""

    def corrected(match: re.Match[str]) -> str:
        return match[0].translate(_CONFUSED) if _DIGITS_ONLY.fullmatch(match[0]) else match[0]

    return _WORD.sub(corrected, text)


def _count_digits(text: str) -> int:
    return sum(character.isdigit() for character in text)


def _is_series(text: str) -> bool:
    """Return whether the groups of digits are years or steps of an axis: "2018 2019 2020", "1000 2000 3000"."""
    groups = [int(group) for group in re.findall(r"\d+", text)]
    if len(groups) < 2 or text.startswith("+"):
        return False
    if all(1900 <= group <= 2099 for group in groups):
        return True
    steps = set(_steps(groups))
    limit = _MAX_PADDED_STEP if re.match(r"0\d", text) else max(groups)
    return len(groups) > 2 and len(steps) == 1 and 0 < abs(steps.pop()) <= limit


def _steps(groups: Sequence[int]) -> list[int]:
    return [later - earlier for earlier, later in itertools.pairwise(groups)]


def _is_compact_date(digits: str) -> bool:
    """Return whether it is like 20240131 or 31012024."""
    pairs = [match.groups() for pattern in _COMPACT_DATES if (match := pattern.fullmatch(digits))]
    return any(_is_day(*pair) or _is_day(*reversed(pair)) for pair in pairs)


def _is_short_date(text: str) -> bool:
    """Return whether it can be the date 31-12-24, 12-31-24 or 24-12-31."""
    match = _SHORT_DATE.fullmatch(text)
    if not match:
        return False
    first, second, third = match.groups()
    return any(_is_day(*pair) for pair in ((second, first), (first, second), (second, third)))


def _is_day(month: str, day: str) -> bool:
    try:
        date(2000, int(month), int(day))
    except ValueError:
        return False
    return True


def _has_iban(text: str) -> bool:
    """Return whether there is an IBAN, also one with a misread character: the checksum is not required."""
    return any(_count_digits(match[0]) >= 10 for match in _IBAN.finditer(text.upper()))


def _has_mrz(text: str) -> bool:
    """Return whether there is a line of a machine-readable passport zone."""
    return any(
        "<<" in match[0] or "«" in match[0] or match[0].count("<") > 2 for match in _MRZ.finditer(text.replace(" ", ""))
    )
