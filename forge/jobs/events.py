"""The four event shapes of a job's stream, and the only door that records and publishes one."""

import json
from typing import Literal, TypedDict, overload

from django.db import transaction

from forge import relay
from forge.jobs import states
from forge.models import JobEvent


class Progress(TypedDict):
    """An image's analysis begins; `current` counts 1…total in that order."""

    imageId: str
    status: Literal["processing"]
    current: int
    total: int


class Metadata(TypedDict):
    """The words of one image."""

    title: str
    alt: str
    caption: str
    description: str
    filename: str
    seoTags: list[str]


class Result(TypedDict):
    """An image succeeded."""

    imageId: str
    metadata: Metadata


class Error(TypedDict):
    """An image failed, or was cancelled before it began; the others go on."""

    imageId: str
    error: str
    code: str


class Complete(TypedDict):
    """Every image ended; nothing follows."""

    status: str
    processed: int
    total: int
    succeeded: int
    failed: int
    creditsCharged: int
    creditsRefunded: int


@overload
def event_record(*, job_id: str, type: Literal["progress"], data: Progress) -> None: ...
@overload
def event_record(*, job_id: str, type: Literal["result"], data: Result) -> None: ...
@overload
def event_record(*, job_id: str, type: Literal["error"], data: Error) -> None: ...
@overload
def event_record(*, job_id: str, type: Literal["complete"], data: Complete) -> None: ...
def event_record(*, job_id: str, type: str, data: object) -> None:
    """Writes the event with the next number of its job, in the transaction that changed the state it tells of.

    It is published once that transaction has committed; nobody hears of a state that was rolled back.
    """
    seq = states.job_count(job_id, "last_seq").last_seq
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    JobEvent.objects.create(job_id=job_id, seq=seq, type=type, data=text)
    transaction.on_commit(lambda: relay.publish(job_id=job_id, seq=seq, type=type, data=text), robust=True)
