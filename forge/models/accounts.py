import hashlib
import re
from typing import Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from analysis_options import OptionError, options_parse
from forge.clock import database_now
from forge.models.identifiers import account_id, random_token

MAX_TERMS = 200
MAX_TERM_LENGTH = 40
MAX_WEIGHT = 100
_TERM = re.compile(r"[^\W_]+(?:[ '-][^\W_]+)*")

LimitName = Literal[
    "requests_per_minute",
    "images_waiting",
    "open_streams",
    "bytes_per_day",
    "decode_seconds_per_minute",
    "refunds_per_hour",
]


def _limit(what: str) -> "models.PositiveBigIntegerField[int | None, int | None]":
    return models.PositiveBigIntegerField(
        null=True, blank=True, help_text=f"{what} Empty: as the service's settings say. 0: no limit."
    )


def terms_validate(terms: object) -> None:
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise ValidationError("Terms are a list of texts.")
    invalid = [
        term for term in terms if len(term) > MAX_TERM_LENGTH or term != term.lower() or not _TERM.fullmatch(term)
    ]
    problems = [f"“{term[:60]}” is not up to {MAX_TERM_LENGTH} letters of lower-case words." for term in invalid[:10]]
    if len(terms) > MAX_TERMS:
        problems.append(f"{len(terms)} terms are more than {MAX_TERMS}.")
    if len(set(terms)) < len(terms):
        problems.append("A term stands twice.")
    if problems:
        raise ValidationError(problems)


def options_validate(options: object) -> None:
    try:
        options_parse(options)
    except OptionError as error:
        raise ValidationError(str(error)) from error


class Account(models.Model):
    """The owner of keys, sessions and credits. Only forge/credits/ledger.py writes `balance`.

    `extra_terms` extend the tagger's vocabulary for this account. Models with a fixed vocabulary (the embedded one)
    ignore them. `default_options` are those of its analyses that a request does not set itself.
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
    decode_seconds_per_minute = _limit("CPU seconds in which uploads are decoded.")
    refunds_per_hour = _limit("Images that are refunded before new jobs are refused.")
    weight = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_WEIGHT)],
        help_text=f"Share in the fair queue, 1 to {MAX_WEIGHT}: with 2, two images for one of an account with 1.",
    )
    queue = models.SlugField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        db_index=False,
        help_text="Workers that serve this queue (FORGE_QUEUES) take its images. Empty: as the service's settings say.",
    )
    extra_terms = models.JSONField(default=list, blank=True, validators=[terms_validate])
    default_options = models.JSONField(null=True, blank=True, validators=[options_validate])

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=models.Q(balance__gte=0), name="balance_not_negative")]

    def __str__(self) -> str:
        return self.name

    def limit(self, name: LimitName) -> int:
        """Return the account's own limit, else the service-wide one; 0 means no limit."""
        own: int | None = getattr(self, name)
        default: int = getattr(settings, f"FORGE_{name.upper()}")
        return default if own is None else own

    # Django REST Framework and django-eventstream read this on request.user.
    @property
    def is_authenticated(self) -> bool:
        return True


class ApiKey(models.Model):
    """The hash and first characters of an API key; the key itself is shown once and not stored.

    A key has 256 random bits, so a dictionary attack is impossible and a fast hash is enough; every request would pay
    for a slow one.
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
    def is_accepted(self) -> bool:
        """Whether requests with this key are accepted; its account is read."""
        return self.is_usable and self.account.is_active

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= database_now()

    @staticmethod
    def generate() -> str:
        return f"sk-{random_token(43)}"

    @staticmethod
    def hash_of(key: str) -> str:
        return hashlib.sha256(key.encode()).hexdigest()

    def assign(self, key: str) -> None:
        self.prefix = key[: self.PREFIX_LENGTH]
        self.hash = self.hash_of(key)
