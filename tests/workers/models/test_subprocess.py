"""Models in a process of their own: the same words, and a death that costs one picture."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.workers.images import solid
from workers.models import create
from workers.models.base import Captioner, Hint, ModelUnavailable, Tagger
from workers.models.scripted import ScriptedFailure
from workers.models.subprocess import _Apart, create_in_subprocess
from workers.models.subprocess.client import ModelsDied
from workers.models.subprocess.server import _sendable
from workers.runtime.engine import Asked, Engine

ROOT = Path(__file__).parents[3]
CRASH, FAIL = "#ff0000", "#00ff00"
PATIENCE_S = 20.0
Pair = tuple[Captioner, Tagger]


@pytest.fixture
def pair() -> Iterator[Pair]:
    captioner, tagger = create_in_subprocess(60, "scripted", crash_color=CRASH, fail_color=FAIL, delay_ms=1)
    captioner.load()
    yield captioner, tagger
    captioner.unload()


def pid_of(captioner: Captioner) -> int:
    assert isinstance(captioner, _Apart)
    pid = captioner._process.pid
    assert pid is not None
    return pid


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        # An orphan that nobody waits for stays as a zombie.
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_the_words_are_those_of_this_process(pair: Pair) -> None:
    captioner, tagger = pair
    here, tagger_here = create("scripted")
    batch = [solid("navy"), solid("orange"), solid("white")]
    hints = [Hint(("kettle",), "a kettle")] * 3
    assert captioner.predict(batch) == here.predict(batch)
    assert tagger.tag(batch, hints) == tagger_here.tag(batch, hints)
    # Asked without the captioner before it, and about another batch than the last.
    assert tagger.predict(batch[:2]) == tagger_here.predict(batch[:2])
    assert (captioner.name, captioner.revision, captioner.must_speak) == (here.name, here.revision, True)
    assert tagger.name == tagger_here.name
    assert pid_of(captioner) != os.getpid()


def test_what_a_model_raises_is_raised_here_with_its_traceback(pair: Pair) -> None:
    captioner, _ = pair
    pid = pid_of(captioner)
    with pytest.raises(ScriptedFailure) as raised:
        captioner.predict([solid(FAIL)])
    assert "workers/models/scripted.py" in raised.value.__notes__[0]
    assert captioner.predict([solid("navy")]), "the process answers on"
    assert pid_of(captioner) == pid


def test_a_picture_that_kills_the_models_costs_itself_alone(pair: Pair) -> None:
    engine = Engine(*pair, batch_size=4)
    engine.load()
    first = pid_of(pair[0])
    try:
        pictures = [Asked(solid(color)) for color in ("navy", CRASH, "white", "orange")]
        futures = [engine.batcher.submit(asked) for asked in pictures]
        with pytest.raises(ModelsDied, match="exit code 70"):
            futures[1].result(PATIENCE_S)
        assert all(futures[place].result(PATIENCE_S).captions for place in (0, 2, 3))
        assert pid_of(pair[0]) != first
        assert engine.loaded
    finally:
        engine.close()


def test_models_killed_at_work_are_told_and_started_anew() -> None:
    captioner, _ = create_in_subprocess(60, "scripted", delay_ms=1500)
    captioner.load()
    pid = pid_of(captioner)
    threading.Timer(0.5, os.kill, [pid, signal.SIGKILL]).start()
    with pytest.raises(ModelsDied, match="Killed"):
        captioner.predict([solid("navy")])
    assert captioner.predict([solid("navy")])
    assert pid_of(captioner) != pid
    captioner.unload()


def test_unloading_ends_the_process_and_asking_starts_it_again(pair: Pair) -> None:
    captioner, tagger = pair
    pid = pid_of(captioner)
    tagger.unload()
    captioner.unload()
    assert is_gone(pid)
    assert captioner.name, "what was loaded is still known"
    assert captioner.predict([solid("navy")])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_leaves_the_models_to_the_worker(pair: Pair, number: signal.Signals) -> None:
    captioner, _ = pair
    pid = pid_of(captioner)
    os.kill(pid, number)
    time.sleep(0.2)
    assert captioner.predict([solid("navy")])
    assert pid_of(captioner) == pid


@pytest.mark.parametrize("delay_ms", [0, 60_000], ids=["idle", "busy"])
def test_the_models_do_not_outlive_a_killed_worker(delay_ms: int) -> None:
    worker = textwrap.dedent(f"""
        import sys, threading
        import numpy as np
        from workers.models.subprocess import create_in_subprocess
        captioner, _ = create_in_subprocess(60, "scripted", delay_ms={delay_ms})
        captioner.load()
        threading.Thread(target=captioner.predict, args=[[np.zeros((4, 4, 3), np.uint8)]]).start()
        print(captioner._process.pid, flush=True)
        sys.stdin.read()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", worker], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        time.sleep(0.3)
        process.kill()
    assert is_gone(pid)


