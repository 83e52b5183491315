"""What the views of jobs have in common: their headers, and the stream from a given event on."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.reverse import reverse

from forge import relay
from forge.api.account import account_of
from forge.api.asgi.handoff import StreamResponder, hand_over
from forge.errors import InvalidRequest
from forge.limits import StreamSlot
from forge.models import Job


def after_of(request: Request) -> int:
    # A browser that reconnects repeats the address it was given, so its header is the newer of the two.
    given = request.headers.get("Last-Event-ID") or request.query_params.get("after") or "0"
    if not (given.isascii() and given.isdigit() and len(given) <= 9):
        raise InvalidRequest("Last-Event-ID and after are the number of an event of this job.")
    return int(given)


def stream_of(request: Request, job: Job, slot: StreamSlot | None, *, after: int) -> HttpResponse:
    chunks = relay.stream(account=account_of(request), job_id=job.pk, after=after)
    hand_over(request, StreamResponder(chunks), slot)
    headers = {**job_headers(request, job), "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return HttpResponse(content_type="text/event-stream", headers=headers)


def job_headers(request: Request, job: Job) -> dict[str, str]:
    return {"X-Job-Id": job.pk, "Location": reverse("job", kwargs={"job_id": job.pk}, request=request)}
