"""The state of the service, computed at each scrape."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.db import Error as DatabaseError
from django.db.models import Case, Count, F, Min, QuerySet, Sum, Value, When
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from forge import relay
from forge.clock import database_now
from forge.errors import Unavailable
from forge.jobs import dispatch
from forge.models import CreditEntry, ImageAnalysis

_OPEN = (ImageAnalysis.Status.QUEUED, ImageAnalysis.Status.PROCESSING)
# Longer than any transaction takes from the primary key of its entry to its commit.
_SETTLED_AFTER = timedelta(minutes=10)

Sums = Counter[tuple[str, str, str]]


class StateCollector(Collector):
    """Collect the state; of the ledger, which only grows, read each time the entries that are new."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._settled_to = 0
        self._settled: Sums = Counter()

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("forge_up", "Whether a part responds.", labels=["part"])
        families: list[Metric] = []
        for part, read in (("database", self._from_database), ("redis", _from_redis)):
            try:
                families += read()
                up.add_metric([part], 1)
            except (DatabaseError, Unavailable):
                # The part's metrics are left out: absent is better than wrong.
                up.add_metric([part], 0)
        yield up
        yield from families
        yield GaugeMetricFamily("forge_open_streams", "Streams this process sends.", relay.fanout.open_streams)
        yield CounterMetricFamily("forge_relay_reconnects", "Times its relay lost Redis.", relay.fanout.reconnects)

    def _from_database(self) -> list[Metric]:
        with self._lock:
            self._settle()
            sums = _sums(CreditEntry.objects.filter(pk__gt=self._settled_to), with_open=True)
            sums.update(self._settled)  # a Counter's update adds
        images = CounterMetricFamily("forge_images", "Images that ended, by outcome.", labels=["outcome"])
        images.add_metric(["succeeded"], _succeeded(sums))
        for code, number in _by_code(sums, "refund", "credits"):
            images.add_metric([code or "refunded"], number)
        waiting = GaugeMetricFamily("forge_images_open", "Images that have not ended.", labels=["state"])
        for state in _OPEN:
            waiting.add_metric([state], sums["open", state, "entries"])
        credits = CounterMetricFamily("forge_credits", "Credits charged and refunded.", labels=["kind"])
        for label, kind in (("charged", "charge"), ("refunded", "refund")):
            credits.add_metric([label], abs(_total(sums, kind, "credits")))
        return [images, waiting, credits, GaugeMetricFamily("forge_queue_age_seconds", _AGE, _queue_age())]

    def _settle(self) -> None:
        """Add entries that are settled, older than any open transaction, to a sum: they are read once."""
        entries = CreditEntry.objects.filter(pk__gt=self._settled_to)
        edge = (
            entries.filter(created_at__lt=database_now() - _SETTLED_AFTER).order_by("-pk").values_list("pk", flat=True)
        )
        if settled_to := edge.first():
            self._settled.update(_sums(entries.filter(pk__lte=settled_to)))
            self._settled_to = settled_to


_AGE = "Seconds since the job of the longest-waiting image was accepted."


def _sums(entries: QuerySet[CreditEntry], *, with_open: bool = False) -> Sums:
    """Return (kind, code, "entries" or "credits") → number.

    Open images are counted in the same statement. Successes are charges minus refunds minus open images; with a second
    statement, an image that ended between the two would be counted wrongly.
    """
    code = Case(When(kind=CreditEntry.Kind.REFUND, then=F("note")), default=Value(""))
    rows = entries.order_by().values_list("kind", code).annotate(entries=Count("pk"), credits=Sum("amount"))
    if with_open:
        open_images = ImageAnalysis.objects.filter(status__in=_OPEN).order_by()
        rows = rows.union(
            open_images.values_list(Value("open"), "status").annotate(entries=Count("pk"), credits=Value(0)), all=True
        )
    found: Sums = Counter()
    for kind, code_, number, credits in rows:
        found[kind, code_, "entries"] += number
        found[kind, code_, "credits"] += credits
    return found


def _by_code(sums: Sums, kind: str, what: str) -> list[tuple[str, int]]:
    """Return the numbers of a kind by code."""
    return sorted((code, number) for (k, code, w), number in sums.items() if (k, w) == (kind, what))


def _total(sums: Sums, kind: str, what: str) -> int:
    return sum(number for _, number in _by_code(sums, kind, what))


def _succeeded(sums: Sums) -> int:
    # Credits, not entries: an old entry may be the sum of a day.
    return -_total(sums, "charge", "credits") - _total(sums, "refund", "credits") - _total(sums, "open", "entries")


def _queue_age() -> float:
    queued = ImageAnalysis.objects.filter(status=ImageAnalysis.Status.QUEUED)
    oldest = queued.aggregate(oldest=Min("job__created_at"))["oldest"]
    return (database_now() - oldest).total_seconds() if oldest else 0.0


def _from_redis() -> list[Metric]:
    return [GaugeMetricFamily("forge_queue_messages", "Tasks that wait on the broker.", dispatch.broker_queue_length())]
