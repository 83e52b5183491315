"""The outcome of one check."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """`remedy`: what to do next; empty where nothing is wrong."""

    check: str
    status: Literal["ok", "warn", "fail"]
    sentence: str
    remedy: str = ""


def ok(check: str, sentence: str) -> Finding:
    return Finding(check, "ok", sentence)


def warn(check: str, sentence: str, remedy: str) -> Finding:
    return Finding(check, "warn", sentence, remedy)


def fail(check: str, sentence: str, remedy: str) -> Finding:
    return Finding(check, "fail", sentence, remedy)
