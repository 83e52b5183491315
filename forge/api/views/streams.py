"""The event stream response and the headers that all views of jobs send."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.reverse import reverse

from forge import relay
from forge.api.account import account_of
from forge.api.asgi.handoff import hand_off_stream
from forge.errors import InvalidRequest
from forge.limits import StreamSlot
from forge.models import Job


def last_event_id_of(request: Request) -> int | None:
    """Return the number of the last event that the client received; None where the request does not resume."""
    # A browser that reconnects repeats the URL of its first request, so the header is the newer of the two.
    value = request.headers.get("Last-Event-ID", "").strip() or request.query_params.get("after", "").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise InvalidRequest("Last-Event-ID and after are the number of an event of this job.")
    return int(value)


def stream_response(request: Request, job: Job, slot: StreamSlot | None, *, after: int) -> HttpResponse:
    stream = relay.JobStream(account=account_of(request), job_id=job.pk, after=after, key_id=request.auth.pk)
    hand_off_stream(request, stream, slot)
    headers = {**job_headers(request, job), "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return HttpResponse(content_type="text/event-stream", headers=headers)


def job_headers(request: Request, job: Job) -> dict[str, str]:
    return {"X-Job-Id": job.pk, "Location": reverse("job", kwargs={"job_id": job.pk}, request=request)}
