"""The workers that have a fresh heartbeat, with what they run, for operators."""

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from django.conf import settings
from redis import Redis

from forge.errors import Unavailable
from forge.operations import readiness
from forge.redis_client import redis_call

_DESCRIPTION_KEY = "forge:worker:"
_EXPIRY_S = 60  # over the time for which a heartbeat counts


@dataclass(frozen=True)
class Worker:
    """`queues` is empty where the worker is of an earlier version, which does not describe itself."""

    name: str
    last_heartbeat: datetime
    model: str = ""
    device: str = ""
    family: str = ""
    queues: tuple[str, ...] = ()


def worker_describe(name: str, *, model: str, device: str, family: str = "") -> None:
    """Record in Redis, at each heartbeat, what a worker runs and which queues it serves."""
    described = {"model": model, "device": device, "family": family, "queues": list(settings.FORGE_QUEUES)}
    text = json.dumps(described)
    expiry_s = max(_EXPIRY_S, int(10 * settings.FORGE_HEARTBEAT_S))
    with contextlib.suppress(Unavailable):
        redis_call(lambda client: client.set(_DESCRIPTION_KEY + name, text, ex=expiry_s))


def live_workers() -> list[Worker]:
    """Return the workers by name. Raises Unavailable."""
    return redis_call(_read)


def _read(client: Redis) -> list[Worker]:
    heartbeats = readiness.heartbeats(client)
    names = sorted(heartbeats)
    texts = cast("list[bytes | None]", client.mget([_DESCRIPTION_KEY + name for name in names])) if names else []
    return [_worker(name, heartbeats[name], text) for name, text in zip(names, texts, strict=True)]


def _worker(name: str, milliseconds: float, text: bytes | None) -> Worker:
    described: dict[str, Any] = json.loads(text) if text else {}
    return Worker(
        name=name,
        last_heartbeat=datetime.fromtimestamp(milliseconds / 1000, UTC),
        model=described.get("model", ""),
        device=described.get("device", ""),
        family=described.get("family", ""),
        queues=tuple(described.get("queues", [])),
    )
