"""What an answer's contents must not have: the context's own sentences, and excluded keywords."""

import re

from workers.models.options import Options
from workers.models.writer import Written

# So many words in a row are copied; fewer may be a name or a usual phrase.
_RUN = 8


def problem_of(written: Written, options: Options) -> str:
    """Return what a repair request names as the problem of usable fields; "" without one."""
    texts = (written.title, written.alt, written.caption, written.description)
    if any(_copies(text, options.context) for text in texts):
        return "it copies the context instead of describing the image in your own words"
    found = [word for word in options.excluded_keywords if any(_has(text, word) for text in texts)]
    return f"it uses the excluded keyword {found[0]!r}" if found else ""


def _copies(text: str, context: str) -> bool:
    words, source = _words(text), f" {' '.join(_words(context))} "
    runs = (words[start : start + _RUN] for start in range(len(words) - _RUN + 1))
    return any(f" {' '.join(run)} " in source for run in runs)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _has(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None
