"""Fill an empty database with rows as the service leaves them after a month, by the fastest insert of each database."""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model, Sum
from django.utils import timezone

from forge.errors import AnalysisCancelled, AnalysisCrashed, AnalysisFailed, AnalysisTimeout, ImageGone, NoCaption
from forge.models import Account, CreditEntry, Image, ImageAnalysis, ImageWords, Job, JobEvent, Session

ACCOUNTS = 50
IMAGES_IN_SESSION = 20
DAYS = 30
TODAY = 0.1  # share of the sessions that are of today
_QUEUED = 0.002  # share of the newest sessions whose images wait
_BATCH = 20_000
_FAILURES = [AnalysisTimeout, AnalysisFailed, AnalysisCrashed, ImageGone, NoCaption]
_SENTENCES = {error.code: error.message for error in (*_FAILURES, AnalysisCancelled)}
_SYLLABLES = ["ka", "ro", "mi", "ten", "sal", "vor", "del", "qui", "ban", "ol", "fer", "gu"]
_VOCABULARY = [a + b + c for a in _SYLLABLES for b in _SYLLABLES for c in _SYLLABLES]
_WEIGHTS = [1 / (rank + 3) for rank in range(len(_VOCABULARY))]  # Zipf's law

Row = tuple[Any, ...]


COLUMNS: dict[type[Model], str] = {
    Session: "id account_id created_at expires_at",
    Image: "id session_id position original_filename content_type size width height storage_key created_at metadata"
    " kind confidence needs_review filename version",
    ImageWords: "image_id session_id account_id words",
    Job: "id session_id account_id status total started succeeded failed cancelled last_seq created_at finished_at"
    " request_id",
    ImageAnalysis: "id job_id image_id position status attempts current sent_at queue turn holder started_at"
    " finished_at error code metadata kind confidence needs_review",
    JobEvent: "job_id seq type data created_at",
    CreditEntry: "account_id amount kind job_id image_id note created_at",
}


