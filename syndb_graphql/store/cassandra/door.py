"""The one door to a cluster: its connections, prepared statements, time limits, bounds, and the wait without blocking.

The driver answers on a thread of its own; an answer comes to the event loop by `call_soon_threadsafe`. Connecting
blocks, so it runs in a thread. Everything that is sent here may be sent twice (reads, rows written as they
were, compare-and-set whose second run changes nothing), unless its statement says otherwise.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cassandra import ConsistencyLevel, WriteType
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import ConstantReconnectionPolicy, ConstantSpeculativeExecutionPolicy, RetryPolicy
from cassandra.query import PreparedStatement, Statement, tuple_factory

from syndb_graphql.errors import StoreUnavailable
from syndb_graphql.store.cassandra.columns import join_rows
from syndb_graphql.store.cassandra.failures import MISTAKES, is_of_driver, late, may_pass, translate
from syndb_graphql.store.cassandra.preparing import prepare
from syndb_graphql.store.cassandra.routing import Routing, routing_of
from syndb_graphql.store.cassandra.wire import Protocol
from syndb_graphql.store.protocol import Row

MAX_STATEMENTS = 500
"""Prepared statements kept; a server keeps about 1,050 for all that ask it."""
PREPARE_TRIES = 4
"""By the driver each asks every node at most once."""
THREADS = 16
"""Of the driver, which retries, connects and looks for lost nodes on them; each of those may wait for seconds."""
SPECULATIVE_DELAY_S = 0.25
"""A node that has not answered for so long is overtaken by the next one, and that by a third."""
FIRST_TRY_S = 1.0
"""What took longer is asked anew, of any node, with all the time that is left."""
RETRIES, RETRY_PAUSE_S = 3, 0.05
"""The pause is doubled each time."""
HEARTBEAT_S, HEARTBEAT_LIMIT_S = 3, 2
"""A paused node is noticed after their sum."""
RECONNECT_S = 2.0
"""A constant, since the driver's own way leaves a node that was down for long alone for ten minutes."""
MAX_FETCH = 20_000
"""Rows of one frame: a page is one trip, and a whole table never one frame, which can bring a node down."""

