"""Processes of servers: started under a guard, paused, killed and ended by their ids; and ports nobody has."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")


class ServerProcess:
    """One server that cannot outlive this process. Its output is in `log`."""

    def __init__(
        self, command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-S", str(GUARD), str(folder), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=os.environ | dict(environment or {}),
                start_new_session=True,  # Ctrl+C in a terminal is pytest's to act on
            )
        assert self._guard.stdout
        said = self._guard.stdout.readline()
        if not said:
            self._let_go(10)
            raise AssertionError(f"{command[0]} could not be started: {self.last_words()}")
        self.pid = int(said)

    @property
    def alive(self) -> bool:
        return self._guard.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self._let_go(10)

    def stop(self, seconds: float = 20) -> None:
        """In good order, or by force when that takes too long."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
        self._let_go(10)

    def _let_go(self, seconds: float) -> None:
        self._guard.wait(seconds)
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe:
                pipe.close()

    def last_words(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])


@dataclass
class KillableServer:
    """One that tests pause, kill and start again."""

    process: ServerProcess | None = field(default=None, init=False, repr=False)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive

    def start(self) -> None:
        """Start it, again after a kill or a stop, and return when it answers."""
        raise NotImplementedError

    def kill(self) -> None:
        """SIGKILL: gone at once, nothing said to anyone."""
        if self.process:
            self.process.kill()

    def stop(self) -> None:
        if self.process:
            self.process.stop()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def heal(self) -> None:
        """Up and awake, whatever a test did to it."""
        if self.alive:
            self.resume()
        self.start()

    def _signal(self, number: signal.Signals) -> None:
        assert self.process
        assert self.process.alive, f"{self} is not running"
        self.process.send(number)


def await_answer(asks: Callable[[], bool], process: ServerProcess, seconds: float, what: str) -> None:
    """Until `asks()` is true (OSError is no answer); AssertionError with the log when the process died or time is up."""
    deadline = time.monotonic() + seconds
    while process.alive and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if asks():
                return
        time.sleep(0.1)
    state = f"does not answer after {seconds:.0f} s" if process.alive else "ended"
    raise AssertionError(f"{what} {state}:\n{process.last_words()}")


def free_ports(count: int, hosts: Sequence[str] = ("127.0.0.1",)) -> list[int]:
    """Ports that are free on all hosts at this moment.

    Below 32768, where no system gives ports to outgoing connections: so a server that is started again finds its own.
    """
    found: list[int] = []
    for port in random.sample(range(20_000, 32_768), 2000):
        with contextlib.ExitStack() as held:
            try:
                for host in hosts:
                    held.enter_context(socket.socket()).bind((host, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"no {count} ports are free on all of {', '.join(hosts)}")
