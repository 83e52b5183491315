"""Whether a text copies another one: words in a row, in any language with spaces between words."""

import re

# So many words in a row are copied; fewer may be a name or a usual phrase.
RUN = 8


def has_copied_run(text: str, source: str) -> bool:
    words, known = _words(text), f" {' '.join(_words(source))} "
    runs = (words[start : start + RUN] for start in range(len(words) - RUN + 1))
    return any(f" {' '.join(run)} " in known for run in runs)


def is_part_of(text: str, source: str) -> bool:
    """Return whether the text is nothing but a part of the source."""
    words = " ".join(_words(text))
    return bool(words) and f" {words} " in f" {' '.join(_words(source))} "


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
