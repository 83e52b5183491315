"""Runs a command that dies with the process that started it.

    python -I -S die_with_parent.py PARENT_PID COMMAND [ARGUMENT…]

A program of its own, not `Popen(preexec_fn=…)`: Python code between fork and exec can deadlock where the parent has
threads. Linux only; elsewhere the next start stops what stack.json tells of.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        import ctypes

        # Kept across exec. SIGKILL: no signal that a child can wait out, and the work it holds is delivered again.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # It died before the line above.
            sys.exit("the supervisor is gone")
    os.execv(command[0], command)  # noqa: S606 - the supervisor's own command line


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
