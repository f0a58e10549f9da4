"""Ctrl+C and the signal to end: the first ends a command in order, the second at once.

Python raises KeyboardInterrupt wherever it happens to be, which breaks an event loop that waits; asyncio cancels the
task, which waits for the end of a long computation. Here the task is interrupted where it computes, cancelled where it
waits, and in either case cleans up after itself.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")
AT_ONCE = b"\nStopped at once. `syndb-graphql sweep` removes what is left.\n"
ENDED_BY = 128
"""Exit status of what a signal ended, less the number of the signal."""


class Interrupts:
    """Whether somebody asked for the end, and how."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    @property
    def status(self) -> int:
        """The exit status by which a shell knows what has happened."""
        return ENDED_BY + (self.signal or signal.SIGINT)

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """As `asyncio.run`. `main` sees KeyboardInterrupt or CancelledError once, and ends as it thinks best."""
        if threading.current_thread() is not threading.main_thread():
            return asyncio.run(main())  # signals are the main thread's
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            before = {number: signal.signal(number, self._meet) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                return runner.run(self._begin(main))
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    async def _begin(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._task = asyncio.current_task()
        return await main()

    def _meet(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            with suppress(OSError):
                os.write(2, AT_ONCE)
            os._exit(ENDED_BY + number)
        self.signal = number
        assert self._loop
        if self._task and asyncio.current_task(self._loop) is self._task:
            raise KeyboardInterrupt
        if self._task:
            self._task.cancel()
        self._loop.call_soon_threadsafe(lambda: None)  # it may be waiting for something else
