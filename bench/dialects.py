"""The same questions in each server's words, and where in its answers the values are.

A question is a case with its variables: `dataset`, `first`, `after`, `cid`, `ids`. Every server is asked for the same ten
values of a neuron, however it nests or names them.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from syndb_graphql.api.ids import encode_id

FLAT = (
    "cid", "polarity", "meshVolume", "meshSurfaceArea", "meshSphericity",
    "centroidX", "centroidY", "centroidZ", "cableLength", "nBranches",
)  # fmt: skip
SNAKE = (
    "cid", "polarity", "mesh_volume", "mesh_surface_area", "mesh_sphericity",
    "centroid_x", "centroid_y", "centroid_z", "cable_length", "n_branches",
)  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    page: str
    nested: str
    one: str
    nodes: str
    connection: str
    """Path of the connection in `data`."""
    row: str
    nodes_at: str
    children: str = "synapses"
    neuron: tuple[str, ...] = FLAT
    """Paths of the ten values, in the order of `statements.COLUMNS`."""
    synapse: tuple[str, ...] = ("cid", "connectionScore", "x", "y", "z")
    make_id: Callable[[str, str], str] = lambda _dataset, cid: cid
    """The `ids` of `nodes`, from data set and cid."""


def dig(value: Any, path: str) -> Any:
    """`a.b` is a value; `a.*.b` the list of the values of all elements."""
    head, _, rest = path.partition(".")
    if head == "*":
        return [dig(each, rest) if rest else each for each in value]
    found = value[head] if value is not None else None
    return dig(found, rest) if rest else found


def make_variables(dialect: Dialect, values: Mapping[str, Any]) -> dict[str, Any]:
    """`ids` come as pairs of data set and cid."""
    variables = dict(values)
    if "ids" in variables:
        variables["ids"] = [dialect.make_id(dataset, cid) for dataset, cid in variables["ids"]]
    return variables


_FIELDS = " ".join(FLAT)
_PAGE_INFO = "pageInfo { hasNextPage endCursor }"
_CHILD = "edges { node { cid connectionScore x y z } }"

HAND = Dialect("page", "nested", "one", "nodes", "neurons", "neuron", "nodes.*")
"""No GraphQL: the name of a function."""

_OURS_FIELDS = "cid polarity meshVolume meshSurfaceArea meshSphericity centroid { x y z } cableLength branchCount"
OURS = Dialect(
    page="query Page($dataset: UUID!, $first: Int!, $after: String) { dataset(by: {uuid: $dataset}) "
    f"{{ neurons(first: $first, after: $after) {{ edges {{ cursor node {{ {_OURS_FIELDS} }} }} {_PAGE_INFO} }} }} }}",
    nested="query Nested($dataset: UUID!, $first: Int!) { dataset(by: {uuid: $dataset}) { neurons(first: $first) "
    "{ edges { node { cid outgoingSynapses(first: 20) { edges { node { cid connectionScore centroid { x y z } } } } } } "
    f"{_PAGE_INFO} }} }} }}",
    one="query One($dataset: UUID!, $cid: UUID!) { dataset(by: {uuid: $dataset}) "
    f"{{ neuron(by: {{cid: $cid}}) {{ {_OURS_FIELDS} }} }} }}",
    nodes=f"query Nodes($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Neuron {{ {_OURS_FIELDS} }} }} }}",
    connection="dataset.neurons",
    row="dataset.neuron",
    nodes_at="nodes.*",
    children="outgoingSynapses",
    neuron=(
        *FLAT[:5], "centroid.x", "centroid.y", "centroid.z", "cableLength", "branchCount",
    ),
    synapse=("cid", "connectionScore", "centroid.x", "centroid.y", "centroid.z"),
    make_id=lambda dataset, cid: encode_id("Neuron", UUID(dataset).bytes + UUID(cid).bytes),
)  # fmt: skip


def _plain(nodes: str, make_id: Callable[[str, str], str]) -> Dialect:
    """Of Mercurius and stock Strawberry, but for `nodes`."""
    return Dialect(
        page="query Page($dataset: ID!, $first: Int!, $after: String) { neurons(dataset: $dataset, first: $first, after: $after) "
        f"{{ edges {{ cursor node {{ {_FIELDS} }} }} {_PAGE_INFO} }} }}",
        nested="query Nested($dataset: ID!, $first: Int!) { neurons(dataset: $dataset, first: $first) "
        f"{{ edges {{ node {{ cid synapses(first: 20) {{ {_CHILD} }} }} }} {_PAGE_INFO} }} }}",
        one=f"query One($dataset: ID!, $cid: ID!) {{ neuron(dataset: $dataset, cid: $cid) {{ {_FIELDS} }} }}",
        nodes=nodes,
        connection="neurons",
        row="neuron",
        nodes_at="nodes.*",
        make_id=make_id,
    )


STRAWBERRY = _plain(
    f"query Nodes($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Neuron {{ {_FIELDS} }} }} }}",
    lambda _dataset, cid: base64.b64encode(f"Neuron:{cid}".encode()).decode(),
)
MERCURIUS = _plain(f"query Nodes($ids: [ID!]!) {{ nodes(ids: $ids) {{ {_FIELDS} }} }}", lambda _dataset, cid: cid)

POSTGRAPHILE = Dialect(
    page="query Page($dataset: UUID!, $first: Int!, $after: Cursor) "
    "{ neurons(condition: {datasetId: $dataset}, first: $first, after: $after) "
    f"{{ edges {{ cursor node {{ {_FIELDS} }} }} {_PAGE_INFO} }} }}",
    nested="query Nested($dataset: UUID!, $first: Int!) { neurons(condition: {datasetId: $dataset}, first: $first) "
    f"{{ edges {{ node {{ cid synapses(first: 20) {{ {_CHILD} }} }} }} {_PAGE_INFO} }} }}",
    one=f"query One($dataset: UUID!, $cid: UUID!) {{ neuron(datasetId: $dataset, cid: $cid) {{ {_FIELDS} }} }}",
    nodes=f"query Nodes($ids: [UUID!]!) {{ neurons(filter: {{cid: {{in: $ids}}}}) {{ nodes {{ {_FIELDS} }} }} }}",
    connection="neurons",
    row="neuron",
    nodes_at="neurons.nodes.*",
)

_SNAKE_FIELDS = " ".join(SNAKE)
DATASETTE = Dialect(
    page="query Page($dataset: String, $first: Int, $after: String) "
    "{ neuron(filter: [{dataset_id: {eq: $dataset}}], first: $first, after: $after) "
    f"{{ edges {{ cursor node {{ {_SNAKE_FIELDS} }} }} {_PAGE_INFO} }} }}",
    nested="query Nested($dataset: String, $first: Int) { neuron(filter: [{dataset_id: {eq: $dataset}}], first: $first) "
    "{ edges { node { cid synapse_list(first: 20) { edges { node { cid connection_score x y z } } } } } "
    f"{_PAGE_INFO} }} }}",
    one=f"query One($dataset: String, $cid: String) {{ neuron_row(dataset_id: $dataset, cid: $cid) {{ {_SNAKE_FIELDS} }} }}",
    nodes=f"query Nodes($ids: [String]) {{ neuron(filter: [{{cid: {{in: $ids}}}}], first: 100) {{ nodes {{ {_SNAKE_FIELDS} }} }} }}",
    connection="neuron",
    row="neuron_row",
    nodes_at="neuron.nodes.*",
    children="synapse_list",
    neuron=SNAKE,
    synapse=("cid", "connection_score", "x", "y", "z"),
)
