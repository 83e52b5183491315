"""The words of an image by which its session is found: one row an image, written where the words change."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from forge.models import Image, ImageWords, Session

MAX_QUERY_WORDS = 10
_WORD = re.compile(r"[^\W_]+")
_MAX_WORD, _MAX_WORDS = 40, 300


def words_of(*texts: str) -> list[str]:
    """Return the distinct words in lower case, in their order."""
    found = (word[:_MAX_WORD] for text in texts for word in _WORD.findall(text.casefold()))
    return list(dict.fromkeys(found))[:_MAX_WORDS]


def words_record(session: Session, images: Iterable[Image]) -> None:
    """Replace the words of images, in the transaction that changes them."""
    rows = [
        ImageWords(
            image=image,
            session=session,
            account_id=session.account_id,
            words=words_joined(image.original_filename, image.metadata or {}, image.translations),
        )
        for image in images
    ]
    ImageWords.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["image"], update_fields=["words"], batch_size=500
    )


def words_joined(
    original_filename: str, metadata: Mapping[str, Any], translations: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    described = [metadata, *(translations or {}).values()]
    texts = [text for fields in described for text in fields.values() if isinstance(text, str)]
    tags = [tag for fields in described for tag in fields.get("seoTags", [])]
    return " ".join(words_of(original_filename, *texts, *tags))
