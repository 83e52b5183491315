"""File names, unique within a session regardless of case."""

import re
from collections.abc import Sequence

from forge.models import Image

FILENAME_MAX_LENGTH = 80


def filename_choose(*, image: Image, candidates: Sequence[str]) -> str:
    """Return the first candidate, best first, that is free in the session; else the best one with a number.

    An image that is analysed again keeps its name while that fits: it may be published.
    """
    names = [name.lower() for name in candidates]
    if image.filename and _fits(image.filename, names):
        return image.filename
    others = Image.objects.filter(session=image.session_id, filename__isnull=False).exclude(pk=image.pk)
    taken = {name.lower() for name in others.values_list("filename", flat=True) if name}
    return next((name for name in names if name not in taken), None) or _numbered(names[0], taken)


def _numbered(best: str, taken: set[str]) -> str:
    number = 2
    while (name := _with_number(best, number)) in taken:
        number += 1
    return name


def _with_number(best: str, number: int) -> str:
    return f"{best[: FILENAME_MAX_LENGTH - 1 - len(str(number))].rstrip('-')}-{number}"


def _fits(filename: str, names: Sequence[str]) -> bool:
    number = re.search(r"-(\d+)$", filename)
    return filename in names or (number is not None and filename == _with_number(names[0], int(number[1])))
