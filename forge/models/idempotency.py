from django.db import models
from django.utils import timezone

from forge.models.accounts import Account
from forge.models.jobs import Job
from forge.models.sessions import Session


class IdempotencyKey(models.Model):
    """An idempotency key: in flight while it has a lease, afterwards with the first caller's response (`answer`)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="idempotency_keys")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    # The token of the request that holds the lease.
    holder = models.CharField(max_length=32)
    lease_until = models.DateTimeField(null=True, blank=True)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    answer_status = models.PositiveSmallIntegerField(null=True, blank=True)
    answer = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="one_request_for_a_key")]

    def __str__(self) -> str:
        return self.key
