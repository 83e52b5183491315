"""Storage and workers, as readiness finds them."""

from collections.abc import Iterator

from forge.operations import readiness
from forge.operations.doctor.finding import Finding, fail, ok, warn

_REMEDIES = {
    "storage": "Check disk space and permissions; web servers and workers need the same storage.",
    "worker": "Start one with `celery -A config worker`, or bin/up.",
}


def findings() -> Iterator[Finding]:
    missing = readiness.missing()
    for part, sentence in (("storage", "The storage can be written."), ("worker", "A worker answers.")):
        if part not in missing:
            yield ok(part, sentence)
        elif missing[part] == readiness.LOADING:
            yield warn(part, _sentence(missing[part]), "Wait.")
        else:
            yield fail(part, _sentence(missing[part]), _REMEDIES[part])


def _sentence(problem: str) -> str:
    return f"{problem[:1].upper()}{problem[1:].rstrip('.')}."
