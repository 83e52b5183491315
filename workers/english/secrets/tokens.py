"""API keys, tokens, recovery codes, wallet seeds and strings that look like passwords."""

import re

_PREFIXES = re.compile(
    r"\b(?:(?:sk|pk|rk)[-_](?:live|test|proj|ant|or)?[-_]?[\w-]{8,}|(?:AKIA|ASIA|AROA)[A-Z0-9]{8,}|gh[pousr] ?_ ?\w{8,}"
    r"|github_pat_\w+|glpat-[\w-]{8,}|xox[abeprs]-[\w-]{6,}|A[Il1]za[\w-]{10,}|ya29\.[\w-]+|npm_\w{8,}|hf_\w{8,}"
    r"|SG\.[\w-]{8,}|dop_v1_\w+|pypi-\w{8,}|shp(?:at|ss)_\w+|whsec_\w+|bc1[a-z0-9]{10,}|eyJ[\w-]{6,})"
    r"|-{2,} ?(?:BEGIN|END) [A-Z ]*(?:KEY|CERTIFICATE|MESSAGE)|\bssh-(?:rsa|ed25519|dss) \S|\bAAAA[BC]3Nza"
)
_HEX = re.compile(r"(?i)(?<![0-9a-z])(?=[0-9a-f]*\d)(?=\d*[a-f])(?:0x)?[0-9a-f]{16,}(?![g-z])")
_HEX_GROUPS = re.compile(r"(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?:[0-9a-f]{2}[:-]){5,}[0-9a-f]{2}\b")
_SPACED_HEX = re.compile(r"(?i)(?<![0-9a-z])(?:[0-9a-f]{4} ){3,}[0-9a-f]{4}(?![0-9a-z])")
_CODE_GROUPS = re.compile(
    r"(?<![A-Za-z0-9-])(?:[A-Z0-9]{4,8}-){2,}[A-Z0-9]{4,8}(?![A-Za-z0-9-])|\b[a-z0-9]{4,6}-[a-z0-9]{4,6}\b"
)
_STRING = re.compile(r"[A-Za-z0-9_+=/-]{8,}")
# Chemical formulas and video formats: "C6H12O6", "1280x720p60".
_FORMULA = re.compile(r"C\d*H\d+(?:(?:O|N|S|P|Cl|Br|Na|K|F)\d*){0,4}|\d{2,5}x\d{2,5}[a-z]?\d{0,3}")
_SYMBOLS = set("!@#$%^&*?~")
# Of a string with letters and digits: how often they alternate in what nobody writes as a name.
_MIN_CHANGES = 4
_LONG, _LONG_CHANGES, _RANDOM_CASES = 20, 6, 0.35
_SEED_LENGTHS = (12, 15, 18, 21, 24)
# Bullets and brackets before the first word.
_OPENING = "([<>-*\u2022\u201c\"' "
_FUNCTION_WORDS = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "by", "de", "der", "die", "du", "el", "for", "from", "has", "have",
     "he", "her", "his", "i", "in", "is", "it", "its", "la", "le", "no", "not", "of", "on", "or", "our", "she",
     "so", "than",
     "that", "the", "their", "them", "they", "this", "to", "und", "us", "was", "we", "were", "what", "when", "which",
     "who", "will", "with", "you", "your")
)  # fmt: skip


def has_token(text: str) -> bool:
    """Return whether the text contains a key, token, recovery code or wallet seed."""
    return bool(
        _PREFIXES.search(text)
        or _HEX.search(text)
        or _HEX_GROUPS.search(text)
        or any(_is_mixed(match[0]) for match in _SPACED_HEX.finditer(text))
        or any(_is_code(match[0]) for match in _CODE_GROUPS.finditer(text))
        or any(_is_random(match[0]) for match in _STRING.finditer(text))
        or any(_is_password(word) for word in text.split())
        or _is_seed(text)
    )


def is_password_like(value: str) -> bool:
    """Return whether a word behind a label without colon is its value and no ordinary word."""
    value = value.strip(".,;:!?\"'()")
    changes_case = bool(re.search(r"[a-z][A-Z]", value))
    return len(value) > 2 and (any(not character.isalpha() for character in value) or changes_case)


def _is_mixed(text: str) -> bool:
    return any(character.isdigit() for character in text) and any(character.isalpha() for character in text)


def _is_code(text: str) -> bool:
    """Return whether most groups are mixed: "X7K2-99QF-M3RT", unlike "COVID-2020"."""
    groups = text.split("-")
    mixed = sum(_is_mixed(group) for group in groups)
    return mixed * 2 >= len(groups) if len(groups) > 2 else mixed == len(groups)


def _is_random(text: str) -> bool:
    if _FORMULA.fullmatch(text):
        return False
    changes = len(re.findall(r"(?i)[a-z](?=\d)|\d(?=[a-z])", text))
    if changes >= _MIN_CHANGES:
        return True
    cases = len(re.findall(r"[a-z](?=[A-Z])|[A-Z](?=[a-z])", text))
    if len(text) < _LONG:
        return False
    # Half of random letters change case, a quarter of those of a name such as AbstractFactoryBean.
    return (changes > 1 and changes + cases >= _LONG_CHANGES) or cases >= _RANDOM_CASES * len(text)


def _is_password(word: str) -> bool:
    """Return whether a word has small and capital letters, digits and symbols, as password rules require."""
    if len(word) < 8 or "://" in word or word.startswith(("#", "@", "www.")):
        return False
    classes = (str.islower, str.isupper, str.isdigit, _SYMBOLS.__contains__)
    return all(any(kind(character) for character in word) for kind in classes)


def _is_seed(text: str) -> bool:
    words = re.sub(r"\b\d{1,2}[.):]?(?=\s|$)", " ", text.lstrip(_OPENING)).split()
    return (
        len(words) in _SEED_LENGTHS
        and all(re.fullmatch(r"[a-z]{3,8}", word) for word in words)
        and not _FUNCTION_WORDS & set(words)
    )
