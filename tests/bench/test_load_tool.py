"""The tool that asks and takes the times: it counts everything, refuses other answers, and lives with servers' habits."""

import contextlib
import socket
import threading

import pytest

from bench.load_tool import BadAnswer, Work, drive

ANSWER = b'{"data": 1}'


class TinyServer:
    """Answers each request with what `reply(number)` gives; None closes the connection instead."""

    def __init__(self, reply) -> None:
        self._reply = reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.bodies: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed at the end of the test
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while got := connection.recv(65_536):
                self.bodies.append(got.partition(b"\r\n\r\n")[2])
                answer = self._reply(len(self.bodies))
                if answer is None:
                    return
                for piece in answer:
                    connection.sendall(piece)

    def work(self, length: int | None = len(ANSWER)) -> Work:
        return Work(f"http://127.0.0.1:{self.port}/graphql", [b"one", b"two"], [length, length])

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def serve():
    with contextlib.ExitStack() as stack:
        yield lambda reply: stack.enter_context(contextlib.closing(TinyServer(reply)))


def plain(body: bytes = ANSWER, status: bytes = b"200 OK") -> list[bytes]:
    head = b"HTTP/1.1 " + status + b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
    return [head + body]


def test_every_request_is_counted_and_bodies_go_in_turn(serve):
    server = serve(lambda _: plain())
    timing = drive(server.work(), connections=1, seconds=0, at_least=5)
    assert timing.count == 5
    assert server.bodies == [b"one", b"two", b"one", b"two", b"one"]
    assert 0 < timing.p50 <= timing.p99
    assert timing.rate > 0


def test_what_is_under_way_when_the_time_is_over_is_waited_for(serve):
    timing = drive(serve(lambda _: plain()).work(), connections=8, seconds=0)
    assert timing.count == 8


def test_an_answer_in_pieces_is_one_answer(serve):
    whole = plain()[0]
    server = serve(lambda _: [whole[:5], whole[5:20], whole[20:]])
    assert drive(server.work(), connections=1, seconds=0, at_least=3).count == 3


def test_an_answer_in_chunks_ends_with_the_empty_one(serve):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = serve(lambda _: [head, b'5\r\n{"dat\r\n', b'6\r\na": 1}\r\n', b"0\r\n", b"\r\n"])
    assert drive(server.work(None), connections=2, seconds=0, at_least=3).count == 6


def test_an_answer_of_another_length_than_the_one_that_was_checked_ends_the_measurement(serve):
    server = serve(lambda number: plain() if number < 3 else plain(b'{"data": null}'))
    with pytest.raises(BadAnswer, match="An answer of 14 bytes; the one that was checked had 11"):
        drive(server.work(), connections=1, seconds=0, at_least=5)


def test_a_failure_ends_the_measurement(serve):
    server = serve(lambda _: plain(status=b"500 Internal Server Error"))
    with pytest.raises(BadAnswer, match="500"):
        drive(server.work(), connections=1, seconds=0)


def test_a_connection_closed_while_it_was_idle_is_opened_again(serve):
    server = serve(lambda number: None if number == 3 else plain())
    assert drive(server.work(), connections=1, seconds=0, at_least=4).count == 4


def test_a_server_that_only_closes_is_given_up(serve):
    server = serve(lambda _: None)
    with pytest.raises(BadAnswer, match="closed the connection"):
        drive(server.work(), connections=1, seconds=0)
