import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil

from tests.e2e.running_stack import Ground
from tests.images import noisy_jpeg


def postgresql_restarted(ground: Ground, *, seconds: float) -> None:
    assert ground.cluster is not None
    ground.moves()
    ground.cluster.stop()
    ground.hold(seconds)
    ground.cluster.start()
    ground.ready()


def sqlite_locked(ground: Ground, *, seconds: float) -> None:
    ground.moves()
    with closing(sqlite3.connect(ground.stack.data / "db.sqlite3", timeout=30, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        ground.hold(seconds)
        writer.execute("ROLLBACK")
    ground.moves()


def disk_full(ground: Ground) -> None:
    """An upload finds no room, keeps nothing and costs nothing; it is accepted when there is room again."""
    media = ground.stack.data / "media"
    files = [("images[]", (f"{n}.jpg", noisy_jpeg((1600, 1200)), "image/jpeg")) for n in range(3)]
    ground.moves()
    with ground.http() as http:
        before = set(media.glob("sessions/*"))
        with no_room(ground, media):
            refused = http.post("sessions/upload", files=files)
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable"), refused.text
            assert refused.headers["Retry-After"]
        # The clients of the load upload beside us: each folder is soon a session's, or is gone.
        ground.until(lambda: {path.name for path in set(media.glob("sessions/*")) - before} <= newest(http))
        assert http.post("sessions/upload", files=files).status_code == 201


def newest(http: httpx.Client) -> set[str]:
    return {session["sessionId"] for session in http.get("sessions", params={"limit": 100}).json()["data"]}


@contextmanager
def no_room(ground: Ground, media: Path) -> Iterator[None]:
    """Fills the small file system of the pictures; where none could be mounted, bounds what a file may have."""
    if media.is_mount():
        with (media / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(2**12))
            except OSError:
                ground.notes.append("a full tmpfs")
        try:
            yield
        finally:
            (media / "filler").unlink()
        return
    webs = [psutil.Process(web.pid) for web in ground.named("web")]
    for web in webs:
        web.rlimit(psutil.RLIMIT_FSIZE, (2**18, psutil.RLIM_INFINITY))
    ground.notes.append("a limit on the size of files: no tmpfs may be mounted here")
    try:
        yield
    finally:
        for web in webs:
            web.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
