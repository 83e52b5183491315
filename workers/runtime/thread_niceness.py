"""Scheduling priority of a worker's threads below that of the model process, which all of them wait for."""

import os
import sys
import threading

# Enough for the models to keep their core, and still a third of a core where others compete for it.
NICENESS_STEP = 5
_MAX_NICENESS = 19


def lower_thread_priority() -> None:
    """Raise the calling thread's niceness above its process's, once; the main thread is left as it is.

    Without it the model process waited for a core 8 of 100 seconds while another core was idle: threads that run
    briefly, to decode and record, preempted it. Only Linux has a niceness per thread.
    """
    if sys.platform != "linux" or threading.current_thread() is threading.main_thread():
        return
    niceness = os.getpriority(os.PRIO_PROCESS, os.getpid())
    os.setpriority(os.PRIO_PROCESS, 0, min(niceness + NICENESS_STEP, _MAX_NICENESS))
