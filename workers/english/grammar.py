"""English grammar: articles, title case, truncation, normalization."""

import re
import unicodedata

# By sound, not spelling: "a unicorn", "an hour".
_VOWEL_SOUND = re.compile(r"[aeiou]|hour|honest|honou?r|heir", re.IGNORECASE)
_CONSONANT_SOUND = re.compile(
    r"eu|ewe|one\b|once\b|ouija|u(?:ni(?![dmn])|s[eu]|sa[bg]|k[eu]|t[ei]|topi|ran|rin|biq)", re.IGNORECASE
)
# Pronounced letter by letter: "an LCD", but "a NASA probe".
INITIALISMS = frozenset((
    "ATV", "BMX", "CAD", "CD", "CRT", "DJ", "DVD", "FM", "HD", "LCD", "LED", "LP", "MP", "MRI", "RV", "SUV", "TV",
    "UFO", "UML", "USB"
))  # fmt: skip
_LETTERS_WITH_VOWEL_SOUND = frozenset("AEFHILMNORSX")

# Lower case in titles (Chicago Manual of Style, 18th edition, 8.160).
SMALL_WORDS = frozenset((
    "a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "into", "nor", "of", "off", "on", "onto", "or",
    "over", "per", "the", "to", "up", "with"
))  # fmt: skip
# A phrase must not end with these.
DANGLING_WORDS = SMALL_WORDS | frozenset((
    "is", "are", "was", "were", "be", "being", "its", "his", "her", "their", "this", "that", "these", "those",
    "it", "next", "very", "some", "near", "beside", "behind", "while", "which", "who", "whose", "where", "when",
    "there", "through", "between", "against", "about", "above", "below", "along", "around", "across", "under",
    "inside", "like", "than", "because", "if", "so", "then"
))  # fmt: skip
DETERMINERS = frozenset(("a", "an", "the", "his", "her", "its", "their", "some", "another", "two", "three"))
_TRANSITIVE_VERBS = frozenset((
    "holding", "wearing", "carrying", "using", "containing", "featuring", "showing", "having", "making", "taking",
    "doing", "putting", "getting", "giving", "wears", "holds", "carries", "has", "have", "had"
))  # fmt: skip
# Incomplete without "of" or "to".
_COMPLEX_PREPOSITION = re.compile(
    r" (?:(?:on|at|in|to) (?:the )?(?:top|front|side|back|edge|middle|center|centre|corner|end|bottom)"
    r"|(?:with|by|in) an? (?:pair|group|bunch|couple|lot|number|variety|piece|row|pile)|close|attached|similar"
    r"|an? (?:[\w-]+ )?(?:bunch|pair|piece|slice))$"
)
# Never nouns, as "orange" may be.
_ADJECTIVE = r"(?:black|white|gr[ea]y|red|pink|blue|green|yellow|brown|purple|beige|large|small|big|tall|long|wooden)"
_ADJECTIVES_WITHOUT_NOUN = re.compile(
    rf" (an?|two|three|several|many|his|her|its|their)(?: (?:very|dark|light|bright))?"
    rf"(?: {_ADJECTIVE},?(?: and)?)* {_ADJECTIVE}$"
)
_CLAUSE_OPENERS = frozenset((
    "on", "in", "at", "with", "by", "near", "next", "under", "over", "behind", "beside", "between", "against",
    "above", "below", "along", "around", "across", "through", "inside", "outside", "into", "onto", "from", "while",
    "and", "or", "but", "which", "that", "who", "where", "as", "for", "during", "is", "are",
    "down", "up", "off", "past", "toward", "towards", "before", "after"
))  # fmt: skip
_AUXILIARY = re.compile(
    r" (?:that |which |who )?(?:is|are|was|were)(?= (?:\w+ing|\w+ed|on|in|at|by|near|next|under|behind|beside)\b)"
)
_INDEFINITE_ARTICLE = re.compile(r"\ban? ([a-z][\w'-]*)")
# "An another dog", "the a dog": the second determiner stays.
_DOUBLE_DETERMINER = re.compile(
    r"\b(?:an?|the) (?=(?:another|an?|the|some|his|her|its|their|my|your|our|these|those)\b(?![-'\u2019.]))"
)
# "A few" and "the same" need their article.
_OMITTED_ARTICLE = re.compile(r"(?<=\s)(?:an?|the) (?!(?:few|lot|bit|little|other|same|dozen|hundred|thousand)\b)")
PREPOSITIONS = frozenset((
    "on", "in", "at", "with", "by", "near", "next", "under", "over", "behind", "beside", "between", "against",
    "above", "below", "along", "around", "across", "through", "inside", "outside", "into", "onto", "from", "off",
    "to", "while", "for", "playing"
))  # fmt: skip
_ABBREVIATIONS = frozenset((
    "st", "mt", "dr", "mr", "mrs", "ms", "jr", "sr", "no", "vs", "etc"
))  # fmt: skip
_INVARIANT_NOUNS = frozenset((
    "species", "series", "sheep", "glasses", "lens", "bus", "gas", "canvas", "christmas", "asparagus", "cactus",
    "hippopotamus", "sunglasses", "eyeglasses", "goggles", "binoculars", "scissors", "jeans", "pants", "shorts",
    "trousers",
    "pajamas", "clothes", "headphones"
))  # fmt: skip


