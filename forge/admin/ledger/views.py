"""The page and the CSV file of one account's ledger."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import content_disposition_header

from forge.admin.credits import ledger_rows
from forge.admin.filters import day_of
from forge.admin.ledger.account_ledger import ON_PAGE, Period, balances, csv_lines, entries_of
from forge.models import Account

_MAX_PK = 2**63 - 1


def ledger_url(account_id: str) -> str:
    return reverse("admin:forge_account_ledger", args=[quote(account_id)])


def ledger_page(request: HttpRequest, account: Account, context: dict[str, Any]) -> HttpResponse:
    """Respond with a page of entries, newest first; `from` and `to` are days, `before` is an entry's id."""
    period, problem = _period(request)
    entries = ledger_rows(entries_of(account.pk, period))
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit():
        entries = entries.filter(pk__lt=min(int(before[:20]), _MAX_PK))
    found = list(entries.order_by("-pk")[: ON_PAGE + 1])
    shown = found[:ON_PAGE]
    days = {"from": period.first or "", "to": period.last or ""}
    more = {**days, "before": shown[-1].pk} if len(found) > ON_PAGE else None
    return TemplateResponse(
        request,
        "admin/forge/account/ledger.html",
        {
            **context,
            "title": f"Ledger of {account.name}",
            "account": account,
            "rows": balances(account.pk, shown),
            "days": days,
            "problem": problem,
            "newest_url": f"?{urlencode(days)}" if before else "",
            "older_url": f"?{urlencode(more)}" if more else "",
            "csv_url": f"{ledger_url(account.pk)}ledger.csv?{urlencode(days)}",
        },
        status=400 if problem else 200,
    )


def ledger_csv(request: HttpRequest, account: Account) -> HttpResponse | StreamingHttpResponse:
    period, problem = _period(request)
    if problem:
        return HttpResponse(problem, status=400, content_type="text/plain; charset=utf-8")
    response = StreamingHttpResponse(csv_lines(account.pk, period), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = content_disposition_header(True, f"ledger-{account.name}.csv")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _period(request: HttpRequest) -> tuple[Period, str]:
    """Return the days of the query, and a sentence where they are none."""
    texts = [request.GET.get(name, "").strip() for name in ("from", "to")]
    days = [day_of(text) for text in texts]
    for text, day in zip(texts, days, strict=True):
        if text and day is None:
            return Period(), f"“{text[:40]}” is no day. Days are written as 2026-11-30; the whole ledger is shown."
    first, last = days
    if first and last and first > last:
        return Period(), f"{first} is after {last}; the whole ledger is shown."
    return Period(first, last), ""
