"""An event stream through the service's public address: does a proxy on the way hold it back?

The job of the check is claimed by the check itself in the transaction that submits it, so no worker sees it. Its
`progress` event is there before the stream opens; the stream then stays open and silent. A proxy that buffers holds
that event until the stream ends. The credit is charged and refunded. Should the check die, the lease expires, a worker
takes the job, finds no file and refunds it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from django.db import transaction

from forge.errors import AnalysisCancelled, ForgeError
from forge.jobs import services
from forge.jobs.claims import Claim
from forge.jobs.references import ImageReference
from forge.models import Account, ApiKey, Image, ImageAnalysis, Session
from forge.operations.doctor.finding import Finding, fail, ok
from forge.sessions.services import session_delete

CHECK = "event stream"
WAIT_S = 8.0  # less than the lease of 15 s and than the first keep-alive
_PATH = "/image-forge-api/v1/jobs/{}/events"


def finding(url: str, key: str) -> Finding:
    """Return whether the first event of a stream arrives through `url` before the stream ends."""
    found = ApiKey.objects.select_related("account").filter(hash=ApiKey.hash_of(key)).first()
    if found is None or not found.is_accepted:
        remedy = "Make one with bin/manage make_key; use this service's DATABASE_URL."
        return fail(CHECK, "The API key is not one of this database, or not active.", remedy)
    try:
        with _silent_job(found.account) as job_id:
            return _measure(url.rstrip("/"), job_id, key)
    except ForgeError as error:
        return fail(CHECK, f"No job could be made for the check: {error.sentence}", "Grant the account a credit.")


@contextmanager
def _silent_job(account: Account) -> Iterator[str]:
    """Yield a job that is under way and whose image does not end."""
    session = Session.objects.create(account=account)
    image = Image(session=session, position=0, original_filename="doctor.jpg", content_type="image/jpeg")
    image.size = image.width = image.height = 1
    image.storage_key = f"sessions/{session.pk}/{image.pk}.jpg"
    image.save(force_insert=True)
    claim = None
    try:
        claim = _submit_and_claim(account, session, image)
        yield claim.job_id
    finally:
        if claim is not None:
            services.analysis_fail(claim=claim, error=AnalysisCancelled())
        session_delete(session=session)


@transaction.atomic
def _submit_and_claim(account: Account, session: Session, image: Image) -> Claim:
    reference = ImageReference(id=image.pk, upload_path=image.upload_path)
    job = services.job_submit(account=account, session=session, references=[reference])
    claim = services.analysis_claim(analysis_id=ImageAnalysis.objects.get(job=job).pk, holder="doctor")
    assert claim is not None, "nobody else sees a row of this transaction"
    return claim


def _measure(url: str, job_id: str, key: str) -> Finding:
    started = time.monotonic()
    try:
        with httpx.stream("GET", url + _PATH.format(job_id), headers={"X-API-Key": key}, timeout=WAIT_S) as response:
            if problem := _refusal(response, url):
                return problem
            if not any(b"data:" in chunk for chunk in response.iter_raw()):
                return fail(CHECK, f"{url} ended the stream before its first event.", _REMEDY)
    except httpx.ReadTimeout:
        sentence = f"{url} passed no event on within {WAIT_S:g} s: a proxy on the way buffers the stream."
        return fail(CHECK, sentence, _REMEDY)
    except httpx.HTTPError as error:
        return fail(CHECK, f"{url} cannot be reached ({error}).", "Check the name, the port and the certificate.")
    return ok(CHECK, f"The first event came through {url} after {time.monotonic() - started:.2f} s.")


_REMEDY = "Turn buffering off there: with nginx `proxy_buffering off;`, and no compression of text/event-stream."


def _refusal(response: httpx.Response, url: str) -> Finding | None:
    if response.is_redirect:
        target = response.headers.get("location", "")
        return fail(CHECK, f"{url} redirects to {target}.", "Give that address, or check X-Forwarded-Proto.")
    if response.status_code != httpx.codes.OK:
        remedy = "Check ALLOWED_HOSTS, the proxy's upstream, and that both use the same database."
        return fail(CHECK, f"{url} answers {response.status_code} for an event stream.", remedy)
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        return fail(CHECK, f"{url} does not answer with an event stream.", "Is it the address of this service?")
    return None
