"""The event types of a job's stream, and the only functions that record and publish them."""

import json
from typing import Literal, NotRequired, TypedDict, overload

from django.db import transaction

from forge import relay
from forge.models import Job, JobEvent


class EventData(TypedDict):
    """What every event has."""

    jobId: str


class ProgressData(EventData):
    """An analysis begins; `current` counts 1…total in that order."""

    imageId: str
    status: Literal["processing"]
    current: int
    total: int


class ImageMetadata(TypedDict):
    """The six result fields of one image."""

    title: str
    alt: str
    caption: str
    description: str
    filename: str
    seoTags: list[str]


class Assessment(TypedDict):
    """The image's kind (`Kind`), the probability that the words are right, and whether a person should review them."""

    kind: str
    confidence: float
    needsReview: bool


class TranslationError(TypedDict):
    """A language failed; its credit was refunded."""

    error: str
    code: str


class Extras(TypedDict):
    """What a result has where the request's options ask for it: keywords that were not used; no content to describe;
    metadata in further languages, and those that failed, by tag.
    """

    unusedKeywords: NotRequired[list[str]]
    decorative: NotRequired[bool]
    translations: NotRequired[dict[str, ImageMetadata]]
    translationErrors: NotRequired[dict[str, TranslationError]]


class ResultData(EventData, Assessment, Extras):
    """An image succeeded."""

    imageId: str
    metadata: ImageMetadata


class ErrorData(EventData):
    """An image failed, or was cancelled before it began; the others continue."""

    imageId: str
    error: str
    code: str


class CompleteData(EventData):
    """Every image has ended; the last event of a job."""

    status: str
    processed: int
    total: int
    succeeded: int
    failed: int
    creditsCharged: int
    creditsRefunded: int


class ExportProgressData(ProgressData):
    """An export begins."""

    step: Literal["export"]


class VariantData(TypedDict):
    """One file of an export: `path` is its address on this service, `name` is `full` or its width."""

    name: str
    path: str
    filename: str
    size: int
    width: int
    height: int


class ExportResultData(EventData):
    """An image was exported."""

    imageId: str
    variants: list[VariantData]


class ExportedImage(TypedDict):
    imageId: str
    variants: list[VariantData]


class ExportCompleteData(CompleteData):
    """Every image of an export has ended; `results` has those that succeeded."""

    results: list[ExportedImage]


EVENTS: dict[str, type] = {
    "progress": ProgressData,
    "result": ResultData,
    "error": ErrorData,
    "complete": CompleteData,
}
# Of jobs with another action than `analyze`.
EXPORT_EVENTS: dict[str, type] = {
    "progress": ExportProgressData,
    "result": ExportResultData,
    "error": ErrorData,
    "complete": ExportCompleteData,
}
METADATA_FIELDS = tuple(ImageMetadata.__annotations__)


@overload
def event_record(*, type: Literal["progress"], data: ProgressData, seq: int) -> None: ...
@overload
def event_record(*, type: Literal["result"], data: ResultData | ExportResultData, seq: int) -> None: ...
@overload
def event_record(*, type: Literal["error"], data: ErrorData, seq: int) -> None: ...
@overload
def event_record(*, type: Literal["complete"], data: CompleteData, seq: int) -> None: ...
def event_record(*, type: str, data: EventData, seq: int) -> None:
    """Append an event to the job's event log, in the transaction that changes the state it describes.

    `seq` is the job's next number, incremented with the counters of that state (forge/jobs/states.py). The event is
    published after commit, so a rolled-back state is never sent.
    """
    job_id, text = data["jobId"], event_text(data)
    JobEvent.objects.create(job_id=job_id, seq=seq, type=type, data=text)
    event_publish(job_id=job_id, seq=seq, type=type, text=text)


def event_text(data: EventData) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def event_publish(*, job_id: str, seq: int, type: str, text: str) -> None:
    """Publish a recorded event after the commit of the current transaction; at once outside one."""
    transaction.on_commit(lambda: relay.publish(job_id=job_id, seq=seq, type=type, data=text), robust=True)


def progress_record(job: Job, image_id: str) -> None:
    """Record that an image's analysis or export begins, with the job's counters as they are now."""
    data: ProgressData = {
        "jobId": job.pk, "imageId": image_id, "status": "processing", "current": job.started, "total": job.total,
    }  # fmt: skip
    if job.action != Job.Action.ANALYZE:
        exported: ExportProgressData = {**data, "step": "export"}
        data = exported
    event_record(type="progress", data=data, seq=job.last_seq)
