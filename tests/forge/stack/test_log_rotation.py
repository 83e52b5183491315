"""The log of a process is rotated while the process writes on."""

import sys
from pathlib import Path

import pytest

from forge.stack import SupervisedProcess, process

LIMIT = 10_000
# Writes a line for each line that it reads from a file which the test appends to.
WRITER = """
import sys, time
with open(sys.argv[1]) as commands:
    while True:
        line = commands.readline()
        if line:
            print(line.strip() * 1000, flush=True)
        else:
            time.sleep(0.01)
"""


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SupervisedProcess:
    monkeypatch.setattr(process, "MAX_LOG_BYTES", LIMIT)
    (tmp_path / "commands").touch()
    command = [sys.executable, "-c", WRITER, str(tmp_path / "commands")]
    return SupervisedProcess("writer", command, cwd=tmp_path, log=tmp_path / "logs" / "writer.log")


def write(writer: SupervisedProcess, text: str, until: Path) -> None:
    with (writer.cwd / "commands").open("a") as commands:
        commands.write("".join(f"{char}\n" for char in text))
    while text[-1] * 1000 not in until.read_text():
        assert writer.alive, writer.tail()


def test_a_log_over_the_limit_begins_anew_and_one_old_one_is_kept(writer: SupervisedProcess) -> None:
    writer.start()
    rotated = writer.log.with_name("writer.log.1")
    try:
        write(writer, "abcdefghijkl", writer.log)
        writer.log.chmod(0o600)
        assert writer.poll() is None
        assert rotated.read_text().startswith("a" * 1000)
        assert (rotated.stat().st_mode & 0o777, writer.log.stat().st_size) == (0o600, 0)

        write(writer, "mn", writer.log)
        assert writer.log.read_text() == "m" * 1000 + "\n" + "n" * 1000 + "\n"
        assert "n" * 1000 in writer.tail()
        write(writer, "opqrstuvwxyz", writer.log)
        assert writer.poll() is None
        assert rotated.read_text().startswith("m" * 1000)
        assert sorted(path.name for path in writer.log.parent.iterdir()) == ["writer.log", "writer.log.1"]
    finally:
        writer.stop()


def test_a_log_over_the_limit_is_rotated_at_a_start(writer: SupervisedProcess) -> None:
    writer.log.parent.mkdir()
    writer.log.write_text("x" * 2 * LIMIT)
    writer.start()
    writer.stop()

    assert writer.log.stat().st_size == 0
    assert writer.log.with_name("writer.log.1").stat().st_size == 2 * LIMIT