def test_the_models_that_ship_say_the_same_there_and_log_here(tmp_path: Path) -> None:
    """And this process does without their libraries."""
    (tmp_path / "broken").mkdir()
    code = textwrap.dedent(f"""
        import logging, sys
        import numpy as np
        from PIL import Image
        from workers.models.subprocess import create_in_subprocess
        logging.basicConfig(format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)
        captioner, tagger = create_in_subprocess(
            60, "auto", folder={str(tmp_path)!r}, blip={str(tmp_path / "broken")!r}
        )
        captioner.load()
        picture = np.asarray(Image.open("samples/cat.jpg").convert("RGB"))
        there = captioner.predict([picture]), tagger.predict([picture]), captioner.revision
        print("torch" in sys.modules, "tokenizers" in sys.modules)
        from workers.models import create
        captioner, tagger = create("embedded", threads=1)
        captioner.load()
        print(there == (captioner.predict([picture]), tagger.predict([picture]), captioner.revision), there)
    """)
    # Not here either: the models have the processor flush denormals, which hypothesis does not bear.
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    logged, loaded, told = done.stdout.splitlines()
    assert logged.startswith("WARNING workers.models.blip_clip BLIP and CLIP are not used")
    assert loaded == "False False"
    assert told.startswith("True ([[Caption("), told


def test_models_that_are_not_here_say_so_from_load(tmp_path: Path) -> None:
    captioner, _ = create_in_subprocess(60, "blip-clip", folder=tmp_path)
    with pytest.raises(ModelUnavailable, match="models pull"):
        captioner.load()
    captioner, _ = create_in_subprocess(60, "scripted", colour="red")
    with pytest.raises(ValueError, match="unknown option 'colour'"):
        captioner.load()
    with pytest.raises(RuntimeError, match="load"):
        _ = captioner.name


def test_errors_of_libraries_come_without_them() -> None:
    class OutOfMemoryError(RuntimeError):
        """As torch calls its own."""

    class Foreign(Exception):
        def __init__(self, one: str, two: str) -> None:
            super().__init__(f"{one} {two}")

    assert type(_sendable(OutOfMemoryError("no room"))) is MemoryError
    assert type(_sendable(RuntimeError("DefaultCPUAllocator: can't allocate memory"))) is MemoryError
    told = _sendable(Foreign("not", "ours"))
    assert (type(told), str(told)) == (RuntimeError, "Foreign: not ours")
    assert type(_sendable(ValueError("ours"))) is ValueError
    # Of the house, but its constructor does not take what pickle gives it.
    Foreign.__module__ = "workers.models.checkpoints.store"
    assert type(_sendable(Foreign("not", "ours"))) is RuntimeError


def test_models_that_hang_are_ended_and_started_anew() -> None:
    captioner, _ = create_in_subprocess(1.0, "scripted", delay_ms=1)
    captioner.load()
    pid = pid_of(captioner)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ModelsDied, match="Killed"):
        captioner.predict([np.zeros((2000, 2000, 3), dtype=np.uint8)])  # more than fits into the line
    assert captioner.predict([solid("navy")])
    assert pid_of(captioner) != pid
    captioner.unload()
