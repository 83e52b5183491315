"""Runs of `manage.py caption` that are killed at one point after the other, each followed by a run to the end.

A profile function counts the calls that change files, in the packages that do, and sends SIGKILL to its own process
before the one with the given number: every point is met, in every run at the same place.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

_CHANGING = {"open", "write", "fsync", "replace", "rename", "unlink", "link", "ftruncate", "truncate", "fchmod"}
_OURS = ("/xmp/replacement.py", "/xmp/moving.py", "/workers/cli/files/")
_AFTER = {"_rename_exclusively"}  # a call through ctypes is no event: the process is killed behind it


def main(template: Path, target: Path, step: int, arguments: list[str]) -> None:
    """Print for every `step`-th point what the killed run left: a line of JSON with the digests of the images."""
    from tests.workers.cli.caption_run import caption  # loads Django once, for all forks

    point, was_killed = 1, True
    while was_killed:
        folder = target / str(point)
        shutil.copytree(template, folder)
        filled = [argument.replace("{folder}", str(folder)) for argument in arguments]
        was_killed = _in_fork(lambda: _killed_at(point, lambda: caption(*filled)))  # noqa: B023
        left = sorted(_fingerprint(path) for path in (folder / "images").iterdir() if path.suffix == ".jpg")
        assert not _in_fork(lambda: caption(*filled)), "the second run was killed"  # noqa: B023
        print(json.dumps({"folder": str(folder), "left": left, "wasKilled": was_killed}), flush=True)
        point += step


def _fingerprint(path: Path) -> str:
    import xmp

    return xmp.fingerprint(path.read_bytes())


def _in_fork(run: Callable[[], Any]) -> bool:
    """Return whether the process that ran it was killed."""
    child = os.fork()
    if child == 0:
        code = getattr(run(), "code", 0)
        os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, status
    return os.WIFSIGNALED(status)


def _killed_at(point: int, run: Callable[[], Any]) -> Any:
    seen = 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal seen
        if (event == "c_call" and argument.__name__ in _CHANGING and _is_ours(frame)) or (
            event == "return" and frame.f_code.co_name in _AFTER
        ):
            seen += 1
            if seen == point:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(profile)
    try:
        return run()
    finally:
        sys.setprofile(None)


def _is_ours(frame: FrameType) -> bool:
    callers = [frame, *([frame.f_back] if frame.f_back else [])]
    return any(name in caller.f_code.co_filename for caller in callers for name in _OURS)


if __name__ == "__main__":
    import django

    django.setup()
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
