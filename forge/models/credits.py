from django.db import models
from django.utils import timezone

from forge.models.accounts import Account


class CreditEntry(models.Model):
    """One entry of the append-only ledger, written by forge/credits/ledger.py alone and never changed.

    `job_id` and `image_id` are no foreign keys: the ledger outlives the rows of a deleted session.
    """

    class Kind(models.TextChoices):
        GRANT = "grant"
        CHARGE = "charge"
        REFUND = "refund"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="credit_entries")
    amount = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    job_id = models.CharField(max_length=40, null=True, blank=True, db_index=True)  # noqa: DJ001
    image_id = models.CharField(max_length=40, null=True, blank=True)  # noqa: DJ001
    # Of a translation; the charge and the refund of the image itself have none. The default in the database is for web
    # servers of an earlier version.
    language = models.CharField(max_length=35, blank=True, default="", db_default="")
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "credit entries"
        indexes = [
            # With the amount, so that a running balance is a sum over the index alone.
            models.Index(fields=["account", "-id", "amount"], name="ledger_running_balance"),
            # For sums by day, of all accounts and of one.
            models.Index(fields=["created_at", "kind", "amount"], name="ledger_by_day"),
            models.Index(fields=["account", "created_at", "kind", "amount"], name="ledger_of_account_by_day"),
            models.Index(fields=["account", "created_at"], condition=models.Q(kind="refund"), name="ledger_refunds"),
        ]
        constraints = [
            # At most one charge and one refund per image and language of a job; grants have neither id.
            models.UniqueConstraint(
                fields=["job_id", "image_id", "kind", "language"], name="one_entry_of_a_kind_per_language"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d} {self.kind}"
