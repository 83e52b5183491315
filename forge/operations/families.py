"""Which families of models the live workers run, and whether they can do what a request's options ask for."""

from collections.abc import Container, Mapping
from typing import Any

from django.conf import settings

from analysis_options import Family, family_of, unsupported_option
from forge.errors import OptionUnsupported, Unavailable
from forge.jobs.fair_queue import queue_of
from forge.models import Account
from forge.operations.live_workers import Worker, live_workers


def loaded_families(queue: str | None = None) -> list[Family]:
    """Return the families of the live workers, or of those that serve a queue; without one, that of the settings."""
    names = {worker.family for worker in _workers() if queue is None or queue in worker.queues}
    return [family_of(name) for name in sorted(names)] or [family_of(settings.FORGE_MODELS)]


def loaded_models() -> dict[str, list[str]]:
    """Return the names and revisions of the models that live workers run, by family."""
    found: dict[str, list[str]] = {}
    for worker in _workers():
        if worker.model and worker.model not in found.setdefault(worker.family, []):
            found[worker.family].append(worker.model)
    return found


def options_require(account: Account, options: Mapping[str, Any], *, requested: Container[str]) -> None:
    """Raise OptionUnsupported for an option that a worker of the account's queue cannot do.

    Those that are not `requested` are the account's defaults, which the error says.
    """
    if not options:
        return
    for family in loaded_families(queue_of(account)):
        problem = unsupported_option(options, family)
        if problem is None:
            continue
        error = OptionUnsupported(option=problem.option, family=problem.family, accepted=problem.accepted)
        if problem.option in requested:
            raise error
        raise OptionUnsupported(f"{error.sentence} It is a default of this account.", **error.members)


def _workers() -> list[Worker]:
    try:
        return [worker for worker in live_workers() if worker.family]
    except Unavailable:
        return []
