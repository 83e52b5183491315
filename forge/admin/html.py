"""Pieces of HTML that lists and pages share. Names come from users: everything goes through `format_html`."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from forge.admin.thumbnails import MAX_SIDE
from forge.models import Account, Image

NOTHING = "-"  # what Django's own lists show for an empty value
_SHORT = 12


def page_url(noun: str, pk: str | int, *, part: str = "") -> str:
    """The page of a row; `part` is the id of an element on it."""
    # The admin reads `_3B` in an address as a character: an id must be quoted its way.
    url = reverse(f"admin:forge_{noun}_change", args=[quote(pk)])
    return f"{url}#{part}" if part else url


def list_url(noun: str, **filters: object) -> str:
    return f"{reverse(f'admin:forge_{noun}_changelist')}?{urlencode(filters)}"


def link(url: str, text: object) -> SafeString:
    return format_html('<a href="{}">{}</a>', url, text)


def id_text(pk: str, *, short: bool = False) -> SafeString:
    """In a list an id is cut short and whole where the mouse rests on it."""
    return format_html('<span class="forge-id" title="{}">{}</span>', pk, f"{pk[:_SHORT]}…" if short else pk)


def id_link(noun: str, pk: str, *, short: bool = False) -> SafeString:
    return link(page_url(noun, pk), id_text(pk, short=short))


def account_link(account: Account) -> SafeString:
    return link(page_url("account", account.pk), account.name)


def status(value: str) -> SafeString:
    return format_html('<span class="forge-status forge-{}">{}</span>', value, value)


def image_link(*, job_id: str, image_id: str, state: str, code: str, short: bool = False) -> SafeString:
    """An image as its job's page tells of it, with what became of it there."""
    url = page_url("job", job_id, part=image_id)
    why = format_html(' <span class="forge-code">{}</span>', code) if code else ""
    return format_html("{} {}{}", link(url, id_text(image_id, short=short)), status(state), why)


def moment(value: datetime | None) -> str:
    """To the second: what operators compare are the times of one job."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if value else NOTHING


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


def pretty(value: object) -> SafeString:
    return format_html('<pre class="forge-json">{}</pre>', json.dumps(value, ensure_ascii=False, indent=2))


def pretty_text(text: str) -> SafeString:
    """JSON text laid out; text that is no JSON as it stands."""
    try:
        return pretty(json.loads(text))
    except ValueError:
        return format_html('<pre class="forge-json">{}</pre>', text)
