"""Runs one server and ends it when whoever started it is gone, however that happened: `guard.py FOLDER COMMAND…`.

The starter holds the other end of this process's standard input. Where that closes before the server has ended, the
starter was killed: then the server dies, and its FOLDER, which nobody else will clean, goes too. Prints the server's
process id, and ends with the server.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """For the case that this guard itself is killed; Linux alone can do it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(folder: str, command: list[str]) -> None:
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent, cwd=folder)
    print(server.pid, flush=True)
    ended = threading.Event()

    def follow() -> None:
        server.wait()
        ended.set()
        if not deserted.is_set():
            os._exit(0)

    deserted = threading.Event()
    threading.Thread(target=follow, daemon=True).start()
    sys.stdin.buffer.read()
    deserted.set()
    server.kill()
    ended.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


main(sys.argv[1], sys.argv[2:])
