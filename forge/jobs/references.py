"""Images as a client names them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from forge.clock import database_now
from forge.errors import InvalidRequest, NotFound, SessionExpired, UploadPathMismatch
from forge.models import Image, Session
from forge.printable import printable


@dataclass(frozen=True)
class ImageReference:
    """An image as a client names it: its id and the handle that the upload returned."""

    id: str
    upload_path: str


def references_resolve(session: Session, references: Sequence[ImageReference]) -> list[Image]:
    """Return the images. Raises InvalidRequest, SessionExpired, NotFound and UploadPathMismatch."""
    if not references:
        raise InvalidRequest("Name at least one image.")
    ids = [reference.id for reference in references]
    if repeated := sorted(i for i, times in Counter(ids).items() if times > 1):
        raise InvalidRequest(f"Image {printable(repeated[0])} is named twice.", imageIds=repeated)
    if session.is_expired_at(database_now()):
        raise SessionExpired(sessionId=session.pk)
    found = {image.pk: image for image in session.images.filter(pk__in=ids)}
    missing = [i for i in ids if i not in found]
    if missing:
        raise NotFound(f"Session {session.pk} has no image {printable(missing[0])}.", imageIds=missing)
    wrong = [r.id for r in references if r.upload_path != found[r.id].upload_path]
    if wrong:
        raise UploadPathMismatch(f"The uploadPath of image {wrong[0]} is not the one of its upload.", imageIds=wrong)
    return [found[i] for i in ids]
