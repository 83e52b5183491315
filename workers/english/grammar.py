"""English, as much of it as a caption needs."""

import re
import unicodedata

# Sound, not spelling, decides between "a" and "an": "a unicorn", "a European", "an hour", "an umbrella".
_VOWEL_SOUND = re.compile(r"[aeiou]|hour|honest|honou?r|heir", re.IGNORECASE)
_CONSONANT_SOUND = re.compile(
    r"eu|ewe|one\b|once\b|ouija|u(?:ni(?![dmn])|s[eu]|sa[bg]|k[eu]|t[ei]|topi|ran|rin|biq)", re.IGNORECASE
)
# Read out letter by letter; other capitals are names that are read as words.
_SPELT = frozenset(
    ("CD", "CRT", "DJ", "DVD", "FM", "HD", "LCD", "LED", "LP", "MP", "MRI", "RV", "SUV", "TV", "UFO", "USB")
)
_LETTERS_SAID_WITH_VOWEL = frozenset("AEFHILMNORSX")

# In lower case within a title: the Chicago Manual of Style (18th edition, 8.160) keeps articles, conjunctions and
# prepositions of up to four letters small.
SMALL_WORDS = frozenset((
    "a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "into", "nor", "of", "off", "on", "onto", "or",
    "over", "per", "the", "to", "up", "with"
))  # fmt: skip
# A phrase cut after one of these is left hanging.
HANGING = SMALL_WORDS | frozenset((
    "is", "are", "was", "were", "be", "being", "its", "his", "her", "their", "this", "that", "these", "those",
    "it", "next", "very", "some", "near", "beside", "behind", "while", "which", "who", "whose", "where", "when",
    "there", "through", "between", "against", "about", "above", "below", "along", "around", "across", "under",
    "inside", "like", "than", "because", "if", "so", "then"
))  # fmt: skip
_DETERMINERS = frozenset(("a", "an", "the", "his", "her", "its", "their", "some", "another", "two", "three"))
# Verbs that want an object: "a man holding" is as unfinished as "a man holding a".
_WANTING = frozenset((
    "holding", "wearing", "carrying", "using", "containing", "featuring", "showing", "having", "making", "taking",
    "doing", "putting", "getting", "giving", "wears", "holds", "carries", "has", "have", "had"
))  # fmt: skip
# Of these only "of" or "to" makes a place; without it they end nothing.
_PLACE_OF = re.compile(
    r" (?:(?:on|at|in|to) (?:the )?(?:top|front|side|back|edge|middle|center|centre|corner|end|bottom)"
    r"|(?:with|by|in) an? (?:pair|group|bunch|couple|lot|number|variety|piece|row|pile)|close|attached|similar)$"
)
# Adjectives that cannot be the thing itself, as "an orange" can: "a dog with a brown" waits for its noun.
_ADJECTIVE = r"(?:black|white|gr[ea]y|red|pink|blue|green|yellow|brown|purple|beige|large|small|big|tall|long|wooden)"
_NOUNLESS = re.compile(
    rf" (an?|two|three|several|many|his|her|its|their)(?: (?:very|dark|light|bright))?"
    rf"(?: {_ADJECTIVE},?(?: and)?)* {_ADJECTIVE}$"
)
# Where a sentence can be cut with nothing missing before it.
_CLAUSE_BEGINS = frozenset((
    "on", "in", "at", "with", "by", "near", "next", "under", "over", "behind", "beside", "between", "against",
    "above", "below", "along", "around", "across", "through", "inside", "outside", "into", "onto", "from", "while",
    "and", "or", "but", "which", "that", "who", "where", "as", "for", "during", "is", "are",
    "down", "up", "off", "past", "toward", "towards", "before", "after"
))  # fmt: skip
_AUXILIARY = re.compile(
    r" (?:that |which |who )?(?:is|are|was|were)(?= (?:\w+ing|\w+ed|on|in|at|by|near|next|under|behind|beside)\b)"
)
_ARTICLE = re.compile(r"\ban? ([a-z][\w'-]*)")
# What headlines leave out. "A few" and "the same" mean something else without their article.
_LEFT_OUT = re.compile(r"(?<=\s)(?:an?|the) (?!(?:few|lot|bit|little|other|same|dozen|hundred|thousand)\b)")
PREPOSITIONS = frozenset((
    "on", "in", "at", "with", "by", "near", "next", "under", "over", "behind", "beside", "between", "against",
    "above", "below", "along", "around", "across", "through", "inside", "outside", "into", "onto", "from", "off",
    "to", "while", "for", "playing"
))  # fmt: skip
_ABBREVIATIONS = frozenset((
    "st", "mt", "dr", "mr", "mrs", "ms", "jr", "sr", "no", "vs", "etc"
))  # fmt: skip
_INVARIANT = frozenset((
    "species", "series", "sheep", "glasses", "lens", "bus", "gas", "canvas", "christmas", "asparagus", "cactus",
    "hippopotamus", "sunglasses", "eyeglasses", "goggles", "binoculars", "scissors", "jeans", "pants", "shorts",
    "trousers",
    "pajamas", "clothes", "headphones"
))  # fmt: skip


