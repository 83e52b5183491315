"""Python imports this at its start where this folder is in PYTHONPATH: it shifts the process's clock by SKEW_S seconds.

`time.time` and `datetime.now` are shifted, as on a machine whose clock is wrong; the database's clock is not.
"""

import datetime as dt
import os
import time
from typing import Any

_SKEW_S = float(os.environ["SKEW_S"])
_Real = dt.datetime
_time, _time_ns = time.time, time.time_ns


class _Meta(type):
    """Values that C code made are instances too."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _Real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _Real)


class _Skewed(_Real, metaclass=_Meta):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _Real.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return _Real.fromtimestamp(time.time(), dt.UTC).replace(tzinfo=None)


time.time = lambda: _time() + _SKEW_S
time.time_ns = lambda: _time_ns() + int(_SKEW_S * 1e9)
dt.datetime = _Skewed  # type: ignore[misc]
