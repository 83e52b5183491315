"""The cache of remote objects is bounded, shared by processes, and survives kills and power losses."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forge.storage import cache
from forge.storage.cache import LocalCache

MOST = 10_000
DATA = b"x" * 1_000


def fetch(calls: list[str], name: str, data: bytes = DATA) -> bytes:
    calls.append(name)
    return data


def sizes(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.iterdir() if path.name != "size"]


def read(of: LocalCache, name: str, calls: list[str], data: bytes = DATA) -> bytes:
    return of.read(name, lambda: fetch(calls, name, data))


def test_an_object_is_fetched_once_by_all_caches_of_a_folder(tmp_path: Path) -> None:
    calls: list[str] = []
    for _ in range(2):
        one = LocalCache(tmp_path / "cache", most=MOST)
        assert [read(one, name, calls, name.encode()) for name in ("a", "b", "a")] == [b"a", b"b", b"a"]

    assert calls == ["a", "b"]
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_the_least_recently_used_copies_go_first(tmp_path: Path) -> None:
    calls: list[str] = []
    one = LocalCache(tmp_path, most=MOST)
    for n in range(9):
        read(one, str(n), calls)
        os.utime(one._path(str(n)), (time.time() - 1000 + n,) * 2)
    read(one, "0", calls)  # used again

    for n in range(9, 14):
        read(one, str(n), calls)
        assert sum(sizes(tmp_path)) <= MOST
    calls.clear()
    for name in ("0", "13", "1"):
        read(one, name, calls)
    assert calls == ["1"]


def test_an_object_larger_than_the_cache_is_not_kept(tmp_path: Path) -> None:
    calls: list[str] = []
    one = LocalCache(tmp_path, most=500)
    assert [read(one, "a", calls) for _ in range(2)] == [DATA, DATA]
    assert calls == ["a", "a"]


def test_a_copy_that_is_cut_off_is_fetched_again(tmp_path: Path) -> None:
    calls: list[str] = []
    one = LocalCache(tmp_path, most=MOST)
    read(one, "a", calls)
    for damage in (b"", DATA[:500]):
        one._path("a").write_bytes(damage)
        assert read(one, "a", calls) == DATA
    assert calls == ["a"] * 3


def test_a_copy_that_nobody_reads_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    one = LocalCache(tmp_path, most=MOST)
    one.sweep()
    for name in ("old", "new"):
        read(one, name, calls)
    then = time.time() - cache.UNUSED_S - 60
    os.utime(one._path("old"), (then, then))
    (tmp_path / "of-a-killed-process.draft").write_bytes(DATA)
    os.utime(tmp_path / "of-a-killed-process.draft", (then, then))

    one.sweep()

    assert [path.name for path in tmp_path.iterdir() if path.name != "size"] == [one._path("new").name]
    assert int((tmp_path / "size").read_text()) == sum(sizes(tmp_path))


def test_a_disk_that_fails_leaves_every_read_remote(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[str] = []
    (tmp_path / "file").touch()
    one = LocalCache(tmp_path / "file", most=MOST)

    assert [read(one, "a", calls) for _ in range(2)] == [DATA, DATA]
    assert calls == ["a", "a"]
    assert "cannot be used" in caplog.text


WRITER = """
import sys
from pathlib import Path
from forge.storage.cache import LocalCache
cache = LocalCache(Path(sys.argv[1]), most=int(sys.argv[2]))
print("started", flush=True)
n = 0
while True:
    name = f"{sys.argv[3]}/{n % 40}"
    data = cache.read(name, lambda: name.encode().ljust(1000))
    assert data == name.encode().ljust(1000)
    n += 1
"""


def test_the_bound_holds_while_processes_write_and_are_killed(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(folder), str(MOST)]
        writers = [subprocess.Popen([*command, str(n % 2)], stdout=subprocess.PIPE) for n in range(3)]
        try:
            for writer in writers:
                assert writer.stdout is not None
                assert writer.stdout.readline() == b"started\n"
            for _ in range(200):
                found = 0
                for path in folder.glob("*.*"):
                    try:
                        found += path.stat().st_size
                    except FileNotFoundError:
                        continue
                # A listing is no snapshot: it may have a copy and, renamed or evicted meanwhile, its successor.
                assert found <= 2 * MOST
            assert all(writer.poll() is None for writer in writers)
        finally:
            for writer in writers:
                writer.kill()
                writer.communicate()
        assert sum(sizes(folder)) <= MOST

    one = LocalCache(folder, most=MOST)
    assert one.read("0/1", lambda: b"0/1".ljust(1000)) == b"0/1".ljust(1000)
