"""Processes that measure meshes and skeletons side by side, one a core, each one file at a time.

A file has a time limit: a process that is over it is killed, as nothing else ends a library's loop, and another takes its
place. Results come in the order of the tasks, so a report does not depend on the number of processes.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from syndb_graphql.ingest import measuring
from syndb_graphql.ingest.measuring import Outcome, Refusal, Task, measure_file

SECONDS_A_FILE = 600.0
"""The largest mesh there may be takes a minute."""
BYTES_A_SECOND, FILES_A_SECOND = 10_000_000, 300
"""Of text that is read as a mesh, and of small skeletons, about."""
WORTH_S = 3.0
"""Of measuring that pays for starting processes, which take a second each to import what they need."""
AHEAD = 8
"""Tasks a process in flight, done or not, before the first of them is taken."""
_PACKAGE = Path(measuring.__file__).parents[2]


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


async def measure_files(tasks: Sequence[Task], *, processes: int | None = None) -> AsyncGenerator[Outcome, None]:
    """The outcome of each, in order. `processes`: None is as many as there are cores, 0 none but this one.

    By default files that take a moment are measured here, too.
    """
    if processes is None:
        processes = min(usable_cores(), len(tasks)) if _estimate(tasks) > WORTH_S else 0
    if not processes:
        for task in tasks:
            yield measure_file(task)
            await asyncio.sleep(0)  # where Ctrl+C ends the load
        return
    workers: asyncio.Queue[_Worker] = asyncio.Queue()
    every = [_Worker() for _ in range(processes)]
    for worker in every:
        workers.put_nowait(worker)
    waiting: deque[asyncio.Task[Outcome]] = deque()
    try:
        for task in tasks:
            waiting.append(asyncio.create_task(_measure(workers, task)))
            if len(waiting) >= AHEAD * processes:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for worker in every:
            await worker.stop()


def _estimate(tasks: Iterable[Task]) -> float:
    """Seconds, very roughly."""
    seconds = 0.0
    for task in tasks:
        with suppress(OSError):  # it is told when the file is measured
            seconds += Path(task.source).stat().st_size / BYTES_A_SECOND
        seconds += 1 / FILES_A_SECOND
    return seconds


async def _measure(workers: "asyncio.Queue[_Worker]", task: Task) -> Outcome:
    worker = await workers.get()
    try:
        return await worker.measure(task)
    finally:
        workers.put_nowait(worker)


class _Worker:
    """A process, started when it is first needed and again where it was lost."""

    def __init__(self) -> None:
        self._process: Process | None = None

    async def measure(self, task: Task) -> Outcome:
        try:
            async with asyncio.timeout(SECONDS_A_FILE):
                line = await self._ask(msgspec.json.encode(task) + b"\n")
        except TimeoutError:
            await self.stop()
            message = f"Measuring the file took over {SECONDS_A_FILE:,.0f} s"
            return Outcome(refusal=Refusal("file-too-slow", message, "Simplify it."))
        except OSError:
            line = b""
        except asyncio.CancelledError:
            await self.stop()
            raise
        if not line.endswith(b"\n"):
            await self.stop()
            message = "The process that measured the file ended: it may need more memory than there is"
            return Outcome(refusal=Refusal("file-not-measured", message, "Simplify it, or load on a larger machine."))
        return msgspec.json.decode(line, type=Outcome)

    async def _ask(self, line: bytes) -> bytes:
        if self._process is None:
            # Wherever this package was found, it is found there, too.
            paths = os.pathsep.join((str(_PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])))
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", measuring.__name__, stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
                env=os.environ | {"PYTHONPATH": paths},
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line)
        await self._process.stdin.drain()
        return await self._process.stdout.readline()

    async def stop(self) -> None:
        """Kill the process, if there is one. What it wrote is under a temporary name or whole."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        assert process.stdin is not None
        process.stdin.close()
        await process.communicate()
