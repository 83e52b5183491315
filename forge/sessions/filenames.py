"""File names, unique within a session regardless of case."""

import re
from collections.abc import Sequence

from django.db.models import QuerySet
from django.db.models.functions import Lower

from forge.models import Image

FILENAME_MAX_LENGTH = 80


def filename_choose(*, image: Image, candidates: Sequence[str]) -> str:
    """Return the first candidate, best first, that is free in the session; else the best one with a number.

    An image that is analysed again keeps its name while that fits: it may be published.
    """
    names = [name.lower() for name in candidates]
    if image.filename and _fits(image.filename, names):
        return image.filename
    # Names alone, and those in question alone: a session may hold thousands.
    others = Image.objects.filter(session=image.session_id).exclude(pk=image.pk)
    lowered = others.order_by().values_list(Lower("filename"), flat=True)
    taken = set(lowered.annotate(lower=Lower("filename")).filter(lower__in=names))
    return next((name for name in names if name not in taken), None) or _numbered(names[0], lowered)


def _numbered(best: str, lowered: "QuerySet[Image, str | None]") -> str:
    # The longest number shortens the name by the most.
    taken = set(lowered.filter(filename__istartswith=best[: FILENAME_MAX_LENGTH - 12].rstrip("-")))
    number = 2
    while (name := _with_number(best, number)) in taken:
        number += 1
    return name


def _with_number(best: str, number: int) -> str:
    return f"{best[: FILENAME_MAX_LENGTH - 1 - len(str(number))].rstrip('-')}-{number}"


def _fits(filename: str, names: Sequence[str]) -> bool:
    number = re.search(r"-(\d+)$", filename)
    return filename in names or (number is not None and filename == _with_number(names[0], int(number[1])))
