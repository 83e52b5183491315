"""Requests with an idempotency key."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from forge.models import Session
from tests.forge import job_factory
from tests.forge.conftest import V1, ApiClient

JSON = {"Accept": "application/json"}


def keyed(key: str, **headers: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key, **JSON, **headers}}


def analyze(api: ApiClient, session: Session, key: str = "key-1", body: Any = None) -> Any:
    return api.call("POST", f"/sessions/{session.pk}/analyze", body or job_factory.body_for(session), **keyed(key))


def upload(api: ApiClient, *files: tuple[str, bytes], key: str = "key-1", path: str = "/sessions/upload") -> Any:
    named = [SimpleUploadedFile(name, data, "application/octet-stream") for name, data in files]
    return api.post(V1 + path, {"images[]": named}, **keyed(key))


def refused_as(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]
