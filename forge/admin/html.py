"""HTML fragments of lists and pages, all escaped by `format_html`: names come from users."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from forge.admin.thumbnails import MAX_SIDE
from forge.models import Account, Image

NOTHING = "-"  # as in Django's lists
_SHORT = 12


def page_url(model: str, pk: str | int, *, element_id: str = "") -> str:
    """Return the URL of a row's page, or of an element on it."""
    # The admin decodes `_3B` in a URL as a character, so ids need its own quoting.
    url = reverse(f"admin:forge_{model}_change", args=[quote(pk)])
    return f"{url}#{element_id}" if element_id else url


def list_url(model: str, **filters: object) -> str:
    return f"{reverse(f'admin:forge_{model}_changelist')}?{urlencode(filters)}"


def link(url: str, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)


def id_text(pk: str, *, short: bool = False) -> SafeString:
    """Return an id, in lists shortened with the whole id as its title."""
    return format_html('<span class="forge-id" title="{}">{}</span>', pk, f"{pk[:_SHORT]}…" if short else pk)


def id_link(model: str, pk: str, *, short: bool = False) -> SafeString:
    return link(page_url(model, pk), id_text(pk, short=short))


def account_link(account: Account) -> SafeString:
    return link(page_url("account", account.pk), account.name)


def status(value: str) -> SafeString:
    return format_html('<span class="forge-status forge-{}">{}</span>', value, value)


def review_mark() -> SafeString:
    return format_html('<span class="forge-status forge-review">{}</span>', "needs review")


def decorative_mark() -> SafeString:
    return format_html('<span class="forge-status">{}</span>', "decorative: no alt")


def image_link(*, job_id: str, image_id: str, state: str, code: str, short: bool = False) -> SafeString:
    """Return a link to an image on its job's page, with its state and error code."""
    url = page_url("job", job_id, element_id=image_id)
    why = format_html(' <span class="forge-code">{}</span>', code) if code else ""
    return format_html("{} {}{}", link(url, id_text(image_id, short=short)), status(state), why)


def timestamp(value: datetime | None) -> str:
    """Format to the second: operators compare the times within a job."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if value else NOTHING


def thumbnail(image: Image) -> SafeString:
    scale = min(1.0, MAX_SIDE / max(image.width, image.height, 1))
    return format_html(
        '<img class="forge-thumbnail" loading="lazy" src="{}" width="{}" height="{}" alt="{}" title="{}">',
        reverse("admin:forge_image_thumbnail", args=[image.pk]),
        max(1, round(image.width * scale)),
        max(1, round(image.height * scale)),
        image.original_filename,
        image.original_filename,
    )


def formatted_json(value: object) -> SafeString:
    return format_html('<pre class="forge-json">{}</pre>', json.dumps(value, ensure_ascii=False, indent=2))


def formatted_text(text: str) -> SafeString:
    """Return JSON text indented; other text unchanged."""
    try:
        return formatted_json(json.loads(text))
    except ValueError:
        return format_html('<pre class="forge-json">{}</pre>', text)
