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

from forge.models import Account, CreditEntry, Image, ImageAnalysis, ImageWords, Job, JobEvent, Session

ACCOUNTS = 50
IMAGES_IN_SESSION = 20
DAYS = 30
TODAY = 0.1  # share of the sessions that are of today
_QUEUED = 0.002  # share of the newest sessions whose images wait
_BATCH = 20_000
_CODES = ["analysis_timeout", "analysis_failed", "analysis_crashed", "image_gone", "no_caption"]
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
    session, job, at, ended = f"sess_{token}", f"job_{token}", _text(created), _text(created + timedelta(seconds=9))
    rows: dict[type[Model], list[Row]] = {model: [] for model in COLUMNS}
    rows[Session].append((session, account, at, _text(created + timedelta(days=90))))
    counts, seq = {"succeeded": 0, "failed": 0, "cancelled": 0, "queued": 0}, 0
    for position in range(IMAGES_IN_SESSION):
        image = f"img_{token[:-2]}{position:02d}"
        status = "queued" if is_queued else chance.choices(["succeeded", "failed", "cancelled"], [97, 2, 1])[0]
        counts[status] += 1
        words = " ".join(dict.fromkeys(chance.choices(_VOCABULARY, _WEIGHTS, k=24)))
        metadata = _metadata(words) if status == "succeeded" else None
        result = (metadata, "photo" if metadata else "", 0.7 if metadata else None, position == 3 if metadata else None)
        file = (
            image,
            session,
            position,
            f"{words[:12]}.jpg",
            "image/jpeg",
            200_000,
            1600,
            1067,
            f"sessions/{session}/{image}.jpg",
        )
        rows[Image].append((*file, at, *result, f"{words[:12].replace(' ', '-')}-{position}" if metadata else None, 1))
        rows[ImageWords].append((image, session, account, words))
        code = {"failed": chance.choice(_CODES), "cancelled": "cancelled"}.get(status, "")
        current, finished = (None, None) if is_queued else (position + 1, ended)
        state = (first_pk + position, job, image, position, status, 1, current, at, "images", 2**40 + position, "")
        rows[ImageAnalysis].append(
            (*state, at if finished else None, finished, f"Failed: {code}." if code else "", code, *result)
        )
        rows[CreditEntry].append((account, -1, "charge", job, image, "", at))
        if code:
            rows[CreditEntry].append((account, 1, "refund", job, image, code, ended))
        if not is_queued:
            kind, data = ("error", f'{{"code": "{code}"}}') if code else ("result", metadata)
            rows[JobEvent] += [(job, seq + 1, "progress", "{}", at), (job, seq + 2, kind, data, ended)]
            seq += 2
    if not is_queued:
        seq += 1
        rows[JobEvent].append((job, seq, "complete", "{}", ended))
    rows[Job].append(_job(job, session, account, counts, seq, at, ended))
    return rows


def _job(job: str, session: str, account: str, counts: dict[str, int], seq: int, at: str, ended: str) -> Row:
    waits, lost = counts["queued"], counts["failed"] + counts["cancelled"]
    status = "queued" if waits else "partial" if lost and counts["succeeded"] else "failed" if lost else "complete"
    begun = IMAGES_IN_SESSION - waits
    ends = (counts["succeeded"], counts["failed"], counts["cancelled"])
    return (job, session, account, status, IMAGES_IN_SESSION, begun, *ends, seq, at, None if waits else ended, "")


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
