"""Asks an HTTP server over keep-alive connections, as fast as it answers, and takes the times.

One process, one thread, epoll: 15-25 µs a small request, so that the server is what is measured. After the time is over nothing new is
sent but what is under way is waited for and counted: a tool that drops it is wrong by far where an answer takes a second.
Bodies are sent in turn. Status and length of every answer are compared with those of the answer that was checked.

    python -m bench.load_tool URL FILE --connections 2 --seconds 5      requests of FILE, one JSON body a line
"""

import argparse
import json
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SILENCE_S = 120.0
"""Without a byte from the server for as long, it is given up."""
BUFFER = 1 << 20
MAX_REPEATS = 3
"""Of one request, on connections that the server closed before it answered."""


class BadAnswer(Exception):
    """Not 200, of another length than the answer that was checked, or none at all."""


@dataclass(frozen=True)
class Timing:
    """Of one run of requests, latencies in ms."""

    count: int
    rate: float
    """Requests a second."""
    p50: float
    p99: float
    processor: float = 0.0
    """Seconds of the server's process a request; 0 where nobody looked."""


@dataclass(frozen=True)
class Work:
    """Requests to a server, with the length of the body that each is answered by (None: not known)."""

    url: str
    bodies: Sequence[bytes]
    lengths: Sequence[int | None]


class _Connection:
    """One request at a time; knows when its answer is whole. Registered with `poll` by its file's number."""

    def __init__(self, host: str, port: int, buffer: memoryview, poll: select.epoll) -> None:
        self._address, self._buffer, self._poll = (host, port), buffer, poll
        self._open()
        self.sent_at = 0.0
        self._request = b""
        self._repeats = 0
        self._reset(None)

    def _open(self) -> None:
        self.socket = socket.create_connection(self._address, SILENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll.register(self.socket, select.EPOLLIN)

    def _reset(self, expected: int | None) -> None:
        self._head, self._left, self._expected, self._tail = b"", -1, expected, b""

    def send(self, request: bytes, expected: int | None) -> None:
        self._reset(expected)
        self._request, self._repeats = request, 0
        self.sent_at = time.perf_counter()
        try:
            self.socket.sendall(request)
        except ConnectionError:
            self._send_again()

    def _send_again(self) -> None:
        """A server may close a connection that seems idle to it while a request is on its way, as a busy one does."""
        if self._head or self._repeats == MAX_REPEATS:
            raise BadAnswer("The server closed the connection before the answer's end.")
        self._repeats += 1
        self.socket.close()
        self._open()
        self.socket.sendall(self._request)

    def receive(self) -> bool:
        """Read what is there; True when the answer has ended."""
        try:
            got = self.socket.recv_into(self._buffer)
        except ConnectionError:
            got = 0
        if not got:
            self._send_again()
            return False
        if self._left < 0 and not self._tail:
            self._head += self._buffer[:got].tobytes()
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return False
            after = len(self._head) - end - 4
            return self._begin(self._head[:end].lower(), after, self._head[-min(5, after) :] if after else b"-")
        if self._tail:
            self._tail = (self._tail + self._buffer[max(0, got - 5) : got].tobytes())[-5:]
            return self._tail == b"0\r\n\r\n"
        self._left -= got
        return self._left == 0

    def _begin(self, head: bytes, after: int, last: bytes) -> bool:
        if head[9:12] != b"200":
            raise BadAnswer(f"{head[:200]!r}")
        place = head.find(b"\r\ncontent-length:")
        if place < 0:  # chunked: ends with an empty chunk
            self._tail = last
            return last == b"0\r\n\r\n"
        length = int(head[place + 17 : place + 30].split(b"\r", 1)[0])
        if self._expected is not None and length != self._expected:
            raise BadAnswer(f"An answer of {length:,} bytes; the one that was checked had {self._expected:,}.")
        self._left = length - after
        return self._left == 0


def make_request(url: str, body: bytes) -> bytes:
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.hostname}:{parts.port}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def drive(
    work: Work, *, connections: int, seconds: float, at_least: int = 1, pause: float = 0.0, at_most: int = 10**9
) -> Timing:
    """Ask for `seconds` with so many connections, each at least `at_least` times, `pause` seconds apart. Raises BadAnswer."""
    parts = urlsplit(work.url)
    requests = [make_request(work.url, body) for body in work.bodies]
    expected = list(work.lengths)
    buffer = memoryview(bytearray(BUFFER))
    poll = select.epoll()
    opened = [_Connection(str(parts.hostname), parts.port or 80, buffer, poll) for _ in range(connections)]
    clock, kinds, latencies, number = time.perf_counter, len(requests), [], 0
    try:
        start = last = clock()
        until = start + seconds
        for each in opened:
            each.send(requests[number % kinds], expected[number % kinds])
            number += 1
        under_way = connections
        by_file = {each.socket.fileno(): each for each in opened}
        while under_way:
            events = poll.poll(SILENCE_S)
            if not events:
                raise BadAnswer(f"No byte in {SILENCE_S:g} s.")
            for file, _ in events:
                connection = by_file[file]
                if not connection.receive():
                    by_file[connection.socket.fileno()] = connection  # it may have been opened anew
                    continue
                last = clock()
                latencies.append(last - connection.sent_at)
                if number >= at_most or (last >= until and number >= at_least * connections):
                    under_way -= 1
                    poll.unregister(connection.socket)
                    continue
                if pause:
                    time.sleep(pause)
                connection.send(requests[number % kinds], expected[number % kinds])
                by_file[connection.socket.fileno()] = connection
                number += 1
    finally:
        poll.close()
        for each in opened:
            each.socket.close()
    return summarize(latencies, last - start)


def summarize(latencies: Sequence[float], wall: float) -> Timing:
    ordered = sorted(latencies)
    at = [1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.99)]
    return Timing(len(ordered), len(ordered) / wall, *at)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    bodies = given.file.read_bytes().splitlines()
    timing = drive(Work(given.url, bodies, [None] * len(bodies)), connections=given.connections, seconds=given.seconds)
    print(json.dumps(timing.__dict__))


if __name__ == "__main__":
    main()
