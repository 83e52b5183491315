"""Geometry of the bar chart of credits by day; the template draws it as SVG, beside a table of the same figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from forge.admin.ledger.by_day import DayOfCredits

HEIGHT = 100  # units of the view box; a day is 10 wide
_DAY, _BAR = 10, 8


@dataclass(frozen=True)
class Bar:
    """A day's bars, in units of the view box; the refunded part stands before the charged one."""

    day: DayOfCredits
    x: int
    width: int
    charged_y: float
    charged_height: float
    refunded_y: float
    refunded_height: float


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    width: int
    height: int
    top: int


def chart_of(days: Sequence[DayOfCredits]) -> Chart:
    top = round_up(max((max(day.charged, day.refunded) for day in days), default=0))
    return Chart([_bar(index, day, top) for index, day in enumerate(days)], _DAY * len(days), HEIGHT, top)


def _bar(index: int, day: DayOfCredits, top: int) -> Bar:
    charged, refunded = (round(HEIGHT * value / top, 2) for value in (day.charged, day.refunded))
    x = index * _DAY + (_DAY - _BAR) // 2
    return Bar(day, x, _BAR, HEIGHT - charged, charged, HEIGHT - refunded, refunded)


def round_up(value: int) -> int:
    """Return the next of 1, 2, 5, 10, 20, 50, … at or above, which is the chart's upper end."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power >= value:
                return factor * power
        power *= 10
