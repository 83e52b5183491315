from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from forge.models.accounts import Account
from forge.models.identifiers import image_id, session_id
from forge.models.results import Result


def session_expiry(now: datetime | None = None) -> datetime:
    return (now or timezone.now()) + timedelta(hours=settings.FORGE_SESSION_HOURS)


class Session(models.Model):
    """A set of uploaded images, open until it expires."""

    id = models.CharField(primary_key=True, max_length=40, default=session_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(default=session_expiry)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["account", "-created_at", "-id"], name="session_newest_first"),
            models.Index(fields=["-created_at", "-id"], name="session_newest_of_all"),  # for the admin's list
            models.Index(fields=["expires_at"], name="session_expiry"),  # for the expiry sweep
        ]

    def __str__(self) -> str:
        return self.id

    def is_expired_at(self, now: datetime) -> bool:
        return self.expires_at <= now


class Image(Result):
    """One uploaded image and its latest result.

    `width` and `height` are pixels after EXIF orientation, `size` is bytes.
    """

    id = models.CharField(primary_key=True, max_length=40, default=image_id, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="images")
    position = models.PositiveIntegerField()
    original_filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=40)
    size = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    storage_key = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Of the latest result; unique within the session.
    filename = models.CharField(max_length=80, null=True, blank=True)  # noqa: DJ001 (unset is not a name)
    # Counts the changes of the metadata, by results and by persons; a correction names the one that it was made on.
    version = models.PositiveIntegerField(default=0, db_default=0)
    # Names of the fields that hold a person's words; null where none does.
    edited = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "position"]
        indexes = [models.Index(fields=["session", "position"], name="image_position")]
        constraints = [
            models.UniqueConstraint(fields=["session", "filename"], name="filename_unique_in_session"),
        ]

    def __str__(self) -> str:
        return self.original_filename

    @property
    def upload_path(self) -> str:
        """Return the opaque handle that clients echo; no file is ever opened by it."""
        return f"/{self.storage_key}"
