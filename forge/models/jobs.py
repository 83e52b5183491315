from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from forge.models.accounts import Account
from forge.models.identifiers import job_id
from forge.models.results import Result
from forge.models.sessions import Image, Session


class Job(models.Model):
    """An accepted request to analyze or export images.

    Counters and `last_seq` change in the transaction of the state that they count.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        COMPLETE = "complete"
        PARTIAL = "partial"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Action(models.TextChoices):
        """What is done with each image, under the names of `credits/check`."""

        ANALYZE = "analyze"
        EXPORT = "export"
        SAMPLE = "sample"

    id = models.CharField(primary_key=True, max_length=40, default=job_id, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="jobs")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="jobs")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    # The default in the database is for web servers of an earlier version.
    action = models.CharField(max_length=10, choices=Action.choices, default=Action.ANALYZE, db_default="analyze")
    # Of an export or a sample: format, preset and widths.
    export_settings = models.JSONField(null=True, blank=True)
    total = models.PositiveIntegerField()
    started = models.PositiveIntegerField(default=0)
    succeeded = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    last_seq = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    # As analysis_options has them, the account's defaults included; null: none.
    options = models.JSONField(null=True, blank=True)
    # Correlates the log lines of web and worker processes.
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(total__gte=F("succeeded") + F("failed") + F("cancelled")), name="no_more_ends_than_images"
            ),
        ]
        indexes = [
            models.Index(fields=["account"], condition=Q(finished_at=None), name="job_open"),
            models.Index(fields=["finished_at"], condition=Q(finished_at__isnull=False), name="job_ended"),
            models.Index(fields=["account", "-created_at", "-id"], name="job_newest_first"),
            # For the admin: its list, newest first, and the jobs that failed.
            models.Index(fields=["-created_at", "-id"], name="job_newest_of_all"),
            models.Index(fields=["-finished_at"], condition=Q(failed__gt=0), name="job_failed"),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def processed(self) -> int:
        """Return how many images have ended, with or without a result."""
        return self.succeeded + self.failed + self.cancelled

    @property
    def is_charged(self) -> bool:
        return self.action != self.Action.SAMPLE

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None


class ImageAnalysis(Result):
    """One image of a job: its state, lease and result; of an export its variants in the place of words."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        PROCESSING = "processing"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="analyses")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="analyses")
    position = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Position in start order, 1…total; set at the first attempt only.
    current = models.PositiveIntegerField(null=True, blank=True)
    sent_at = models.DateTimeField(default=timezone.now)
    # Whose workers take it; the default in the database is for web servers of an earlier version.
    queue = models.CharField(max_length=40, default="images", db_default="images")
    # Due time in the fair queue (forge/jobs/fair_queue.py); 0 comes before all others.
    turn = models.PositiveBigIntegerField(default=0)
    # The lease: a token of the worker process, and its expiry.
    holder = models.CharField(max_length=60, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    code = models.CharField(max_length=40, blank=True)
    provenance = models.JSONField(null=True, blank=True)
    # Of an export that succeeded: name, filename, size, width and height of each variant.
    variants = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["job", "position"]
        verbose_name_plural = "image analyses"
        constraints = [
            models.UniqueConstraint(fields=["job", "image"], name="image_once_in_a_job"),
            models.UniqueConstraint(
                fields=["image"], condition=Q(status__in=["queued", "processing"]), name="one_open_analysis_per_image"
            ),
        ]
        indexes = [
            # Partial indexes for the sweep and the fair queue: the table itself grows without bound.
            models.Index(fields=["status", "sent_at"], condition=Q(status="queued"), name="analysis_waiting"),
            models.Index(fields=["lease_until"], condition=Q(status="processing"), name="analysis_leases"),
            models.Index(fields=["queue", "turn", "id"], condition=Q(status="queued"), name="analysis_turns"),
            # For the admin: outcomes of a day, and lists of failed images.
            models.Index(
                fields=["finished_at", "status", "code"], condition=Q(finished_at__isnull=False), name="analysis_ended"
            ),
            models.Index(fields=["code", "job"], condition=Q(status="failed"), name="analysis_failed"),
            # For the admin's list, newest first.
            models.Index(fields=["-id"], condition=Q(needs_review=True), name="analysis_needs_review"),
        ]

    def __str__(self) -> str:
        return f"{self.image_id} in {self.job_id}"


class JobEvent(models.Model):
    """One event of a job's event log; `data` is the JSON text exactly as it is sent, live or replayed."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=10)
    data = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["job", "seq"]
        constraints = [models.UniqueConstraint(fields=["job", "seq"], name="event_numbered_once")]

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"
