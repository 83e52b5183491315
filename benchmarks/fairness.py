"""Fair queue: how long a single image waits behind 5,000 of another account, against first come, first served.

Both run through the whole service; for the latter every row's round is overwritten, so that the oldest row is next. The
wait is counted in batches, since the time of a batch depends on the model. The ratio is that of the batches.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.conf import settings
from rich.console import Console
from rich.table import Table

from benchmarks._service import make_client, make_key, manage
from forge.stack import Stack
from tests.e2e.client import colored_images, submit, upload

JOB = 100  # images
FIRST_COME_FIRST_SERVED = "ImageAnalysis.objects.filter(status='queued').update(turn=F('id'))"
STARTED_BEFORE = """
one = ImageAnalysis.objects.get(job='{job}')
print(ImageAnalysis.objects.filter(started_at__gte=one.job.created_at, started_at__lt=one.started_at).count())
"""


@dataclass(frozen=True)
class TwoAccounts:
    stack: Stack
    alice: httpx.Client
    bob: httpx.Client

    def manage(self, *arguments: str) -> str:
        return manage(self.stack.data, *arguments)

    def shell(self, code: str) -> str:
        imports = "from django.db.models import F; from forge.models import ImageAnalysis\n"
        return self.manage("shell", "--no-imports", "-c", imports + code)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="300 images instead of 5,000")
    images = 300 if arguments.parse_args().quick else 5_000
    table = Table("order", "images before it", "in batch", "seconds to its result")
    batches = []
    with start_service() as service:
        sessions = [upload(service.alice, colored_images(JOB, start)) for start in range(0, images, JOB)]
        single = upload(service.bob, colored_images(1))
        for order in ("first come, first served", "fair queue"):
            before, seconds = measure_wait(service, sessions, single, fair=order == "fair queue")
            batches.append(1 + before // settings.FORGE_BATCH_SIZE)
            table.add_row(order, str(before), str(batches[-1]), f"{seconds:.1f}")
    Console().print(table)
    print(f"fairness: {batches[0] / batches[1]:.0f}")


def measure_wait(
    service: TwoAccounts, sessions: list[dict[str, object]], single: dict[str, object], *, fair: bool
) -> tuple[int, float]:
    """Return how many images started before bob's, sent last, and the seconds from the worker's start to its end."""
    worker = service.stack.processes["worker-1"]
    worker.stop()  # it completes what it has claimed
    for session in sessions:
        submit(service.alice, session)
    job = submit(service.bob, single)
    if not fair:
        service.shell(FIRST_COME_FIRST_SERVED)
    worker.start()
    started = time.perf_counter()
    while not service.bob.get(f"jobs/{job}").json()["finishedAt"]:
        service.stack.poll()
        time.sleep(0.1)
    seconds = time.perf_counter() - started
    return int(service.shell(STARTED_BEFORE.format(job=job))), seconds


@contextmanager
def start_service() -> Iterator[TwoAccounts]:
    env: dict[str, str | None] = {
        "FORGE_MODELS": "scripted",
        "FORGE_SCRIPT": json.dumps({"delay_ms": 40}),
        "REDIS_URL": None,
        "DATABASE_URL": None,
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), port=0, env=env) as stack,
        ExitStack() as clients,
    ):
        stack.wait_ready()
        http = [clients.enter_context(_client(stack, name)) for name in ("alice", "bob")]
        yield TwoAccounts(stack, *http)


def _client(stack: Stack, account: str) -> httpx.Client:
    return make_client(stack, make_key(stack.data, account=account))


if __name__ == "__main__":
    main()
