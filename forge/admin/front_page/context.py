from typing import Any

from django.http import HttpRequest

from forge.admin import html
from forge.admin.front_page.images import failed_jobs, outcomes, throughput
from forge.admin.front_page.queue import duration, queue_state
from forge.admin.ledger.by_day import credits_by_day
from forge.admin.ledger.chart import chart_of
from forge.clock import database_now

_PERMISSIONS = ["forge.view_job", "forge.view_imageanalysis", "forge.view_creditentry", "forge.view_account"]


def front_page_context(request: HttpRequest) -> dict[str, Any]:
    """Return the figures; none for a user who may not see what they are made of."""
    if not request.user.has_perms(_PERMISSIONS):
        return {}
    now = database_now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    rate = throughput(now)
    queue = queue_state(now, rate)
    days = credits_by_day(today)
    return {
        "now": now,
        "throughput": rate,
        "outcomes": outcomes(today),
        "queue": queue,
        "oldest_age": duration(now - queue.oldest) if queue.oldest else "",
        "workers": [(worker, duration(now - worker.last_heartbeat)) for worker in queue.workers or []],
        "days": days,
        "days_newest_first": days[::-1],
        "chart": chart_of(days),
        "failed_jobs": failed_jobs(today),
        "failed_url": html.list_url("job", failure="any", ended="today"),
        "cancelled_url": html.list_url("job", failure="cancelled", ended="today"),
        "waiting_url": html.list_url("imageanalysis", status__exact="queued"),
    }
