"""Phrases about the image itself, such as "a black and white photo of".

Screen readers announce the image already (W3C's alt decision tree, WCAG technique G94).
"""

import re

from workers.english.caption_cleanup.content import is_function_word
from workers.english.grammar import DANGLING_WORDS

_PHOTO_NOUNS = r"image|picture|photo|photograph|photography|pic|snapshot"
_PHOTO = rf"(?:{_PHOTO_NOUNS})s?"
_IMAGE = rf"(?:{_PHOTO_NOUNS}|shot|drawing|painting|illustration|screenshot|graphic|portrait|footage)s?"
# A closed list: "a man holding a photo of a dog" is no opening.
_IMAGE_ADJECTIVES = (
    r"(?:(?:black|and|white|black-and-white|monochrome|monochromatic|gr[ea]yscale|sepia|sepia-toned|toned|tinted|faded"
    r"|antique|retro|colou?red|colou?ri[sz]ed|close|up|close-up|closeup|blurry|blurred|grainy|old|vintage|aerial|colou?r"
    r"|digital|stock|cropped|beautiful|nice|great|low|high|quality|night|studio|product|professional|dark|bright|wide|tall|square"
    r"|small|large|panoramic|arafed|araffe\w*|red|blue|green|yellow|pink|purple|orange|brown)\s+)*"
)
_EXISTENTIAL = r"(?:this|here|it)\s+is\s+|there\s+(?:is|are)\s+"
_DETERMINER = r"(?:(?:an?|the|this|some)\s+)?"
_SHOWING = r"of|showing|shows|depicting|depicts|featuring|features"
_PHOTO_OPENING = re.compile(rf"^(?:{_EXISTENTIAL})?{_DETERMINER}{_PHOTO}\s+(?:{_SHOWING})\b\s*", re.IGNORECASE)
_IMAGE_OPENING = re.compile(
    rf"^(?:{_EXISTENTIAL}|(?:in|on)\s+)?{_DETERMINER}{_IMAGE_ADJECTIVES}{_IMAGE}"
    rf"\s*(?:(?:{_SHOWING}|contains|is)\b[\s:]*|:\s*|,?\s*(?:we|you|i|one)\s+(?:can\s+)?(?:see|observe)\s+)",
    re.IGNORECASE,
)
_PHOTO_CLOSING = re.compile(rf"\s+in\s+(?:an?|the|this)\s+{_PHOTO}$", re.IGNORECASE)
# BLIP's large checkpoint emits "arafed" and "araffe" before the first noun.
_ARAFED_OR_EXISTENTIAL = re.compile(
    r"(?<= )a?raf+(?:ed|es?|eed)?\b\s*|^(?:there|here)(?:\s+(?:is|are)|['\u2019]s)\s+|^(?:we|you|i)\s+can\s+see\s+",
    re.IGNORECASE,
)
_ARAFED_FIRST = re.compile(r"^araf+(?:ed|es?|eed)?\s+", re.IGNORECASE)
_BARE_IMAGE = re.compile(
    rf"^(?:an?\s+|the\s+|this\s+(?:is\s+)?)*{_IMAGE_ADJECTIVES}"
    rf"(?:{_IMAGE}|close[- ]?up|view|caption)(?:\s+(?:of|is))?$",
    re.IGNORECASE,
)


def strip_photo_phrases(text: str) -> str:
    """Strip "a picture of" and, at the end, "in the picture"."""
    return _PHOTO_CLOSING.sub("", _PHOTO_OPENING.sub("", text))


def strip_image_openings(text: str) -> str:
    """Strip openings about the image, "there is", "we can see" and "arafed"."""
    while (stripped := _without_opening(text)) != text:
        text = stripped
    return text


def _without_opening(text: str) -> str:
    return _ARAFED_FIRST.sub("a ", _ARAFED_OR_EXISTENTIAL.sub("", _IMAGE_OPENING.sub("", text))).lstrip(" ,:-")


def has_content(text: str) -> bool:
    """Return whether the text has a word besides dangling ones and is no bare "a picture"."""
    words = re.findall(r"[^\W\d_]{2,}", text.lower())
    return any(word not in DANGLING_WORDS for word in words) and not _BARE_IMAGE.match(text)


def has_content_besides_photo(text: str) -> bool:
    """Return whether the text has a content word other than "photo"."""
    words = [word for word in re.findall(r"[^\W\d_]{2,}", text) if not is_function_word(word)]
    return any(not re.fullmatch(_PHOTO, word) for word in words)
