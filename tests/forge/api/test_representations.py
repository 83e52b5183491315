"""Responses stored with an idempotency key equal what the serializers render."""

import json
from collections.abc import Callable

from forge import selectors
from forge.api.serializers import JobSerializer, UploadedSessionSerializer
from forge.models import Account, Session
from forge.representations import job_representation, session_representation
from tests.forge import job_factory

MakeSession = Callable[..., Session]


def test_a_stored_session_is_a_rendered_session(alice: Account, make_session: MakeSession) -> None:
    made = make_session(alice, 3)
    session = selectors.session_get(alice, made.pk)

    stored = session_representation(made, made.images.order_by("position"))

    assert json.dumps(stored) == json.dumps(UploadedSessionSerializer(session).data)


def test_a_stored_job_is_a_rendered_job(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 3)
    submitted = job_factory.submit(alice, session)
    job = selectors.job_get(alice, submitted.pk)

    stored = job_representation(submitted, session.images.order_by("position").values_list("pk", flat=True))

    assert json.dumps(stored) == json.dumps(JobSerializer(job).data)
