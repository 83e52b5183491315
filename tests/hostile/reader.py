"""A process that validates and decodes images as the service does; it ends with its parent's pipe.

stdin: for each image its length (4 bytes) and its bytes. stdout: one JSON line for each.
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
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    address_space = int(sys.argv[1])
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from forge.sessions import validation  # noqa: F401 (their imports are not the first image's memory)
    from workers.imaging import decoding  # noqa: F401

    while header := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(*struct.unpack(">I", header))
        results.write(json.dumps(_read(data)) + "\n")
        results.flush()


def _read(data: bytes) -> dict[str, Any]:
    before = _reset_peak()
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
    """Return the outcome of an upload: `read`, an error code of the contract, or an unexpected failure."""
    from django.core.files.uploadedfile import UploadedFile

    from forge.errors import ForgeError
    from forge.sessions import validation

    try:
        image = validation.image_check(UploadedFile(io.BytesIO(data), name="hostile.jpg", size=len(data)))
    except ForgeError as error:
        return error.code
    except Exception as error:  # noqa: BLE001 (the failure that is tested for)
        return f"raised {error!r}"
    return "read" if image.width and image.height else "raised nothing, but has no size"


def _decoded(data: bytes) -> str:
    from django.conf import settings

    from decoding import Limits, Undecodable
    from workers.imaging import decoding

    try:
        image = decoding.decode(data, limits=Limits.of(settings))
    except Undecodable as error:
        return error.code
    except Exception as error:  # noqa: BLE001 (the failure that is tested for)
        return f"raised {error!r}"
    return "read" if max(image.pixels.shape[:2]) <= decoding.MAX_SIDE else "raised nothing, but is too large"


def _reset_peak() -> int:
    """Set the peak memory back to the present one, and return that in MB."""
    ctypes.CDLL(None).malloc_trim(0)  # freed memory of the last image is not this one's
    Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _resident(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