logging.getLogger("cassandra.cluster").addFilter(
    # Which version of the protocol a server speaks is found out by asking for newer ones first: nothing to warn of.
    lambda record: "Downgrading core protocol" not in record.getMessage()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """Where the cluster is and how it is spoken to."""

    hosts: tuple[str, ...]
    port: int = 9042
    keyspace: str = "syndb"
    datacenter: str = "datacenter1"
    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None
    consistency: str = "LOCAL_QUORUM"
    timeout_s: float = 5
    connect_timeout_s: float = 5
    max_in_flight: int = 128
    no_delay: bool = False
    """For commands, since a load is one: else a batch waits until the one before it is acknowledged, which a node may put off
    for 40 ms. Not for servers: a hundred small statements at once are better sent together."""


class _Repeatable(RetryPolicy):  # type: ignore[misc]
    """Once more on another node where a node says that replicas were late: all but holds may be done twice."""

    def on_read_timeout(self, *_: Any, retry_num: int, **__: Any) -> tuple[int, None]:
        return (self.RETRY_NEXT_HOST if retry_num == 0 else self.RETHROW), None

    def on_request_error(self, query: Any, *_: Any, **__: Any) -> tuple[int, None]:
        """A connection broke, or a node could not: what it was sent may be done. A statement to prepare is no query."""
        again = query is None or query.is_idempotent
        return (self.RETRY_NEXT_HOST if again else self.RETHROW), None

    def on_write_timeout(self, *_: Any, write_type: int, retry_num: int, **__: Any) -> tuple[int, None]:
        again = retry_num == 0 and write_type != WriteType.CAS
        return (self.RETRY_NEXT_HOST if again else self.RETHROW), None


@dataclass(slots=True, eq=False)
class _Call:
    """One statement on its way."""

    statement: Statement
    wanted: float
    """Rows after which no more are fetched."""
    future: asyncio.Future[Sequence[Row]]
    loop: asyncio.AbstractEventLoop
    deadline: float
    response: Any = None
    """What is waited for: whoever overtook a node and the node itself may both answer, and the second time is none of it."""
    rows: list[Sequence[Row]] = field(default_factory=list)
    """One result after another."""
    paging_state: bytes | None = None
    tries: int = 0


class Door:
    """Connects at the first call, and again at a later one where that failed."""

    def __init__(self, options: ClusterOptions, inspect: Callable[[Session], None] | None = None) -> None:
        """`inspect` is shown the connected session, in a thread; what it raises, calls raise."""
        self.options = options
        self.keyspace = options.keyspace
        self._inspect = inspect
        self._cluster: Cluster | None = None
        self._session: Session | None = None
        self._connecting: asyncio.Task[Session] | None = None
        self._statements: OrderedDict[str, PreparedStatement | asyncio.Task[PreparedStatement]] = OrderedDict()
        self._in_flight = 0
        self._waiting: deque[_Call] = deque()

    @contextlib.asynccontextmanager
    async def limited(self) -> AsyncIterator[None]:
        """The time limit of one call of the store, however many statements it takes. Raises StoreTimeout."""
        deadline = asyncio.timeout(self.options.timeout_s)
        try:
            async with deadline:
                yield
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise late(self.options.timeout_s) from error

    async def read(self, cql: str, values: Sequence[Any], *, limit: int | None = None) -> Sequence[Row]:
        """The rows of one statement; `limit`: as many as the statement itself asks for at most."""
        return await self.start(await self.bind(cql, values, limit=limit), limit)

    async def bind(
        self, cql: str, values: Sequence[Any], *, limit: int | None = None, repeatable: bool = True
    ) -> Statement:
        statement = (await self.prepare(cql)).bind(values)
        statement.fetch_size = MAX_FETCH if limit is None else max(1, min(limit, MAX_FETCH))
        statement.is_idempotent = repeatable
        return statement

    async def prepare(self, cql: str) -> PreparedStatement:
        """Once a text, however many ask for it at a time; the least recently used are forgotten."""
        found = self._statements.get(cql)
        if isinstance(found, PreparedStatement):
            self._statements.move_to_end(cql)
            return found
        if found is None:
            found = asyncio.create_task(self._prepare(cql))
            found.add_done_callback(partial(self._prepared, cql))
            self._statements[cql] = found
            if len(self._statements) > MAX_STATEMENTS:
                self._statements.popitem(last=False)
        return await asyncio.shield(found)

    def start(self, statement: Statement, wanted: int | None = None) -> asyncio.Future[Sequence[Row]]:
        """Send a statement, or queue it where as many as may be are in flight. To cancel the future is to forget the answer:

        what a node was asked it goes on doing, so it counts as in flight until it answered or its time is up.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.options.timeout_s
        call = _Call(statement, float("inf") if wanted is None else wanted, loop.create_future(), loop, deadline)
        if self._in_flight < self.options.max_in_flight:
            self._send(call)
        else:
            self._waiting.append(call)
        return call.future

    async def connect(self) -> Session:
        if self._session is not None:
            return self._session
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connected)
        return await asyncio.shield(self._connecting)

    async def close(self) -> None:
        if self._connecting is not None:
            with contextlib.suppress(StoreUnavailable):
                await self._connecting
        cluster, self._cluster, self._session = self._cluster, None, None
        if cluster is not None:
            await asyncio.to_thread(cluster.shutdown)

    # ── Connecting ──
    async def _connect(self) -> Session:
        self._session = await asyncio.to_thread(self._open)
        return self._session

    def _connected(self, task: asyncio.Task[Session]) -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # whoever waits is told; that nobody does is no mistake

    def _open(self) -> Session:
        options = self.options
        cluster = make_cluster(options)
        try:
            session = cluster.connect()
            session.client_protocol_handler = Protocol
            if self._inspect:
                self._inspect(session)
        except Exception as error:
            cluster.shutdown()
            if is_of_driver(error) or isinstance(error, OSError):
                raise translate(error, options.connect_timeout_s) from error
            raise
        self._cluster = cluster
        return session

    # ── Preparing ──
    async def _prepare(self, cql: str) -> PreparedStatement:
        session = await self.connect()
        for attempt in range(PREPARE_TRIES):
            try:
                return await prepare(session, cql, FIRST_TRY_S)
            except Exception as error:
                if not is_of_driver(error):
                    raise
                found = translate(error, self.options.timeout_s)
                if attempt == PREPARE_TRIES - 1 or not may_pass(found):
                    raise found from error
            await asyncio.sleep(RETRY_PAUSE_S * 2**attempt)
        raise AssertionError

    def _prepared(self, cql: str, task: asyncio.Task[PreparedStatement]) -> None:
        if self._statements.get(cql) is not task:
            return
        if task.cancelled() or task.exception() is not None:
            del self._statements[cql]
        else:
            self._statements[cql] = task.result()

    # ── Sending ──
    def _send(self, call: _Call) -> None:
        session = self._session
        left = max(0.01, call.deadline - call.loop.time())
        limit = min(left, FIRST_TRY_S) if call.tries == 0 and call.statement.is_idempotent else left
        if session is None:
            call.future.set_exception(StoreUnavailable("The store of rows was closed."))
            return
        self._in_flight += 1
        try:
            response = session.execute_async(call.statement, timeout=limit, paging_state=call.paging_state)
        except Exception as error:
            self._in_flight -= 1
            if not is_of_driver(error):
                raise
            call.future.set_exception(translate(error, self.options.timeout_s))
            return
        call.response = response
        response.add_callbacks(partial(self._answered, call, response), partial(self._answered, call, response, None))

    def _answered(self, call: _Call, response: Any, rows: Any, error: BaseException | None = None) -> None:
        """On the driver's thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            call.loop.call_soon_threadsafe(self._finish, call, response, rows, error)

    def _finish(self, call: _Call, response: Any, rows: Any, error: BaseException | None) -> None:
        if call.response is not response:
            return
        call.response = None
        self._in_flight -= 1
        routing_of(response.session).learn(response)
        # Both name the response: circles that would hold its rows until they are collected, tens of megabytes of them.
        response.clear_callbacks()
        response._timer = None
        if call.future.done():
            pass
        elif error is not None and self._may_try_again(call, error):
            pause = RETRY_PAUSE_S * 2**call.tries
            call.tries += 1
            call.loop.call_later(pause, self._resend, call)
        elif error is not None:
            known = is_of_driver(error) or isinstance(error, OSError)
            call.future.set_exception(translate(error, self.options.timeout_s) if known else error)
        else:
            call.rows.append(rows or [])
            if response.has_more_pages and sum(map(len, call.rows)) < call.wanted:
                # A server may end a page before it is full: what follows is fetched, with a time limit of its own.
                call.paging_state, call.deadline = response._paging_state, call.loop.time() + self.options.timeout_s
                self._send(call)
                return
            call.future.set_result(join_rows(call.rows))
        self._send_waiting()

    def _may_try_again(self, call: _Call, error: BaseException) -> bool:
        """By the driver a call ends when each node was asked once, also while one that was overtaken may still answer."""
        lost = is_of_driver(error) and not isinstance(error, MISTAKES)
        pause = RETRY_PAUSE_S * 2**call.tries
        in_time = call.loop.time() + pause < call.deadline
        return lost and in_time and call.tries < RETRIES and bool(call.statement.is_idempotent)

    def _resend(self, call: _Call) -> None:
        if not call.future.done():
            self._send(call)

    def _send_waiting(self) -> None:
        while self._waiting and self._in_flight < self.options.max_in_flight:
            waiting = self._waiting.popleft()
            if not waiting.future.done():
                self._send(waiting)


def make_cluster(options: ClusterOptions) -> Cluster:
    profile = ExecutionProfile(
        load_balancing_policy=Routing(options.datacenter),
        retry_policy=_Repeatable(),
        consistency_level=ConsistencyLevel.name_to_value[options.consistency],
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=options.timeout_s,
        row_factory=tuple_factory,
        speculative_execution_policy=ConstantSpeculativeExecutionPolicy(SPECULATIVE_DELAY_S, 2),
    )
    return Cluster(
        list(options.hosts),
        port=options.port,
        auth_provider=PlainTextAuthProvider(options.username, options.password) if options.username else None,
        ssl_context=options.tls,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=options.connect_timeout_s,
        control_connection_timeout=options.connect_timeout_s,
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)] if options.no_delay else None,
        idle_heartbeat_interval=HEARTBEAT_S,
        idle_heartbeat_timeout=HEARTBEAT_LIMIT_S,
        reconnection_policy=ConstantReconnectionPolicy(RECONNECT_S, max_attempts=None),
        reprepare_on_up=False,
        executor_threads=THREADS,
        monitor_reporting_enabled=False,
    )


async def gather(futures: Sequence[asyncio.Future[Sequence[Row]]]) -> list[Sequence[Row]]:
    """All answers, or the first failure, after which nobody waits for the others."""
    try:
        return await asyncio.gather(*futures)
    finally:
        for future in futures:
            future.cancel()
