"""Models in a process of their own: the same output, and a crash that fails one image."""

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
from workers.models.subprocess import _SubprocessModel, create_in_subprocess
from workers.models.subprocess.client import ModelProcessDied
from workers.models.subprocess.server import _picklable
from workers.runtime.engine import Engine, PendingImage

ROOT = Path(__file__).parents[3]
CRASH, FAIL = "#ff0000", "#00ff00"
WAIT_S = 20.0
ModelPair = tuple[Captioner, Tagger]


@pytest.fixture
def pair() -> Iterator[ModelPair]:
    captioner, tagger = create_in_subprocess(60, "scripted", crash_color=CRASH, fail_color=FAIL, delay_ms=1)
    captioner.load()
    yield captioner, tagger
    captioner.unload()


def pid_of(captioner: Captioner) -> int:
    assert isinstance(captioner, _SubprocessModel)
    pid = captioner._process.pid
    assert pid is not None
    return pid


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        # An orphan that is not reaped stays as a zombie.
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_the_output_equals_that_of_models_in_this_process(pair: ModelPair) -> None:
    captioner, tagger = pair
    local, local_tagger = create("scripted")
    batch = [solid("navy"), solid("orange"), solid("white")]
    hints = [Hint(("kettle",), "a kettle")] * 3
    assert captioner.predict(batch) == local.predict(batch)
    assert tagger.tag(batch, hints) == local_tagger.tag(batch, hints)
    # Without the captioner before it, and with another batch than the last.
    assert tagger.predict(batch[:2]) == local_tagger.predict(batch[:2])
    assert (captioner.name, captioner.revision, captioner.requires_caption) == (local.name, local.revision, True)
    assert captioner.device == local.device == "CPU"
    assert tagger.name == local_tagger.name
    assert pid_of(captioner) != os.getpid()


def test_a_model_s_exception_is_raised_here_with_its_traceback(pair: ModelPair) -> None:
    captioner, _ = pair
    pid = pid_of(captioner)
    with pytest.raises(ScriptedFailure) as raised:
        captioner.predict([solid(FAIL)])
    assert "workers/models/scripted.py" in raised.value.__notes__[0]
    assert captioner.predict([solid("navy")]), "the process is still serving"
    assert pid_of(captioner) == pid


def test_an_image_that_kills_the_process_fails_alone(pair: ModelPair) -> None:
    engine = Engine(*pair, batch_size=4)
    engine.load()
    first = pid_of(pair[0])
    try:
        images = [PendingImage(solid(color)) for color in ("navy", CRASH, "white", "orange")]
        futures = [engine.batcher.submit(image) for image in images]
        with pytest.raises(ModelProcessDied, match="exit code 70"):
            futures[1].result(WAIT_S)
        assert all(futures[place].result(WAIT_S).captions for place in (0, 2, 3))
        assert pid_of(pair[0]) != first
        assert engine.loaded
    finally:
        engine.close()


def test_a_process_killed_during_a_call_is_restarted() -> None:
    captioner, _ = create_in_subprocess(60, "scripted", delay_ms=1500)
    captioner.load()
    pid = pid_of(captioner)
    threading.Timer(0.5, os.kill, [pid, signal.SIGKILL]).start()
    with pytest.raises(ModelProcessDied, match="Killed"):
        captioner.predict([solid("navy")])
    assert captioner.predict([solid("navy")])
    assert pid_of(captioner) != pid
    captioner.unload()


def test_unload_stops_the_process_and_the_next_call_starts_it(pair: ModelPair) -> None:
    captioner, tagger = pair
    pid = pid_of(captioner)
    tagger.unload()
    captioner.unload()
    assert is_gone(pid)
    assert captioner.name, "the metadata is kept"
    assert captioner.predict([solid("navy")])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_process_ignores_signals_to_the_process_group(pair: ModelPair, number: signal.Signals) -> None:
    captioner, _ = pair
    pid = pid_of(captioner)
    os.kill(pid, number)
    time.sleep(0.2)
    assert captioner.predict([solid("navy")])
    assert pid_of(captioner) == pid


@pytest.mark.parametrize("delay_ms", [0, 60_000], ids=["idle", "busy"])
def test_the_process_exits_when_its_worker_is_killed(delay_ms: int) -> None:
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


def test_the_embedded_models_produce_the_same_output_and_log_to_the_worker(tmp_path: Path) -> None:
    """And the worker does not import their libraries."""
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
        image = np.asarray(Image.open("samples/cat.jpg").convert("RGB"))
        remote = captioner.predict([image]), tagger.predict([image]), captioner.revision
        print("torch" in sys.modules, "tokenizers" in sys.modules)
        from workers.models import create
        captioner, tagger = create("embedded", threads=1)
        captioner.load()
        print(remote == (captioner.predict([image]), tagger.predict([image]), captioner.revision), remote)
    """)
    # In another process, because the models set flush-to-zero, which hypothesis rejects.
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    logged, loaded, output = done.stdout.splitlines()
    assert logged.startswith("WARNING workers.models.blip_clip BLIP and CLIP are not used")
    assert loaded == "False False"
    assert output.startswith("True ([[Caption("), output


def test_load_raises_for_missing_models_and_bad_options(tmp_path: Path) -> None:
    captioner, _ = create_in_subprocess(60, "blip-clip", folder=tmp_path)
    with pytest.raises(ModelUnavailable, match="models pull"):
        captioner.load()
    captioner, _ = create_in_subprocess(60, "scripted", colour="red")
    with pytest.raises(ValueError, match="unknown option 'colour'"):
        captioner.load()
    with pytest.raises(RuntimeError, match="load"):
        _ = captioner.name


def test_errors_of_libraries_are_replaced_by_builtin_ones() -> None:
    class OutOfMemoryError(RuntimeError):
        """Named as torch's."""

    class Foreign(Exception):
        def __init__(self, one: str, two: str) -> None:
            super().__init__(f"{one} {two}")

    assert type(_picklable(OutOfMemoryError("out of memory"))) is MemoryError
    assert type(_picklable(RuntimeError("DefaultCPUAllocator: can't allocate memory"))) is MemoryError
    sent = _picklable(Foreign("not", "ours"))
    assert (type(sent), str(sent)) == (RuntimeError, "Foreign: not ours")
    assert type(_picklable(ValueError("ours"))) is ValueError
    # Of our own package, but its constructor does not accept the arguments that pickle passes.
    Foreign.__module__ = "workers.models.checkpoints.store"
    assert type(_picklable(Foreign("not", "ours"))) is RuntimeError


def test_a_hanging_process_is_killed_and_restarted() -> None:
    captioner, _ = create_in_subprocess(1.0, "scripted", delay_ms=1)
    captioner.load()
    pid = pid_of(captioner)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ModelProcessDied, match="Killed"):
        captioner.predict([np.zeros((2000, 2000, 3), dtype=np.uint8)])  # more than the socket buffer holds
    assert captioner.predict([solid("navy")])
    assert pid_of(captioner) != pid
    captioner.unload()
