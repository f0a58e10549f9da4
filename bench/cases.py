"""What is asked, what the right answers are (from SQLite, by the standard library), and the comparison of the two."""

import json
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.data import SEED, Facts, Scale
from bench.dialects import Dialect, dig, make_variables

COLUMNS = (
    "cid", "polarity", "mesh_volume", "mesh_surface_area", "mesh_sphericity",
    "centroid_x", "centroid_y", "centroid_z", "cable_length", "n_branches",
)  # fmt: skip
MANY_IDS, LISTS_OF_IDS = 100, 16
STEP = 10_000
"""Rows of a page on the way to the deep one."""
Ask = Callable[[bytes], Any]
"""Sends a body, returns the answer's `data`."""


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    kind: str
    """Which of a dialect's documents is sent: page, nested, one or nodes."""
    first: int = 0
    deep: bool = False


CASES = (
    Case("page_100", "100 rows", "page", 100),
    Case("page_1000", "1,000 rows", "page", 1000),
    Case("page_10000", "10,000 rows", "page", 10_000),
    Case("nested", "100 x 20", "nested", 100),
    Case("one", "one by id", "one"),
    Case("deep", "deep page", "page", 100, deep=True),
    Case("nodes", "100 by ids", "nodes"),
)
BY_NAME = {case.name: case for case in CASES}


class WrongAnswer(Exception):
    """A server's answer differs from what SQLite holds."""


class Questions:
    """Bodies of requests with the answers expected, for any server."""

    def __init__(self, scale: Scale, facts: Facts) -> None:
        self._scale, self._facts = scale, facts
        self._connection = sqlite3.connect(f"file:{scale.database}?mode=ro", uri=True)
        chance = random.Random(SEED)
        cids = [row[0] for row in self._connection.execute("SELECT cid FROM neuron WHERE dataset_id = ?", (facts.big,))]
        # Sorted, so that servers that know a filter on a key but no list of nodes answer in the same order.
        self._lists = [sorted(chance.sample(cids, MANY_IDS)) for _ in range(LISTS_OF_IDS)]

    def close(self) -> None:
        self._connection.close()

    def prepare(self, case: Case, dialect: Dialect, ask: Ask) -> list[bytes]:
        """The bodies to send in turn, the answer to each of them compared. Raises WrongAnswer."""
        if case.kind == "one":
            return [self._check_one(dialect, ask, dataset, cid) for dataset, cid in self._facts.sample]
        if case.kind == "nodes":
            return [self._check_nodes(dialect, ask, cids) for cids in self._lists]
        values: dict[str, Any] = {"dataset": self._facts.big, "first": case.first}
        if case.deep:
            values["after"] = self._walk(dialect, ask)
        body = make_body(dialect, case.kind, values)
        found = dig(ask(body), f"{dialect.connection}.edges.*.node")
        (self._compare_nested if case.kind == "nested" else self._compare_page)(case, dialect, found)
        return [body]

    def _check_one(self, dialect: Dialect, ask: Ask, dataset: str, cid: str) -> bytes:
        body = make_body(dialect, "one", {"dataset": dataset, "cid": cid})
        compare(read(dig(ask(body), dialect.row), dialect.neuron), self._row(cid), f"neuron {cid}")
        return body

    def _check_nodes(self, dialect: Dialect, ask: Ask, cids: Sequence[str]) -> bytes:
        body = make_body(dialect, "nodes", {"ids": [(self._facts.big, cid) for cid in cids]})
        found = [read(node, dialect.neuron) for node in dig(ask(body), dialect.nodes_at)]
        compare(found, [self._row(cid) for cid in cids], "nodes by ids")
        return body

    def _compare_page(self, case: Case, dialect: Dialect, found: Sequence[Any]) -> None:
        before = self._scale.deep if case.deep else 0
        expected = self._connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM neuron WHERE dataset_id = ? ORDER BY cid LIMIT ? OFFSET ?",
            (self._facts.big, case.first, before),
        ).fetchall()
        compare([read(node, dialect.neuron) for node in found], expected, case.title)

    def _compare_nested(self, case: Case, dialect: Dialect, found: Sequence[Any]) -> None:
        sql = "SELECT cid FROM neuron WHERE dataset_id = ? ORDER BY cid LIMIT ?"
        owners = [row[0] for row in self._connection.execute(sql, (self._facts.big, case.first))]
        compare([node["cid"] for node in found], owners, f"{case.title}, parents")
        children = [
            self._connection.execute(
                "SELECT cid, connection_score, x, y, z FROM synapse WHERE neuron_id = ? ORDER BY cid LIMIT 20", (owner,)
            ).fetchall()
            for owner in owners
        ]
        if any(len(each) != 20 for each in children):
            raise WrongAnswer("The data themselves are wrong: some parent has fewer than 20 synapses.")
        path = f"{dialect.children}.edges.*.node"
        below = [[read(child, dialect.synapse) for child in dig(node, path)] for node in found]
        compare(below, children, f"{case.title}, children")

    def _walk(self, dialect: Dialect, ask: Ask) -> str:
        """The cursor before the deep page, had from the server page by page."""
        cursor, steps = None, -(-self._scale.deep // STEP)
        for _ in range(steps):
            values: dict[str, Any] = {"dataset": self._facts.big, "first": self._scale.deep // steps}
            if cursor is not None:
                values["after"] = cursor
            data = ask(make_body(dialect, "page", values))
            cursor = dig(data, f"{dialect.connection}.pageInfo.endCursor")
        return str(cursor)

    def _row(self, cid: str) -> tuple:
        return self._connection.execute(f"SELECT {', '.join(COLUMNS)} FROM neuron WHERE cid = ?", (cid,)).fetchone()


def make_body(dialect: Dialect, kind: str, values: dict[str, Any]) -> bytes:
    return json.dumps({"query": getattr(dialect, kind), "variables": make_variables(dialect, values)}).encode()


def read(node: Any, paths: Sequence[str]) -> tuple:
    return tuple(dig(node, path) for path in paths)


def compare(found: Any, expected: Any, what: str) -> None:
    """Exactly, number by number. Raises WrongAnswer with the first difference."""
    if found == expected:
        return
    if isinstance(found, list):
        if len(found) != len(expected):
            raise WrongAnswer(f"{what}: {len(found):,} in the answer, {len(expected):,} expected")
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            compare(one, other, f"{what}, number {place}")
    raise WrongAnswer(f"{what}: {found!r:.300} in the answer, {expected!r:.300} expected")
