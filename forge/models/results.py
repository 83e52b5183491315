"""The result of an analysis: its row keeps it, and the image's row has that of its latest successful analysis."""

from django.db import models


class Kind(models.TextChoices):
    """The kinds of docs/api-contract.md; workers/models/evidence.py has them in the same order."""

    PHOTO = "photo"
    PAINTING = "painting"
    DRAWING = "drawing"
    ILLUSTRATION = "illustration"
    COMIC = "comic"
    RENDER = "render"
    SCREENSHOT = "screenshot"
    CHART = "chart"
    DIAGRAM = "diagram"
    MAP = "map"
    DOCUMENT = "document"
    POSTER = "poster"
    LOGO = "logo"
    PATTERN = "pattern"


class Result(models.Model):
    """Empty without a result. Results of versions before 0.3 have metadata only."""

    metadata = models.JSONField(null=True, blank=True)
    # The default in the database is for web servers of an earlier version, which insert rows without a kind.
    kind = models.CharField(max_length=20, choices=Kind.choices, blank=True, default="", db_default="")
    confidence = models.FloatField(null=True, blank=True)
    needs_review = models.BooleanField(null=True, blank=True)
    # Of the keywords that the request gave; null where it gave none.
    unused_keywords = models.JSONField(null=True, blank=True)
    # True for an image that carries no content, whose alt is empty; null for all others.
    decorative = models.BooleanField(null=True, blank=True)
    # Metadata by language tag, and error and code of the languages that failed; null without further languages.
    translations = models.JSONField(null=True, blank=True)
    translation_errors = models.JSONField(null=True, blank=True)

    class Meta:
        abstract = True
