"""Claim and result of the usual image as one PostgreSQL statement each, which is a transaction of its own.

Statement by statement they take 17 round trips, while the session's and the job's row are locked, and most of a
worker's processor time. What is unusual changes nothing here; forge/jobs/services.py then does it statement by
statement, as it does everything on SQLite. Rows, events and the order of locks are the same: docs/decisions/0041.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from psycopg import Cursor

from forge.jobs.claims import Claim
from forge.jobs.events import Assessment, ImageMetadata, ResultData, event_publish, event_text
from forge.words import words_joined

# Of names that are tried. Where all are taken, the image is an unusual one.
_MAX_NAMES = 3
# In place of the file name, which the statement chooses. No caption contains it.
_NAME = secrets.token_hex(16)

Row = tuple[Any, ...]

# `queued` twice: else the plan, which is kept, may be that for a queue that is short when it is made: to read all that
# is queued by the index analysis_waiting, and sort it. Two values make that index the dearer one at any length.
CLAIM = """
WITH next AS (
    SELECT id, job_id, image_id, attempts = 0 AND current IS NULL AS is_new FROM forge_imageanalysis
    WHERE status IN ('queued', 'queued') AND queue = %(queue)s AND (attempts = 0 OR NOT %(only_new)s)
    ORDER BY turn, id LIMIT 1 FOR UPDATE SKIP LOCKED
), job AS (
    UPDATE forge_job SET
        started = started + 1, last_seq = last_seq + 1,
        status = CASE status WHEN 'queued' THEN 'running' ELSE status END
    FROM next WHERE forge_job.id = next.job_id AND next.is_new
    RETURNING forge_job.id, started, total, last_seq, action
), analysis AS (
    UPDATE forge_imageanalysis SET
        status = 'processing', holder = %(holder)s, lease_until = clock_timestamp() + %(lease)s,
        attempts = attempts + 1, current = job.started, started_at = clock_timestamp()
    FROM next JOIN job ON true WHERE forge_imageanalysis.id = next.id
), event AS (
    INSERT INTO forge_jobevent (job_id, seq, type, data, created_at)
    SELECT job.id, last_seq, 'progress', concat(
        '{"jobId":"', job.id, '","imageId":"', image_id, '","status":"processing","current":', started,
        ',"total":', total, CASE action WHEN 'analyze' THEN '' ELSE ',"step":"export"' END, '}'
    ), clock_timestamp() FROM next JOIN job ON true
    RETURNING seq, data
)
SELECT
    next.id, next.job_id, next.image_id, storage_key, original_filename, request_id, extra_terms::text,
    options::text, forge_job.action <> 'analyze', event.seq, event.data
