"""The second limit written by hand: apsw, msgspec's Structs and encoder. No GraphQL: `query` is the name of a function."""

import apsw
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.servers.statements import BY_CID, CHILDREN, CIDS, ONE, PAGE, PRAGMAS, ROWS_DB

connection = apsw.Connection(ROWS_DB, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOMUTEX)
for pragma in PRAGMAS:
    connection.execute(pragma)
execute = connection.execute


def make_struct(name, *fields):
    return msgspec.defstruct(name, [(field, object) for field in fields], gc=False)


Neuron = make_struct(
    "Neuron", "cid", "polarity", "meshVolume", "meshSurfaceArea", "meshSphericity",
    "centroidX", "centroidY", "centroidZ", "cableLength", "nBranches",
)  # fmt: skip
Edge = make_struct("Edge", "cursor", "node")
Synapse = make_struct("Synapse", "cid", "connectionScore", "x", "y", "z")
Node = make_struct("Node", "node")
Parent = make_struct("Parent", "cid", "synapses")
Edges = make_struct("Edges", "edges")
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


def make_connection(rows, first, edges):
    more = len(rows) > first
    if more:
        edges.pop()
        rows.pop()
    return {"neurons": {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": rows[-1][0] if rows else None}}}


def page(variables):
    first = variables["first"]
    rows = execute(PAGE, (variables["dataset"], variables.get("after") or "", first + 1)).fetchall()
    return make_connection(rows, first, [Edge(row[0], Neuron(*row)) for row in rows])


def nested(variables):
    dataset, first = variables["dataset"], variables["first"]
    rows = execute(CIDS, (dataset, "", first + 1)).fetchall()
    edges = [
        Node(Parent(cid, Edges([Node(Synapse(*row)) for row in execute(CHILDREN, (cid, dataset, 20)).fetchall()])))
        for (cid,) in rows
    ]
    return make_connection(rows, first, edges)


def one(variables):
    row = execute(ONE, (variables["dataset"], variables["cid"])).fetchone()
    return {"neuron": Neuron(*row) if row else None}


def nodes(variables):
    found = [execute(BY_CID, (cid,)).fetchone() for cid in variables["ids"]]
    return {"nodes": [Neuron(*row) if row else None for row in found]}


FUNCTIONS = {"page": page, "nested": nested, "one": one, "nodes": nodes}


async def answer(request: Request) -> Response:
    body = decode(await request.body())
    data = FUNCTIONS[body["query"]](body["variables"])
    return Response(encode({"data": data}), media_type="application/json")


app = Starlette(routes=[Route("/graphql", answer, methods=["POST"])])
