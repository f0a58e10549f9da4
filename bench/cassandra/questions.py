"""The questions: in GraphQL to our server, in CQL to the bare driver; and whether the answers are the same."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from cassandra.cluster import Session

from bench.cassandra.contents import WHERE, NotTheSame, Place
from syndb_graphql.store.cassandra.layout import group_by_bucket

PAGE, SMALL_PAGE = 10_000, 100
PARENTS, CHILDREN = 100, 20
COLUMNS = (
    "cid", "pre_neuron_id", "post_neuron_id", "neurotransmitter", "confidence", "connection_score", "cleft_score",
    "centroid_x", "centroid_y", "centroid_z",
)  # fmt: skip
CHILD_COLUMNS = ("cid", "connection_score", "centroid_x", "centroid_y", "centroid_z")
PAGE_QUERY = """query Page($dataset: UUID!, $first: Int!, $after: String) { dataset(by: {uuid: $dataset}) {
  synapses(first: $first, after: $after) { edges { cursor node {
    cid preNeuronId postNeuronId neurotransmitter confidence connectionScore cleftScore centroid { x y z } } }
    pageInfo { hasNextPage endCursor } } } }"""
CHILDREN_QUERY = """query Children($dataset: UUID!, $first: Int!, $children: Int!) { dataset(by: {uuid: $dataset}) {
  neurons(first: $first) { edges { node { cid outgoingSynapses(first: $children) { edges { node {
    cid connectionScore centroid { x y z } } } } } } } } }"""


def page_body(place: Place, first: int, after: str | None = None) -> bytes:
    return _body(PAGE_QUERY, dataset=_dataset(place), first=first, after=after)


def children_body(place: Place) -> bytes:
    return _body(CHILDREN_QUERY, dataset=_dataset(place), first=PARENTS, children=CHILDREN)


def _body(query: str, **variables: Any) -> bytes:
    return json.dumps({"query": query, "variables": variables}).encode()


def _dataset(place: Place) -> str:
    return str(place.key(0)[0])


class ByHand:
    """The bare driver: bytes that are not decoded, or tuples."""

    def __init__(self, session: Session, place: Place, *, decoded: bool) -> None:
        self._session, self._place, self._decoded = session, place, decoded
        self._statements: dict[str, Any] = {}

    def read_page(self, table: str, columns: Sequence[str], limit: int) -> list[tuple]:
        """The first rows in the order of cid, partition after partition."""
        rows: list[tuple] = []
        cql = f"SELECT {', '.join(columns)} FROM {self._place.keyspace}.{table} {WHERE} LIMIT ?"
        for bucket in range(self._place.count_of(table)):
            found = self._ask(cql, (*self._place.key(bucket), limit), limit)
            rows += found
            limit -= self._count(found)
            if limit <= 0:
                break
        return rows

    def answer_page(self) -> bytes:
        """A page as JSON by hand: tuples to dicts to orjson, which `install_libraries` brings."""
        import orjson  # is not there where nothing is measured

        edges = [{"node": dict(zip(COLUMNS, row, strict=True))} for row in self.read_page("synapse", COLUMNS, PAGE)]
        return orjson.dumps({"data": {"dataset": {"synapses": {"edges": edges}}}})

    def read_children_each(self, parents: Sequence[bytes]) -> list[list[tuple]]:
        """A statement a parent, all at once; the rows of each parent."""
        names = ", ".join(CHILD_COLUMNS)
        cql = f"SELECT {names} FROM {self._place.keyspace}.synapse_pre {WHERE} AND pre_neuron_id = ? LIMIT {CHILDREN}"
        statement = self._prepared(cql)
        futures = []
        for bucket, some in self._by_bucket(parents).items():
            for parent in some:
                bound = statement.bind((*self._place.key(bucket), uuid.UUID(bytes=parent)))
                futures.append((parent, self._session.execute_async(bound)))
        found = {parent: list(future.result()) for parent, future in futures}
        return [found[parent] for parent in parents]

    def read_children_range(self, parents: Sequence[bytes]) -> list[tuple]:
        """One range over the parents of each partition, with all their children."""
        names = ", ".join(("pre_neuron_id", *CHILD_COLUMNS))
        cql = f"SELECT {names} FROM {self._place.keyspace}.synapse_pre {WHERE} AND pre_neuron_id >= ? AND pre_neuron_id <= ?"
        rows: list[tuple] = []
        for bucket, some in self._by_bucket(parents).items():
            ends = uuid.UUID(bytes=min(some)), uuid.UUID(bytes=max(some))
            rows += self._ask(cql, (*self._place.key(bucket), *ends), PAGE)
        return rows

    def _by_bucket(self, parents: Sequence[bytes]) -> dict[int, list[bytes]]:
        bits = self._place.count_of("synapse").bit_length() - 1
        return {
            bucket: [parents[at] for at in places] for bucket, places in group_by_bucket(list(parents), bits).items()
        }

    def _ask(self, cql: str, values: Sequence[Any], fetch: int) -> list[tuple]:
        statement = self._prepared(cql).bind(values)
        statement.fetch_size = fetch
        return list(self._session.execute(statement))

    def _prepared(self, cql: str) -> Any:
        if cql not in self._statements:
            self._statements[cql] = self._session.prepare(cql)
        return self._statements[cql]

    def _count(self, rows: Sequence[tuple]) -> int:
        return len(rows) if self._decoded else sum(row[0] for row in rows)


# ── Are they the same? ──
def check_page(answer: Any, rows: Sequence[tuple]) -> None:
    """Value by value. Raises NotTheSame."""
    edges = answer["dataset"]["synapses"]["edges"]
    if len(edges) != len(rows):
        raise NotTheSame(f"A page of {len(edges):,} rows; {len(rows):,} are there.")
    for number, (edge, row) in enumerate(zip(edges, rows, strict=True)):
        node = edge["node"]
        centroid = node["centroid"] or dict.fromkeys("xyz")
        found = (
            node["cid"], node["preNeuronId"], node["postNeuronId"], node["neurotransmitter"], node["confidence"],
            node["connectionScore"], node["cleftScore"], centroid["x"], centroid["y"], centroid["z"],
        )  # fmt: skip
        _compare(found, row, f"row {number}", whole_point=None not in row[-3:])


def check_children(answer: Any, parents: Sequence[bytes], rows: Sequence[Sequence[tuple]]) -> None:
    """Raises NotTheSame."""
    edges = answer["dataset"]["neurons"]["edges"]
    cids = [edge["node"]["cid"] for edge in edges]
    if cids != [str(uuid.UUID(bytes=parent)) for parent in parents]:
        raise NotTheSame("Other parents are in the answer.")
    for edge, expected in zip(edges, rows, strict=True):
        below = [child["node"] for child in edge["node"]["outgoingSynapses"]["edges"]]
        if len(below) != len(expected):
            raise NotTheSame(f"{edge['node']['cid']}: {len(below)} children, {len(expected)} are there.")
        for node, row in zip(below, expected, strict=True):
            centroid = node["centroid"] or dict.fromkeys("xyz")
            found = (node["cid"], node["connectionScore"], centroid["x"], centroid["y"], centroid["z"])
            _compare(found, row, f"a child of {edge['node']['cid']}", whole_point=None not in row[-3:])


def _compare(found: tuple, row: tuple, what: str, *, whole_point: bool) -> None:
    """A point of which a coordinate is missing is none in the graph."""
    expected = tuple(str(value) if isinstance(value, uuid.UUID) else value for value in row)
    ends = len(row) if whole_point else len(row) - 3
    if found[:ends] != expected[:ends]:
        raise NotTheSame(f"{what}: {found} in the answer, {expected} in the store.")
