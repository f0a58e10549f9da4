"""A statement prepared: asked of one node, of the next when that is slow, and told to all others, which are waited for shortly.

The driver's own `prepare` blocks, asks one node alone for as long as it may take, and then waits for all others as long:
while a node stands still, a question's first time would take seconds for each of its statements.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from cassandra.cluster import ResponseFuture, Session
from cassandra.policies import ConstantSpeculativeExecutionPolicy
from cassandra.protocol import PrepareMessage
from cassandra.query import PreparedStatement

from syndb_graphql.store.cassandra.failures import is_of_driver
from syndb_graphql.store.cassandra.wire import with_bytes

OVERTAKING = ConstantSpeculativeExecutionPolicy(0.1, 2)
"""Sooner than a read is: a node prepares in some milliseconds, and it is one thing more that a question waits for."""
OTHERS_S = 0.05
"""How long the other nodes may take to know a statement before it is sent. One that does not know it answers so, and costs a
thread of the driver then."""


async def prepare(session: Session, cql: str, limit_s: float) -> PreparedStatement:
    """Raises what the driver does."""
    overtaking = OVERTAKING.new_plan(None, None)
    asked = ResponseFuture(session, PrepareMessage(query=cql), None, limit_s, speculative_execution_plan=overtaking)
    asked.send_request()
    found = await _answer_of(asked)
    statement = PreparedStatement.from_message(
        found.query_id,
        found.bind_metadata,
        found.pk_indexes,
        session.cluster.metadata,
        cql,
        None,
        session._protocol_version,
        found.column_metadata,
        found.result_metadata_id,
        session.cluster.column_encryption_policy,
    )
    session.cluster.add_prepared(found.query_id, statement)
    others = [host for host in tuple(session._pools) if host.is_up and host not in asked.attempted_hosts]
    if told := [answer for host in others if (answer := _tell(session, host, cql, limit_s))]:
        await asyncio.wait(told, timeout=OTHERS_S)
    return with_bytes(statement)


def _tell(session: Session, host: Any, cql: str, limit_s: float) -> asyncio.Future[Any] | None:
    asked = ResponseFuture(session, PrepareMessage(query=cql), None, limit_s)
    try:
        if asked._query(host) is None:
            return None  # it has just been lost
    except Exception as error:
        if not is_of_driver(error):
            raise
        return None
    answer = _answer_of(asked)
    answer.add_done_callback(lambda told: told.cancelled() or told.exception())  # that it failed is no mistake
    return answer


def _answer_of(asked: ResponseFuture) -> asyncio.Future[Any]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()

    def settle(how: Callable[[Any], None], found: Any) -> None:
        if not answer.done():
            how(found)

    def hand_over(how: Callable[[Any], None]) -> Callable[[Any], None]:
        def on_the_drivers_thread(found: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, how, found)

        return on_the_drivers_thread

    asked.add_callbacks(hand_over(answer.set_result), hand_over(answer.set_exception))
    return answer