FROM next
JOIN forge_image ON forge_image.id = next.image_id
JOIN forge_job ON forge_job.id = next.job_id
JOIN forge_account ON forge_account.id = forge_job.account_id
LEFT JOIN event ON true
"""

# The image's first result. Each part reads the one before it, which fixes the order of the locks. Its plan, too, may be
# made for tables that are short: rows are found by their keys alone, names by count(*), which is no join, and
# `status || ''` keeps the index analysis_leases out.
RESULT = """
WITH locked AS (
    SELECT forge_session.id FROM forge_image JOIN forge_session ON forge_session.id = session_id
    WHERE forge_image.id = %(image)s FOR NO KEY UPDATE OF forge_session
), named AS (
    SELECT name, words FROM locked,
        unnest(%(names)s::text[], %(words)s::text[]) WITH ORDINALITY AS given (name, words, place)
    WHERE (SELECT count(*) FROM forge_image WHERE session_id = locked.id AND filename = name) = 0
    ORDER BY place LIMIT 1
), analysis AS (
    UPDATE forge_imageanalysis SET
        status = 'succeeded', metadata = (%(before)s::text || name || %(after)s)::jsonb, kind = %(kind)s,
        confidence = %(confidence)s, needs_review = %(needs_review)s, provenance = %(provenance)s::jsonb,
        finished_at = clock_timestamp(), lease_until = NULL
    FROM named, forge_image
    WHERE forge_imageanalysis.id = %(analysis)s AND forge_imageanalysis.status || '' = 'processing'
        AND holder = %(holder)s AND attempts = %(attempt)s
        AND image_id = %(image)s AND forge_image.id = %(image)s
        AND forge_image.metadata IS NULL AND forge_image.filename IS NULL
    RETURNING job_id, session_id, name, words, forge_imageanalysis.metadata
), image AS (
    UPDATE forge_image SET
        metadata = analysis.metadata, filename = name, kind = %(kind)s, confidence = %(confidence)s,
        needs_review = %(needs_review)s, version = version + 1
    FROM analysis WHERE id = %(image)s
    RETURNING job_id, analysis.session_id, name, words
), job AS (
    UPDATE forge_job SET
        succeeded = succeeded + 1,
        last_seq = last_seq + CASE WHEN succeeded + failed + cancelled + 1 < total THEN 1 ELSE 2 END,
        status = CASE
            WHEN succeeded + failed + cancelled + 1 < total THEN status
            WHEN cancelled > 0 THEN 'cancelled' WHEN failed > 0 THEN 'partial' ELSE 'complete'
        END,
        finished_at = CASE WHEN succeeded + failed + cancelled + 1 < total THEN NULL ELSE clock_timestamp() END
    FROM image WHERE id = image.job_id
    RETURNING id, image.session_id, account_id, name, words, status, total, succeeded, failed, cancelled, last_seq,
        finished_at IS NOT NULL AS has_ended
), found AS (
    INSERT INTO forge_imagewords (image_id, session_id, account_id, words)
    SELECT %(image)s, session_id, account_id, words FROM job
    ON CONFLICT (image_id) DO UPDATE SET words = excluded.words
), event AS (
    INSERT INTO forge_jobevent (job_id, seq, type, data, created_at)
    SELECT id, last_seq - has_ended::int, 'result', %(text_before)s::text || name || %(text_after)s, clock_timestamp()
    FROM job
    RETURNING seq, data
), complete AS (
    INSERT INTO forge_jobevent (job_id, seq, type, data, created_at)
    SELECT id, last_seq, 'complete', concat(
        '{"jobId":"', id, '","status":"', status, '","processed":', succeeded + failed + cancelled, ',"total":', total,
        ',"succeeded":', succeeded, ',"failed":', failed, ',"creditsCharged":', total, ',"creditsRefunded":',
        failed + cancelled, '}'
    ), clock_timestamp() FROM job WHERE has_ended
    RETURNING data
)
SELECT event.seq, event.data, complete.data FROM event LEFT JOIN complete ON true
"""


class Unusual(Exception):
    """The next image was held by a worker before."""


def is_available() -> bool:
    return connection.vendor == "postgresql"


def claim_next(*, holder: str, only_new: bool) -> Claim | None:
    """Claim the next image in fair order and record the start; None when none is queued. Raises Unusual.

    `only_new`: skip images that a dead worker held.
    """
    lease = timedelta(seconds=settings.FORGE_LEASE_S)
    for queue in settings.FORGE_QUEUES:
        row = _execute(CLAIM, {"queue": queue, "only_new": only_new, "holder": holder, "lease": lease})
        if row is None:
            continue
        analysis_id, job_id, image_id, storage_key, name, request_id, terms, options, is_export, seq, text = row
        if seq is None:
            raise Unusual
        event_publish(job_id=job_id, seq=seq, type="progress", text=text)
        accepted, asked = tuple(json.loads(terms)), json.loads(options or "{}")
        return Claim(
            analysis_id, holder, 1, job_id, image_id, storage_key, name, request_id, accepted, asked, is_export
        )
    return None


def result_save(
    *,
    claim: Claim,
    metadata: ImageMetadata,
    assessment: Assessment,
    filenames: Sequence[str],
    provenance: Mapping[str, Any] | None,
) -> bool:
    """Save the first result of an image that no person has edited, and end its job after its last image.

    For jobs without options. False, with nothing changed, for other images, where the claim is no longer held, and
    where the names are taken.
    """
    names = [name.lower() for name in filenames[:_MAX_NAMES]]
    unnamed: ImageMetadata = {**metadata, "filename": _NAME}
    before, after = json.dumps(unnamed).split(_NAME)
    event: ResultData = {
        "jobId": claim.job_id,
        "imageId": claim.image_id,
        "metadata": unnamed,
        "kind": assessment["kind"],
        "confidence": assessment["confidence"],
        "needsReview": assessment["needsReview"],
    }
    text_before, text_after = event_text(event).split(_NAME)
    row = _execute_unless_taken(
        RESULT,
        {
            "analysis": claim.analysis_id, "holder": claim.holder, "attempt": claim.attempt, "image": claim.image_id,
            "names": names,
            "words": [words_joined(claim.original_filename, {**metadata, "filename": name}) for name in names],
            "before": before, "after": after, "text_before": text_before, "text_after": text_after,
            "kind": assessment["kind"], "confidence": assessment["confidence"],
            "needs_review": assessment["needsReview"],
            "provenance": None if provenance is None else json.dumps(provenance),
        },
    )  # fmt: skip
    if row is None:
        return False
    seq, result, complete = row
    event_publish(job_id=claim.job_id, seq=seq, type="result", text=result)
    if complete is not None:
        event_publish(job_id=claim.job_id, seq=seq + 1, type="complete", text=complete)
    return True


def _execute_unless_taken(sql: str, parameters: dict[str, Any]) -> Row | None:
    """Return None where another image took the name between the statement's snapshot and its lock of the session."""
    try:
        if connection.in_atomic_block:
            with transaction.atomic():  # a savepoint; alone the statement is its own transaction
                return _execute(sql, parameters)
        return _execute(sql, parameters)
    except IntegrityError:
        return None


def _execute(sql: str, parameters: dict[str, Any]) -> Row | None:
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    of_driver = connection.connection
    # Django prepares nothing: its statements differ in their literals, and a pooler may change the server's connection.
    of_driver.prepare_threshold = None if connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] else 0
    try:
        with connection.wrap_database_errors, Cursor(of_driver) as cursor:
            return cursor.execute(sql, parameters).fetchone()
    finally:
        of_driver.prepare_threshold = None
