"""A process that reads pictures as the service does and tells what became of each; ended with its parent's pipe.

On stdin for each picture its length (4 bytes) and its bytes; on stdout one line of JSON for each.
"""

import ctypes
import io
import json
import os
import resource
import struct
import sys
import time
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    address_space = int(sys.argv[1])
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from forge.sessions import validation  # noqa: F401 (what they import is not the first picture's memory)
    from workers.imaging import decoding  # noqa: F401

    while header := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(*struct.unpack(">I", header))
        answers.write(json.dumps(_read(data)) + "\n")
        answers.flush()


def _read(data: bytes) -> dict[str, Any]:
    before = _forget_peak()
    started = time.process_time()
    checked = _checked(data)
    between = time.process_time()
    decoded = _decoded(data)
    ended = time.process_time()
    return {
        "checked": checked,
        "decoded": decoded,
        "seconds": max(between - started, ended - between),
        "megabytes": max(0, _resident("VmHWM") - before),
    }


def _checked(data: bytes) -> str:
    """What the upload says of it: `read`, a code of the contract, or a failure that nobody foresaw."""
    from django.core.files.uploadedfile import UploadedFile

    from forge.errors import ForgeError
    from forge.sessions import validation

    try:
        image = validation.image_check(UploadedFile(io.BytesIO(data), name="hostile.jpg", size=len(data)))
    except ForgeError as error:
        return error.code
    except Exception as error:  # noqa: BLE001 (what is looked for)
        return f"raised {error!r}"
    return "read" if image.width and image.height else "raised nothing, but has no size"


def _decoded(data: bytes) -> str:
    from django.conf import settings

    from decoding import Limits, Undecodable
    from workers.imaging import decoding

    try:
        picture = decoding.decode(data, limits=Limits.of(settings))
    except Undecodable as error:
        return error.code
    except Exception as error:  # noqa: BLE001 (what is looked for)
        return f"raised {error!r}"
    return "read" if max(picture.pixels.shape[:2]) <= decoding.MAX_SIDE else "raised nothing, but is too large"


def _forget_peak() -> int:
    """Megabytes that are held now; the highest mark is set back to it."""
    ctypes.CDLL(None).malloc_trim(0)  # what the last picture left is not this one's
    Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _resident(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
