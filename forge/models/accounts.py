import hashlib
import re
from typing import Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from forge.models.identifiers import account_id, random_token

MOST_TERMS = 200
LONGEST_TERM = 40
_TERM = re.compile(r"[^\W_]+(?:[ '-][^\W_]+)*")

LimitName = Literal["requests_per_minute", "images_waiting", "open_streams", "bytes_per_day"]


def _limit(what: str) -> "models.PositiveBigIntegerField[int | None, int | None]":
    return models.PositiveBigIntegerField(
        null=True, blank=True, help_text=f"{what} Empty: as the service's settings say. 0: no limit."
    )


def terms_validate(terms: object) -> None:
    """Raises ValidationError with one sentence for each term that is none."""
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise ValidationError("Terms are a list of texts.")
    wrong = [term for term in terms if len(term) > LONGEST_TERM or term != term.lower() or not _TERM.fullmatch(term)]
    said = [f"“{term[:60]}” is not up to {LONGEST_TERM} letters of lower-case words." for term in wrong[:10]]
    if len(terms) > MOST_TERMS:
        said.append(f"{len(terms)} terms are more than {MOST_TERMS}.")
    if len(set(terms)) < len(terms):
        said.append("A term stands twice.")
    if said:
        raise ValidationError(said)


class Account(models.Model):
    """Who owns keys, sessions and credits. `balance` is written by forge/credits/ledger.py alone.

    `extra_terms`: what the tagger looks for in this account's pictures beside its own vocabulary. Models with fixed
    words (the embedded ones) pass them over.
    """

    id = models.CharField(primary_key=True, max_length=40, default=account_id, editable=False)
    name = models.SlugField(max_length=80, unique=True)
    is_active = models.BooleanField(default=True)
    balance = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    requests_per_minute = _limit("API requests.")
    images_waiting = _limit("Images that wait for their analysis.")
    open_streams = _limit("Streams, and answers of analyze-single, that are open at one time.")
    bytes_per_day = _limit("Bytes of upload requests.")
    extra_terms = models.JSONField(default=list, blank=True, validators=[terms_validate])

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=models.Q(balance__gte=0), name="balance_not_negative")]

    def __str__(self) -> str:
        return self.name

    def limit(self, name: LimitName) -> int:
        """The account's own limit, else the one of all; 0 where there is none."""
        own: int | None = getattr(self, name)
        of_all: int = getattr(settings, f"FORGE_{name.upper()}")
        return of_all if own is None else own

    # What Django REST Framework and django-eventstream ask of whoever makes a request.
    @property
    def is_authenticated(self) -> bool:
        return True


class ApiKey(models.Model):
    """A key's hash and first characters; the key itself is shown once and not stored.

    A key carries 256 random bits, so one fast hash is enough: there is nothing to guess from a dictionary,
    and a slow one would be paid by every request.
    """

    PREFIX_LENGTH = 10

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="keys")
    label = models.CharField(max_length=120, blank=True)
    prefix = models.CharField(max_length=PREFIX_LENGTH, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    is_active = models.BooleanField(default=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on the key is refused. Empty: it does not expire."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.prefix}…"

    @property
    def is_usable(self) -> bool:
        return self.is_active and not self.is_expired

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @staticmethod
    def generate() -> str:
        return f"sk-{random_token(43)}"

    @staticmethod
    def hash_of(key: str) -> str:
        return hashlib.sha256(key.encode()).hexdigest()

    def assign(self, key: str) -> None:
        self.prefix = key[: self.PREFIX_LENGTH]
        self.hash = self.hash_of(key)