def indefinite_article(phrase: str) -> str:
    """Return "a" or "an"."""
    word = re.split(r"[\s-]", phrase.strip(), maxsplit=1)[0]
    if len(word) == 1 or word.rstrip("0123456789") in INITIALISMS:
        return "an" if word[0].upper() in _LETTERS_WITH_VOWEL_SOUND else "a"
    return "an" if _VOWEL_SOUND.match(word) and not _CONSONANT_SOUND.match(word) else "a"


def with_article(noun: str, number: str) -> str:
    """Prefix the article unless `number` is "mass" or "plural"."""
    return f"{indefinite_article(noun)} {noun}" if number == "count" else noun


def without_article(phrase: str) -> str:
    return re.sub(r"^(?:an?|the|some)\s+", "", phrase, flags=re.IGNORECASE)


def join_with_and(words: list[str] | tuple[str, ...]) -> str:
    """Join words as "red", "red and blue", "red, green and blue"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def capitalize_first(text: str) -> str:
    """Capitalize the first letter, except ß and ligatures, whose capital is longer."""
    first = text[:1].upper()
    return first + text[1:] if len(first) == 1 else text


def as_sentence(text: str) -> str:
    return capitalize_first(text.strip().rstrip(" .,;:!?-")) + "."


def title_case(text: str) -> str:
    words = text.split()
    last = len(words) - 1
    return " ".join(
        word.lower() if word.lower() in SMALL_WORDS and 0 < position < last else _title_word(word)
        for position, word in enumerate(words)
    )


def _title_word(word: str) -> str:
    if re.match(r"[a-z]+[A-Z]|\w+\.\w{2,}", word):
        # Brand names and addresses: iPad, example.com.
        return word
    parts = word.split("-")
    return "-".join(
        part if position and part.lower() in SMALL_WORDS - {"up"} else capitalize_first(part)
        for position, part in enumerate(parts)
    )


def singularize(word: str) -> str:
    """Return a key that singular and plural share; not always a word."""
    if len(word) < 4 or word in _INVARIANT_NOUNS or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("shoes", "toes", "canoes")) and word not in {"potatoes", "tomatoes"}:
        return word[:-1]
    if word.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
        return word[:-2]
    return word.removesuffix("s")


def truncate(text: str, limit: int) -> str:
    """Truncate to `limit` characters at a clause boundary or complete phrase."""
    if len(text) <= limit:
        return text
    words = text.split()
    count = len(text[: limit + 1].split()[:-1])
    phrase = _truncate_at_clause(words, count, least=max(1, count // 2)) or strip_dangling_words(
        words[:count], "".join(words[count:][:1])
    )
    return _close_quotation(phrase, limit) if any(c.isalnum() for c in phrase) else text[:limit].strip()


def _close_quotation(phrase: str, limit: int) -> str:
    """Close a quotation that was cut; without room for the mark, a word less of it is quoted."""
    if phrase.count('"') % 2 == 0:
        return phrase
    quoted = phrase if len(phrase) < limit else phrase.rpartition(" ")[0]
    return f'{quoted}"' if quoted.count('"') % 2 else quoted


def truncate_words(words: list[str], limit: int, least: int) -> list[str]:
    """Truncate to `least` to `limit` words at a complete phrase."""
    if len(words) <= limit:
        return words
    kept = (_truncate_at_clause(words, limit, least) or strip_dangling_words(words[:limit], words[limit])).split()
    return kept if len(kept) >= least else words[:limit]


def _truncate_at_clause(words: list[str], count: int, least: int) -> str:
    """Return the longest clause of `least` to `count` words, or ""."""
    for position in range(count, least - 1, -1):
        before, word = words[position - 1], words[position].lower()
        if before.endswith((",", ";", ":")) or word in _CLAUSE_OPENERS or (word.endswith("ing") and len(word) > 5):
            phrase = strip_dangling_words(words[:position], word)
            if len(phrase.split()) >= least:
                return phrase
    return ""


def strip_dangling_words(words: list[str], next_word: str = "") -> str:
    """Strip dangling words at the end; `next_word` is the first truncated word."""
    kept = list(words)
    dropped = next_word.lower()
    while len(kept) > 1:
        last = kept[-1].lower().strip(".,;:")
        if dropped in {"of", "to"} and (incomplete := _COMPLEX_PREPOSITION.search(" ".join(kept).lower())):
            kept, last = " ".join(kept)[: incomplete.start()].split(), "a"
        elif incomplete := _ADJECTIVES_WITHOUT_NOUN.search(" ".join(kept).lower()):
            kept, last = " ".join(kept)[: incomplete.start()].split(), incomplete[1]
        elif last in DANGLING_WORDS or not last.strip("-") or (dropped in DETERMINERS and last in _TRANSITIVE_VERBS):
            kept.pop()
        else:
            break
        dropped = last
    return " ".join(kept).rstrip(" ,;:-")


def headline(phrase: str) -> str:
    """Drop the first auxiliary verb: "a man riding a wave"."""
    return _AUXILIARY.sub("", phrase, count=1)


def telegraphic(phrase: str) -> str:
    """Drop the articles inside the phrase: "man in shirt on beach"."""
    return _OMITTED_ARTICLE.sub("", phrase)


def fix_articles(phrase: str) -> str:
    """Correct "a elephant", "an dog" and "an another dog"."""
    phrase = _DOUBLE_DETERMINER.sub("", phrase)
    return _INDEFINITE_ARTICLE.sub(lambda found: f"{indefinite_article(found[1])} {found[1]}", phrase)


def normalize_text(text: str) -> str:
    """Return one line in NFKC without control characters and outer quotes; "" without a letter or digit."""
    normal = unicodedata.normalize("NFKC", text)
    is_plain = normal.isascii() and normal.isprintable()
    visible = normal if is_plain else "".join(map(_without_control_character, normal))
    line = " ".join(visible.replace("\u201c", '"').replace("\u201d", '"').split()).strip(" \"'`«»*_#")
    return line.lstrip(" -,.;:!?)]}") if any(c.isalnum() for c in line) else ""


def _without_control_character(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character)[0] == "C" else character


def first_sentence(text: str) -> str:
    words = text.split()
    for position, word in enumerate(words):
        stem = word.rstrip("\"')")
        if stem.endswith(("!", "?", ".", "。", "\uff01", "\uff1f")) and stem.rstrip(".").lower() not in _ABBREVIATIONS:
            return " ".join(words[: position + 1])
    return text


def ascii_words(text: str) -> list[str]:
    """Return runs of a-z and 0-9, without accents and other scripts."""
    plain = (
        unicodedata.normalize("NFKD", text.replace("'", "").replace("\u2019", "")).encode("ascii", "ignore").decode()
    )
    return re.findall(r"[a-z0-9]+", plain.lower())
