"""Create, extend, delete a session: one transaction each, rows and files together or neither."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.db import IntegrityError, transaction

from forge.clock import database_now
from forge.errors import Conflict, NotFound, PayloadTooLarge, SessionExpired
from forge.idempotency import ClaimedKey, acceptance_record, lease_kept
from forge.models import Account, Image, ImageAnalysis, Session
from forge.models.sessions import session_expiry
from forge.representations import session_representation
from forge.sessions.stored_images import images_delete, variant_keys
from forge.sessions.validation import CheckedImage
from forge.storage import UPLOADS, object_save, objects_delete
from forge.words import words_record


def session_create(
    *, account: Account, images: Sequence[CheckedImage], claimed_key: ClaimedKey | None = None
) -> tuple[Session, list[Image]]:
    now = database_now()
    session = Session(account=account, created_at=now, expires_at=session_expiry(now))
    with _stored_images(session, images, claimed_key) as rows, transaction.atomic():
        session.save(force_insert=True)
        Image.objects.bulk_create(rows)
        words_record(session, rows)
        _record(claimed_key, session, rows)
    return session, rows


def session_extend(
    *, session: Session, images: Sequence[CheckedImage], claimed_key: ClaimedKey | None = None
) -> list[Image]:
    """Add images to an open session.

    Raises SessionExpired, PayloadTooLarge, and NotFound if it was deleted meanwhile.
    """
    if session.is_expired_at(database_now()):
        raise SessionExpired(sessionId=session.pk)
    try:
        with _stored_images(session, images, claimed_key) as rows, transaction.atomic():
            # Locked, so that concurrent requests count each other's images.
            Session.objects.select_for_update(no_key=True).filter(pk=session.pk).first()
            first = session_require_capacity(session, len(rows))
            for position, row in enumerate(rows, start=first):
                row.position = position
            Image.objects.bulk_create(rows)
            words_record(session, rows)
            _record(claimed_key, session, rows)
    except IntegrityError as error:
        raise NotFound(f"There is no session {session.pk}.") from error
    return rows


def session_require_capacity(session: Session, added: int) -> int:
    """Return how many images the session holds. Raises PayloadTooLarge if it cannot hold so many more."""
    count, limit = session.images.count(), settings.FORGE_MAX_SESSION_IMAGES
    if count + added > limit:
        raise PayloadTooLarge(
            f"A session may hold {limit} images; this one has {count}, and the request adds {added}.",
            limit=limit,
            actual=count + added,
        )
    return count


def session_delete(*, session: Session) -> None:
    """Delete rows and files; the ledger stays. Raises Conflict while a job of the session runs."""
    open_states = [ImageAnalysis.Status.QUEUED, ImageAnalysis.Status.PROCESSING]
    try:
        with transaction.atomic():
            # The session's row is locked first: a concurrent submission, which refers to it, would deadlock.
            Session.objects.select_for_update().filter(pk=session.pk).first()
            running = ImageAnalysis.objects.filter(job__session=session, status__in=open_states).first()
            if running is not None:
                raise Conflict(
                    f"Job {running.job_id} of this session is still running. Delete the session when it has ended.",
                    jobId=running.job_id,
                )
            keys = list(session.images.values_list("storage_key", flat=True))
            exported = [key for _, key in variant_keys(ImageAnalysis.objects.filter(job__session=session))]
            session.delete()
            transaction.on_commit(lambda: objects_delete(exported))
            transaction.on_commit(lambda: images_delete(keys))
    except IntegrityError as error:
        job = session.jobs.first()
        raise Conflict(
            "A job of this session has just begun. Delete the session when it has ended.",
            **({"jobId": job.pk} if job else {}),
        ) from error


def _record(claimed_key: ClaimedKey | None, session: Session, added: Sequence[Image]) -> None:
    acceptance_record(claimed_key, session=session, status=201, response=session_representation(session, added))


@contextmanager
def _stored_images(
    session: Session, images: Sequence[CheckedImage], claimed_key: ClaimedKey | None
) -> Iterator[list[Image]]:
    """Store the files and yield unsaved rows; an exception inside deletes the files."""
    rows = [_row(session, position, checked) for position, checked in enumerate(images)]
    keys: list[str] = []
    try:
        with lease_kept(claimed_key):
            for row, checked in zip(rows, images, strict=True):
                # Before the write: one whose answer was lost may have been stored.
                keys.append(row.storage_key)
                object_save(row.storage_key, checked.file)
        yield rows
    except BaseException:
        objects_delete(keys)
        raise


def _row(session: Session, position: int, checked: CheckedImage) -> Image:
    row = Image(
        session=session,
        position=position,
        original_filename=checked.name,
        content_type=checked.content_type,
        size=checked.size,
        width=checked.width,
        height=checked.height,
    )
    row.storage_key = f"{UPLOADS}/{session.pk}/{row.pk}.{checked.suffix}"
    return row