def article(phrase: str) -> str:
    """ "a" or "an", by the sound of the first word."""
    word = re.split(r"[\s-]", phrase.strip(), maxsplit=1)[0]
    if len(word) == 1 or word.rstrip("0123456789") in _SPELT:
        return "an" if word[0].upper() in _LETTERS_SAID_WITH_VOWEL else "a"
    return "an" if _VOWEL_SOUND.match(word) and not _CONSONANT_SOUND.match(word) else "a"


def with_article(noun: str, number: str) -> str:
    """`number` count, mass or plural; only what can be counted takes an article."""
    return f"{article(noun)} {noun}" if number == "count" else noun


def without_article(phrase: str) -> str:
    return re.sub(r"^(?:an?|the|some)\s+", "", phrase, flags=re.IGNORECASE)


def listed(words: list[str] | tuple[str, ...]) -> str:
    """ "red", "red and blue", "red, green and blue"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def capitalized(text: str) -> str:
    """Unlike str.capitalize, leaves the rest as it is; ß and ligatures keep their length."""
    first = text[:1].upper()
    return first + text[1:] if len(first) == 1 else text


def sentence(text: str) -> str:
    return capitalized(text.strip().rstrip(" .,;:!?-")) + "."


def title_case(text: str) -> str:
    """Capitals on all but short function words between the first and the last."""
    words = text.split()
    last = len(words) - 1
    return " ".join(
        word.lower() if word.lower() in SMALL_WORDS and 0 < place < last else _title_word(word)
        for place, word in enumerate(words)
    )


def _title_word(word: str) -> str:
    if re.match(r"[a-z]+[A-Z]", word):
        # iPad, eBay: a name knows its own capitals.
        return word
    parts = word.split("-")
    return "-".join(
        part if place and part.lower() in SMALL_WORDS - {"up"} else capitalized(part)
        for place, part in enumerate(parts)
    )


def singular(word: str) -> str:
    """A key that plural and singular share; not always a word."""
    if len(word) < 4 or word in _INVARIANT or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("shoes", "toes", "canoes")) and word not in {"potatoes", "tomatoes"}:
        return word[:-1]
    if word.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
        return word[:-2]
    return word.removesuffix("s")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ending with a clause or else at a word that can end a phrase."""
    if len(text) <= limit:
        return text
    words = text.split()
    count = len(text[: limit + 1].split()[:-1])
    phrase = _at_clause(words, count, least=max(1, count // 2)) or untrailed(words[:count], "".join(words[count:][:1]))
    return phrase if any(c.isalnum() for c in phrase) else text[:limit].strip()


def cut_words(words: list[str], limit: int, least: int) -> list[str]:
    """At most `limit` words, at least `least` where there are so many: the longest run that reads as whole."""
    if len(words) <= limit:
        return words
    kept = (_at_clause(words, limit, least) or untrailed(words[:limit], words[limit])).split()
    return kept if len(kept) >= least else words[:limit]


def _at_clause(words: list[str], count: int, least: int) -> str:
    """The most of the first `count` words that end where the next clause begins; "" if none does."""
    for place in range(count, least - 1, -1):
        before, word = words[place - 1], words[place].lower()
        if before.endswith((",", ";", ":")) or word in _CLAUSE_BEGINS or (word.endswith("ing") and len(word) > 5):
            phrase = untrailed(words[:place], word)
            if len(phrase.split()) >= least:
                return phrase
    return ""


def untrailed(words: list[str], next_word: str = "") -> str:
    """The words as a phrase, less the ones that leave it hanging; `next_word` is the first that was cut off."""
    kept = list(words)
    dropped = next_word.lower()
    while len(kept) > 1:
        last = kept[-1].lower().strip(".,;:")
        if dropped in {"of", "to"} and (place := _PLACE_OF.search(" ".join(kept).lower())):
            kept = " ".join(kept)[: place.start()].split()
        elif waiting := _NOUNLESS.search(" ".join(kept).lower()):
            kept, last = " ".join(kept)[: waiting.start()].split(), waiting[1]
        elif last in HANGING or not last.strip("-") or (dropped in _DETERMINERS and last in _WANTING):
            kept.pop()
        else:
            break
        dropped = last
    return " ".join(kept).rstrip(" ,;:-")


def headline(phrase: str) -> str:
    """ "a man is riding a wave" as titles and file names say it: "a man riding a wave"."""
    return _AUXILIARY.sub("", phrase, count=1)


def telegraphic(phrase: str) -> str:
    """ "man in a shirt on the beach" in the words of a headline that has little room: "man in shirt on beach"."""
    return _LEFT_OUT.sub("", phrase)


def articles_mended(phrase: str) -> str:
    """ "a elephant", "an dog": models choose the article before they know the word."""
    return _ARTICLE.sub(lambda found: f"{article(found[1])} {found[1]}", phrase)


def cleaned(text: str) -> str:
    """One line of printable text in NFKC; empty if there is not one letter or digit in it."""
    normal = unicodedata.normalize("NFKC", text)
    is_plain = normal.isascii() and normal.isprintable()
    visible = normal if is_plain else "".join(map(_visible, normal))
    line = " ".join(visible.replace("\u201c", '"').replace("\u201d", '"').split()).strip(" \"'`«»*_#")
    return line.lstrip(" -,.;:!?)]}") if any(c.isalnum() for c in line) else ""


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character)[0] == "C" else character


def first_sentence(text: str) -> str:
    words = text.split()
    for place, word in enumerate(words):
        stem = word.rstrip("\"')")
        if stem.endswith(("!", "?", ".", "。", "\uff01", "\uff1f")) and stem.rstrip(".").lower() not in _ABBREVIATIONS:
            return " ".join(words[: place + 1])
    return text


def unrepeated(text: str) -> str:
    """Less the words and groups of up to six words that are said again at once, as an unsure decoder does."""
    kept: list[str] = []
    keys: list[str] = []
    for word in text.split():
        kept.append(word)
        keys.append(word.lower().strip(".,;:!?\"'") or word)
        for size in range(1, 7):
            if len(keys) >= 2 * size and keys[-size:] == keys[-2 * size : -size]:
                del kept[-size:], keys[-size:]
                break
    return " ".join(kept)


def ascii_words(text: str) -> list[str]:
    """Lower-case runs of a-z and 0-9; accents are dropped, other scripts too."""
    plain = (
        unicodedata.normalize("NFKD", text.replace("'", "").replace("\u2019", "")).encode("ascii", "ignore").decode()
    )
    return re.findall(r"[a-z0-9]+", plain.lower())
