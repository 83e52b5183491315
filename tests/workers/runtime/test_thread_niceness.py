import os
import sys
import threading

import pytest

from workers.runtime.thread_niceness import NICENESS_STEP, lower_thread_priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux only")


def nice_of_thread() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_the_thread_is_nicer_than_its_process_by_one_step() -> None:
    before, found = os.getpriority(os.PRIO_PROCESS, os.getpid()), []

    def work() -> None:
        for _ in range(2):
            lower_thread_priority()
            found.append(nice_of_thread())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [min(before + NICENESS_STEP, 19)] * 2
    assert os.getpriority(os.PRIO_PROCESS, os.getpid()) == before


def test_the_main_thread_keeps_its_niceness() -> None:
    before = nice_of_thread()
    lower_thread_priority()
    assert nice_of_thread() == before
