"""Which threads give way to which: the models' process is what all others wait for."""

import os
import sys
import threading

# Enough for the models to keep their core, and a third of a core's share where others want it too.
STEP = 5
_LOWEST = 19


def lower_thread_priority() -> None:
    """Makes the calling thread nicer than its process, once; a process's main thread stays as it is.

    Without it a models' process waited for a core 8 of 100 seconds while another core was idle: threads that wake up
    for a moment to decode and record put it off its own. Linux alone has a niceness for each thread.
    """
    if sys.platform != "linux" or threading.current_thread() is threading.main_thread():
        return
    nice = os.getpriority(os.PRIO_PROCESS, os.getpid())
    os.setpriority(os.PRIO_PROCESS, 0, min(nice + STEP, _LOWEST))
