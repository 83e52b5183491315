"""Niceness of threads, which Linux alone has."""

import os
import sys
import threading

import pytest

from workers.runtime.thread_niceness import STEP, lower_thread_priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux only")


def nice_of_thread() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_a_thread_gives_way_once_and_its_process_does_not() -> None:
    before, seen = os.getpriority(os.PRIO_PROCESS, os.getpid()), []

    def work() -> None:
        for _ in range(2):
            lower_thread_priority()
            seen.append(nice_of_thread())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [min(before + STEP, 19)] * 2
    assert os.getpriority(os.PRIO_PROCESS, os.getpid()) == before


def test_the_main_thread_stays_as_it_is() -> None:
    before = nice_of_thread()
    lower_thread_priority()
    assert nice_of_thread() == before
