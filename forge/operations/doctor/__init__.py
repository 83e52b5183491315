"""Checks of an installation in words, for `bin/manage doctor`: what is wrong, and what to do next.

Readiness answers whether this process can serve a request now; these checks also find what will fail later.
"""

from collections.abc import Iterator

from forge.operations.doctor import database, event_stream, machine, models, redis_server, service
from forge.operations.doctor.finding import Finding

__all__ = ["Finding", "findings"]


def findings(url: str = "", key: str = "") -> Iterator[Finding]:
    """Yield the outcome of each check. `url`, `key`: public address and API key for the check of an event stream."""
    yield from machine.findings()
    yield from models.findings()
    database_answers = redis_answers = True
    for finding in database.findings():
        database_answers &= not (finding.check == "database" and finding.status == "fail")
        yield finding
    for finding in redis_server.findings():
        redis_answers &= not (finding.check == "redis" and finding.status == "fail")
        yield finding
    if database_answers and redis_answers:
        yield from service.findings()
    if url and database_answers and redis_answers:
        yield event_stream.finding(url, key)