def fill(*, images: int, seed: int = 1) -> None:
    """Add accounts, and sessions with about so many images, twice as many events and their ledger, over 30 days."""
    accounts = [Account(name=f"account-{number}") for number in range(ACCOUNTS)]
    Account.objects.bulk_create(accounts)
    granted = {"amount": 10 * images, "kind": "grant", "created_at": timezone.now() - timedelta(days=DAYS)}
    CreditEntry.objects.bulk_create(CreditEntry(account=account, **granted) for account in accounts)
    sessions = _sessions([account.pk for account in accounts], images // IMAGES_IN_SESSION, random.Random(seed))
    while batch := list(islice(sessions, _BATCH // IMAGES_IN_SESSION)):
        with transaction.atomic():
            for model in COLUMNS:
                _insert(model, [row for rows in batch for row in rows[model]])
    _finish(accounts)


def _sessions(accounts: Sequence[str], number: int, chance: random.Random) -> Iterator[dict[type[Model], list[Row]]]:
    """Yield the rows of one session after the other, oldest first."""
    now, first_pk = timezone.now(), 1
    before = int(number * (1 - TODAY))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for index in range(number):
        if index < before:
            created = midnight - timedelta(days=(DAYS - 1) * (1 - index / before))
        else:
            created = midnight + (now - midnight) * ((index - before) / max(1, number - before))
        # Half of the images are one account's.
        account = accounts[0] if chance.random() < 0.5 else chance.choice(accounts)
        yield _session(account, created, first_pk, chance, is_queued=index >= number * (1 - _QUEUED))
        first_pk += IMAGES_IN_SESSION


def _session(
    account: str, created: datetime, first_pk: int, chance: random.Random, *, is_queued: bool
) -> dict[type[Model], list[Row]]:
    token = f"{chance.getrandbits(110):022x}"[:22]
    session, job = f"sess_{token}", f"job_{token}"
    at, ended = _text(created), None if is_queued else _text(created + timedelta(seconds=9))
    rows: dict[type[Model], list[Row]] = {model: [] for model in COLUMNS}
    rows[Session].append((session, account, at, _text(created + timedelta(days=90))))
    counts = {"succeeded": 0, "failed": 0, "cancelled": 0, "queued": 0}
    for position in range(IMAGES_IN_SESSION):
        image = f"img_{token[:-2]}{position:02d}"
        status = "queued" if is_queued else chance.choices(["succeeded", "failed", "cancelled"], [97, 2, 1])[0]
        code = {"failed": chance.choice(_FAILURES).code, "cancelled": AnalysisCancelled.code}.get(status, "")
        words = " ".join(dict.fromkeys(chance.choices(_VOCABULARY, _WEIGHTS, k=24)))
        counts[status] += 1
        result = _result(words, position) if status == "succeeded" else (None, "", None, None)
        rows[Image].append(_image(image, session, position, words, at, result))
        rows[ImageWords].append((image, session, account, words))
        place = (first_pk + position, job, image, position, status, 1, None if is_queued else position + 1)
        queue, times = (at, "images", 2**40 + position, ""), (ended and at, ended)
        rows[ImageAnalysis].append((*place, *queue, *times, _SENTENCES.get(code, ""), code, *result))
        rows[CreditEntry].append((account, -1, "charge", job, image, "", at))
        if code:
            rows[CreditEntry].append((account, 1, "refund", job, image, code, ended))
        if ended:
            kind, data = ("error", f'{{"code": "{code}"}}') if code else ("result", result[0])
            seq = 2 * position
            rows[JobEvent] += [(job, seq + 1, "progress", "{}", at), (job, seq + 2, kind, data, ended)]
    if ended:
        rows[JobEvent].append((job, 2 * IMAGES_IN_SESSION + 1, "complete", "{}", ended))
    rows[Job].append(_job(job, session, account, counts, len(rows[JobEvent]), at, ended))
    return rows


def _result(words: str, position: int) -> Row:
    """Return metadata, kind, confidence and whether it needs review."""
    return _metadata(words), "photo", 0.7, position == 3


def _image(image: str, session: str, position: int, words: str, at: str, result: Row) -> Row:
    name = f"{words[:12].replace(' ', '-')}-{position}" if result[0] else None
    file = (f"{words[:12]}.jpg", "image/jpeg", 200_000, 1600, 1067, f"sessions/{session}/{image}.jpg")
    return (image, session, position, *file, at, *result, name, 1)


def _job(job: str, session: str, account: str, counts: dict[str, int], seq: int, at: str, ended: str | None) -> Row:
    waits, lost = counts["queued"], counts["failed"] + counts["cancelled"]
    status = "queued" if waits else "partial" if lost and counts["succeeded"] else "failed" if lost else "complete"
    begun = IMAGES_IN_SESSION - waits
    ends = (counts["succeeded"], counts["failed"], counts["cancelled"])
    return (job, session, account, status, IMAGES_IN_SESSION, begun, *ends, seq, at, ended, "")


def _metadata(words: str) -> str:
    sentence = words.capitalize()
    fields = {"title": sentence[:40], "alt": sentence[:100], "caption": sentence, "description": f"{sentence}. It is."}
    return json.dumps({**fields, "filename": words[:12], "seoTags": words.split()[:6]})


def _text(moment: datetime) -> str:
    """Return a time as both databases read it, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def _insert(model: type[Model], rows: Sequence[Row]) -> None:
    columns = COLUMNS[model].split()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {model._meta.db_table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES ({marks})", rows)


def _finish(accounts: Iterable[Account]) -> None:
    """Set the balances and the sequences of ids, and let the planner count the rows."""
    for account in accounts:
        Account.objects.filter(pk=account.pk).update(balance=account.credit_entries.aggregate(n=Sum("amount"))["n"])
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(COLUMNS)):
            cursor.execute(statement)
        cursor.execute("ANALYZE")
