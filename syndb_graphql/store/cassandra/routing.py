"""Which node a statement is sent to: the one that has its rows, but one that was overtaken lately only after all others.

A node that stands still is noticed by its missing heartbeats, after seconds. Until then each statement would wait for it
anew, and a question of several, one after the other, for their sum.
"""

import time
from collections.abc import Iterator
from typing import Any

from cassandra.cluster import ResponseFuture, Session
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.pool import Host

AVOIDED_S = 10.0
"""Longer than heartbeats take to notice. One that only paused is asked again after it."""


class Routing(TokenAwarePolicy):  # type: ignore[misc]
    def __init__(self, datacenter: str) -> None:
        super().__init__(DCAwareRoundRobinPolicy(local_dc=datacenter))
        self._avoided: dict[Host, float] = {}
        """Until when, by `time.monotonic`."""

    def make_query_plan(self, working_keyspace: str | None = None, query: Any = None) -> Iterator[Host]:
        last = []
        for host in super().make_query_plan(working_keyspace, query):
            if self.avoids(host):
                last.append(host)
            else:
                yield host
        yield from last

    def avoids(self, host: Host) -> bool:
        return self._avoided.get(host, 0) > time.monotonic()

    def learn(self, answered: ResponseFuture) -> None:
        """Who was asked before the one that answered, and has said nothing, not even that it failed."""
        asked = answered.attempted_hosts
        if len(asked) > 1 and answered.coordinator_host in asked:
            silent = set(asked[: asked.index(answered.coordinator_host)]) - set(answered._errors)
            self._avoided |= dict.fromkeys(silent, time.monotonic() + AVOIDED_S)


def routing_of(session: Session) -> Routing:
    routing: Routing = session.cluster.profile_manager.default.load_balancing_policy
    return routing
