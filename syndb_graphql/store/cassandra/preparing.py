"""A statement prepared: asked of one node, of the next when that is slow, and told to all others, which are waited for shortly.

The driver's own `prepare` blocks, asks one node alone for as long as it may take, and then waits for all others as long:
while a node stands still, a question's first time would take seconds for each of its statements.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from cassandra.cluster import ResponseFuture, Session
from cassandra.policies import ConstantSpeculativeExecutionPolicy
from cassandra.protocol import PrepareMessage
from cassandra.query import PreparedStatement

from syndb_graphql.store.cassandra.routing import routing_of
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
    routing = routing_of(session)
    routing.learn(asked)
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
    told = [(host, ResponseFuture(session, PrepareMessage(query=cql), None, limit_s)) for host in others]
    sent = [(host, each) for host, each in told if each._query(host) is not None]  # None: it has just been lost
    answers = [_answer_of(each) for host, each in sent if not routing.avoids(host)]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(OTHERS_S):
            await asyncio.gather(*answers, return_exceptions=True)  # that one failed is no mistake
    return with_bytes(statement)


def _answer_of(asked: ResponseFuture) -> asyncio.Future[Any]:
    answer = Future[Any]()
    answer.set_running_or_notify_cancel()  # else nobody may answer once it is cancelled

    def settle(how: Callable[[Any], None], found: Any) -> None:
        if not answer.done():  # a node that was overtaken may answer as well
            how(found)

    asked.add_callbacks(partial(settle, answer.set_result), partial(settle, answer.set_exception))
    return asyncio.wrap_future(answer)
