from collections.abc import Sequence

from forge.models import Image

MAX_LENGTH = 80


def filename_free(*, image: Image, candidates: Sequence[str]) -> str:
    """The first of the names, best first, that no other image of the session has; else the best one with a number."""
    others = Image.objects.filter(session=image.session_id, filename__isnull=False).exclude(pk=image.pk)
    taken = set(others.values_list("filename", flat=True))
    for name in candidates:
        if name not in taken:
            return name
    number = 2
    while (numbered := f"{candidates[0][: MAX_LENGTH - 1 - len(str(number))].rstrip('-')}-{number}") in taken:
        number += 1
    return numbered
