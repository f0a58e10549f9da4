"""A limit written by hand: the standard library's sqlite3, dicts, orjson. No GraphQL: `query` is the name of a function."""

import sqlite3

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.servers.statements import BY_CID, CHILDREN, CIDS, ONE, PAGE, PRAGMAS, ROWS_DB

connection = sqlite3.connect(f"file:{ROWS_DB}?mode=ro", uri=True, check_same_thread=False)
for pragma in PRAGMAS:
    connection.execute(pragma)
execute = connection.execute


def make_node(row):
    return {
        "cid": row[0], "polarity": row[1], "meshVolume": row[2], "meshSurfaceArea": row[3], "meshSphericity": row[4],
        "centroidX": row[5], "centroidY": row[6], "centroidZ": row[7], "cableLength": row[8], "nBranches": row[9],
    }  # fmt: skip


def make_connection(rows, first, edges):
    more = len(rows) > first
    if more:
        edges.pop()
        rows.pop()
    return {"neurons": {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": rows[-1][0] if rows else None}}}


def page(variables):
    first = variables["first"]
    rows = execute(PAGE, (variables["dataset"], variables.get("after") or "", first + 1)).fetchall()
    edges = [
        {"cursor": cid, "node": {
            "cid": cid, "polarity": polarity, "meshVolume": volume, "meshSurfaceArea": area, "meshSphericity": sphericity,
            "centroidX": x, "centroidY": y, "centroidZ": z, "cableLength": length, "nBranches": branches,
        }}
        for cid, polarity, volume, area, sphericity, x, y, z, length, branches in rows
    ]  # fmt: skip
    return make_connection(rows, first, edges)


def nested(variables):
    dataset, first = variables["dataset"], variables["first"]
    rows = execute(CIDS, (dataset, "", first + 1)).fetchall()
    edges = [
        {"node": {"cid": owner, "synapses": {"edges": [
            {"node": {"cid": cid, "connectionScore": score, "x": x, "y": y, "z": z}}
            for cid, score, x, y, z in execute(CHILDREN, (owner, dataset, 20)).fetchall()
        ]}}}
        for (owner,) in rows
    ]  # fmt: skip
    return make_connection(rows, first, edges)


def one(variables):
    row = execute(ONE, (variables["dataset"], variables["cid"])).fetchone()
    return {"neuron": make_node(row) if row else None}


def nodes(variables):
    found = [execute(BY_CID, (cid,)).fetchone() for cid in variables["ids"]]
    return {"nodes": [make_node(row) if row else None for row in found]}


FUNCTIONS = {"page": page, "nested": nested, "one": one, "nodes": nodes}


async def answer(request: Request) -> Response:
    body = orjson.loads(await request.body())
    data = FUNCTIONS[body["query"]](body["variables"])
    return Response(orjson.dumps({"data": data}), media_type="application/json")


app = Starlette(routes=[Route("/graphql", answer, methods=["POST"])])
