import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil

from tests.e2e.running_stack import ScenarioContext, filler
from tests.images import noisy_jpeg


def postgresql_restarted(context: ScenarioContext, *, seconds: float) -> None:
    assert context.cluster is not None
    context.wait_for_events()
    context.cluster.stop()
    context.run_for(seconds)
    context.cluster.start()
    context.wait_ready()


def sqlite_locked(context: ScenarioContext, *, seconds: float) -> None:
    context.wait_for_events()
    with closing(sqlite3.connect(context.stack.data / "db.sqlite3", timeout=30, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        context.run_for(seconds)
        writer.execute("ROLLBACK")
    context.wait_for_events()


def disk_full(context: ScenarioContext) -> None:
    """An upload to a full disk is refused and leaves no files; it is accepted when there is space again."""
    media = context.stack.data / "media"
    files = [("images[]", (f"{n}.jpg", noisy_jpeg((1600, 1200)), "image/jpeg")) for n in range(3)]
    context.wait_for_events()
    with context.http() as http:
        before = set(media.glob("sessions/*"))
        with full_disk(context, media):
            refused = http.post("sessions/upload", files=files)
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable"), refused.text
            assert refused.headers["Retry-After"]
        # The clients of the load upload at the same time: each folder soon belongs to a session, or is deleted.
        context.wait_until(lambda: {path.name for path in set(media.glob("sessions/*")) - before} <= session_ids(http))
        assert http.post("sessions/upload", files=files).status_code == 201


def session_ids(http: httpx.Client) -> set[str]:
    return {session["sessionId"] for session in http.get("sessions", params={"limit": 100}).json()["data"]}


@contextmanager
def full_disk(context: ScenarioContext, media: Path) -> Iterator[None]:
    """Fill the small file system of the uploads; where none could be mounted, limit the size of files instead."""
    if media.is_mount():
        context.notes.append("a full tmpfs")
        with filler(media):
            yield
        return
    webs = [psutil.Process(web.pid) for web in context.processes("web")]
    for web in webs:
        web.rlimit(psutil.RLIMIT_FSIZE, (2**18, psutil.RLIM_INFINITY))
    context.notes.append("a limit on the size of files: no tmpfs may be mounted here")
    try:
        yield
    finally:
        for web in webs:
            web.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
