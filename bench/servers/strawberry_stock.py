"""Stock Strawberry as its documentation would have it: relay connections over a source that slices, a DataLoader for children.

STRAWBERRY_CACHES=1 adds Strawberry's own caches of parsed and validated documents. The cap of a page is raised to 20,000.
"""

import os
import sqlite3
from collections.abc import Iterable
from typing import Self

import strawberry
from strawberry import relay
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from bench.servers.statements import CHILDREN, PRAGMAS, ROWS_DB

MOST = 20_000
COLUMNS = (
    "dataset_id", "cid", "polarity", "voxel_volume", "voxel_radius", "mesh_volume", "mesh_surface_area",
    "mesh_area_volume_ratio", "mesh_sphericity", "centroid_x", "centroid_y", "centroid_z", "cable_length",
    "n_branches", "terminal_count", "mitochondria_count",
)  # fmt: skip
SELECT = f"SELECT cid, {', '.join(COLUMNS)} FROM neuron"
FIELDS = ("key", *COLUMNS)
connection = sqlite3.connect(f"file:{ROWS_DB}?mode=ro", uri=True, check_same_thread=False)
for pragma in PRAGMAS:
    connection.execute(pragma)


@strawberry.type
class Synapse:
    cid: strawberry.ID
    connection_score: float
    x: float
    y: float
    z: float


@strawberry.type
class SynapseEdge:
    node: Synapse


@strawberry.type
class SynapseConnection:
    edges: list[SynapseEdge]


@strawberry.type
class Neuron(relay.Node):
    key: relay.NodeID[str]
    dataset_id: strawberry.ID
    cid: strawberry.ID
    polarity: str | None
    voxel_volume: float
    voxel_radius: float
    mesh_volume: float
    mesh_surface_area: float
    mesh_area_volume_ratio: float
    mesh_sphericity: float
    centroid_x: float
    centroid_y: float
    centroid_z: float
    cable_length: float
    n_branches: int
    terminal_count: int
    mitochondria_count: int

    @strawberry.field
    async def synapses(self, info: strawberry.Info, first: int = 20) -> SynapseConnection:
        rows = await info.context["children"].load((self.cid, self.dataset_id, first))
        return SynapseConnection(edges=[SynapseEdge(node=Synapse(**_name_synapse(row))) for row in rows])

    @classmethod
    def resolve_nodes(cls, *, node_ids: Iterable[str], **_: object) -> list[Self]:
        ids = list(node_ids)
        rows = connection.execute(f"{SELECT} WHERE cid IN ({', '.join('?' * len(ids))})", ids)
        found = {row[0]: _make_neuron(row) for row in rows}
        return [found[id_] for id_ in ids]


def _name_synapse(row):
    return dict(zip(("cid", "connection_score", "x", "y", "z"), row, strict=True))


def _make_neuron(row):
    return Neuron(**dict(zip(FIELDS, row, strict=True)))


async def load_children(keys):
    return [connection.execute(CHILDREN, key).fetchall() for key in keys]


class Source:
    """What a queryset is to an ORM's integration: a slice becomes LIMIT and OFFSET."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __iter__(self):
        return iter(self[0:MOST])

    def __getitem__(self, wanted):
        sql = f"{SELECT} WHERE dataset_id = ? ORDER BY dataset_id, cid LIMIT ? OFFSET ?"
        rows = connection.execute(sql, (self.dataset, wanted.stop - wanted.start, wanted.start)).fetchall()
        return [_make_neuron(row) for row in rows]


@strawberry.type
class Query:
    nodes: list[relay.Node] = relay.node()

    @relay.connection(relay.ListConnection[Neuron])
    def neurons(self, dataset: strawberry.ID) -> Iterable[Neuron]:
        return Source(dataset)

    @strawberry.field
    def neuron(self, dataset: strawberry.ID, cid: strawberry.ID) -> Neuron | None:
        row = connection.execute(f"{SELECT} WHERE dataset_id = ? AND cid = ?", (dataset, cid)).fetchone()
        return _make_neuron(row) if row else None


class App(GraphQL):
    async def get_context(self, request, response):  # noqa: ARG002 - asked for by name
        return {"request": request, "children": DataLoader(load_children)}


schema = strawberry.Schema(
    Query,
    config=StrawberryConfig(relay_max_results=MOST),
    extensions=[ParserCache(), ValidationCache()] if os.environ.get("STRAWBERRY_CACHES") else [],
)
app = App(schema)
