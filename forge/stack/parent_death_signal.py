"""Run a command that the kernel kills when the process that started it ends.

    python -I -S parent_death_signal.py PARENT_PID COMMAND [ARGUMENT…]

A program of its own instead of `Popen(preexec_fn=…)`: Python code between fork and exec can deadlock where the parent
has threads. Linux only; elsewhere the next start stops the processes recorded in stack.json.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        import ctypes

        # Kept across exec. SIGKILL cannot be delayed by the child; its images in flight are redelivered.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the line above
            sys.exit("the supervisor is gone")
    os.execv(command[0], command)  # noqa: S606 - the supervisor's own command line


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
