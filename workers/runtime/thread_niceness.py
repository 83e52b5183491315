"""Lower priority for a worker's threads than for its model process."""

import os
import sys
import threading

# The models keep their core, and the threads still get a third of a contended one.
NICENESS_STEP = 5
_MAX_NICENESS = 19


def lower_thread_priority() -> None:
    """Raise the calling thread's niceness, once; Linux only, and not for the main thread.

    Without it the model process waited for a core 8 of 100 seconds while another was idle: short runs of decoding and
    recording preempted it.
    """
    if sys.platform != "linux" or threading.current_thread() is threading.main_thread():
        return
    niceness = os.getpriority(os.PRIO_PROCESS, os.getpid())
    os.setpriority(os.PRIO_PROCESS, 0, min(niceness + NICENESS_STEP, _MAX_NICENESS))
