"""Submission of a job by ids, as the API receives it."""

from collections.abc import Mapping, Sequence
from typing import Any

from forge import selectors
from forge.errors import InvalidRequest, NothingToResume
from forge.idempotency import ClaimedKey
from forge.jobs import services
from forge.jobs.references import ImageReference
from forge.models import Account, Job


def job_request(
    *,
    account: Account,
    session_id: str,
    confirmed_session_id: str | None,
    references: Sequence[ImageReference],
    claimed_key: ClaimedKey | None,
    options: Mapping[str, Any],
    is_single: bool = False,
    action: Job.Action = Job.Action.ANALYZE,
    export_settings: dict[str, Any] | None = None,
) -> Job:
    """Check the request and submit its job. Raises InvalidRequest, NotFound and job_submit's errors.

    `confirmed_session_id`: the id that the request's body repeats, if it does.
    """
    _check(session_id, confirmed_session_id, references)
    session = selectors.session_get(account, session_id)
    return services.job_submit(
        account=account,
        session=session,
        references=references,
        claimed_key=claimed_key,
        options=options,
        is_single=is_single,
        action=action,
        export_settings=export_settings,
    )


def job_resume(
    *,
    account: Account,
    session_id: str,
    confirmed_session_id: str | None,
    references: Sequence[ImageReference],
    options: Mapping[str, Any],
    action: Job.Action = Job.Action.ANALYZE,
    export_settings: dict[str, Any] | None = None,
) -> Job:
    """Return the newest job that the same request started. Raises NothingToResume where there is none."""
    _check(session_id, confirmed_session_id, references)
    session = selectors.session_get(account, session_id)
    ids = {reference.id for reference in references}
    job = selectors.job_of_images(session, ids, action=action, options=options, export_settings=export_settings)
    if job is None:
        raise NothingToResume(sessionId=session_id)
    return job


def _check(session_id: str, confirmed_session_id: str | None, references: Sequence[ImageReference]) -> None:
    if confirmed_session_id not in (None, session_id):
        raise InvalidRequest("The sessionId of the body is not the one of the path.")
