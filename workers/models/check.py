"""The outcome of trying models, for `models check` and `doctor`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Check:
    """`remedy`: what to do next; empty where nothing is wrong."""

    status: Literal["ok", "warn", "fail"]
    sentence: str
    remedy: str = ""


def ok(sentence: str) -> Check:
    return Check("ok", sentence)


def warn(sentence: str, remedy: str) -> Check:
    return Check("warn", sentence, remedy)


def fail(sentence: str, remedy: str) -> Check:
    return Check("fail", sentence, remedy)
