"""URLs of the admin's pages and of session search in a database that _large_database.py has filled."""

from collections.abc import Iterator
from urllib.parse import quote as url_quote

from django.urls import reverse

from forge.admin import html
from forge.admin.ledger.views import ledger_url
from forge.models import Account, CreditEntry, ImageAnalysis, ImageWords, Job, JobEvent, Session

_ROWS_ON_PAGE = {"session": 50, "imageanalysis": 50}
_LISTS = {
    "account": {},
    "apikey": {},
    "session": {"created": "week"},
    "job": {
        "failure": "any",
        "failure ": "analysis_timeout",
        "failure  ": "cancelled",
        "ended": "week",
        "status__exact": "failed",
        "status__exact ": "running",
    },
    "imageanalysis": {
        "failure": "any",
        "failure ": "image_gone",
        "ended": "month",
        "needs_review__exact": "1",
        "kind__exact": "photo",
        "kind__exact ": "comic",
        "status__exact": "queued",
        "status__exact ": "succeeded",
    },
    "jobevent": {"type": "error", "type ": "complete"},
    "creditentry": {"kind__exact": "refund", "kind__exact ": "grant", "created": "month"},
}
_MODELS = {
    "session": Session,
    "job": Job,
    "imageanalysis": ImageAnalysis,
    "jobevent": JobEvent,
    "creditentry": CreditEntry,
}


def admin_urls(account: Account) -> Iterator[tuple[str, str]]:
    yield "front page", reverse("admin:index")
    job = Job.objects.filter(failed__gt=0).order_by("-created_at").first()
    assert job is not None
    image = job.analyses.all()[0].image_id
    searches = {"session": [job.session_id[:12], image, "account-1", "karomi"], "account": ["account-1"]}
    searches["job"] = [job.pk[:12], job.session_id, "account-0"]
    searches["imageanalysis"] = [image[:12], job.pk]
    searches["jobevent"], searches["creditentry"] = [job.pk], [job.pk, image, "account-0"]
    for model, filters in _LISTS.items():
        yield f"{model} list", reverse(f"admin:forge_{model}_changelist")
        for field, value in filters.items():
            yield f"{model} {field.strip()}={value}", html.list_url(model, **{field.strip(): value})
        if model in {"session", "job", "creditentry"}:
            yield f"{model} of one account", html.list_url(model, account__id__exact=account.pk)
        for text in searches.get(model, []):
            yield f"{model} q={text[:12]}", html.list_url(model, q=text)
        if model in _MODELS:
            last = -(-_MODELS[model]._default_manager.count() // _ROWS_ON_PAGE.get(model, 100))
            yield f"{model} last page", html.list_url(model, p=last)
    yield "account page", html.page_url("account", account.pk)
    yield "job page", html.page_url("job", job.pk)
    yield "session page", html.page_url("session", job.session_id)
    for model in ("imageanalysis", "jobevent", "creditentry"):
        row = _MODELS[model]._default_manager.order_by("pk").first()
        assert row is not None
        yield f"{model} page", html.page_url(model, row.pk)
    ledger = ledger_url(account.pk)
    middle = CreditEntry.objects.filter(account=account).order_by("-pk").values_list("pk", "created_at")[10_000:][0]
    yield "ledger", ledger
    yield "ledger, older", f"{ledger}?before={middle[0]}"
    yield "ledger of a day", f"{ledger}?from={middle[1]:%Y-%m-%d}&to={middle[1]:%Y-%m-%d}"


def search_urls() -> Iterator[tuple[str, str]]:
    """Searches for words that most images, few images, and no image have."""
    words = ImageWords.objects.order_by("pk").values_list("words", flat=True)[0].split()
    queries = {
        "common": "kakaka",
        "two": " ".join(words[:2]),
        "four": " ".join(words[-4:]),
        "prefix": "ka",
        "none": "zzzz",
    }
    for name, query in queries.items():
        yield f"/v1/sessions?q= {name}", f"/image-forge-api/v1/sessions?q={url_quote(query)}"
