"""Memory of a process and its children, on Linux."""

from pathlib import Path

import psutil

MB = 2**20


def resident_mb(pid: int) -> float:
    return sum(process.memory_info().rss for process in _tree(pid)) / MB


def peak_mb(pid: int) -> float:
    """Return the sum of the peaks of resident memory, each since the process's start or the last `reset_peak`."""
    return sum(_high_water_mark(process.pid) for process in _tree(pid)) / MB


def reset_peak(pid: int) -> None:
    for process in _tree(pid):
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children()]


def _high_water_mark(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
