"""Data sets in every order, page by page, while some of them are added, changed and deleted."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from bench.synthetic.metadata import Metadata, write_metadata
from syndb_graphql.catalog.records import encode_record
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Head
from syndb_graphql.stores import open_stores

QUERY = """query($filter: DatasetFilter, $orderBy: [DatasetOrder!], $first: Int, $after: String, $last: Int, $before: String) {
  datasets(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    totalCount
    edges { cursor score node { uuid label rowCount createdAt updatedAt publishedAt } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
VALUES: dict[str, Callable[[dict], Any]] = {
    "RELEVANCE": lambda edge: edge["score"],
    "LABEL": lambda edge: edge["node"]["label"],
    "ROW_COUNT": lambda edge: edge["node"]["rowCount"],
    "CREATED_AT": lambda edge: edge["node"]["createdAt"],
    "UPDATED_AT": lambda edge: edge["node"]["updatedAt"],
    "PUBLISHED_AT": lambda edge: edge["node"]["publishedAt"],
}


async def page(client, **variables) -> dict:
    return (await client.ask(QUERY, variables))["datasets"]


async def walk(client, size: int, *, backwards: bool = False, **variables) -> list[dict]:
    edges: list[dict] = []
    cursor = None
    while True:
        if backwards:
            found = await page(client, last=size, before=cursor, **variables)
            edges = found["edges"] + edges
            more, cursor = found["pageInfo"]["hasPreviousPage"], found["pageInfo"]["startCursor"]
        else:
            found = await page(client, first=size, after=cursor, **variables)
            edges += found["edges"]
            more, cursor = found["pageInfo"]["hasNextPage"], found["pageInfo"]["endCursor"]
        if not more:
            return edges


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("field", VALUES)
async def test_a_walk_both_ways_meets_each_once_in_order(crowd, field, direction):
    asked = {"filter": {"search": "synapses m"}, "orderBy": [{"field": field, "direction": direction}]}
    edges = await walk(crowd, 7, **asked)
    assert len(edges) == (await page(crowd, **asked))["totalCount"] > 20
    assert len({edge["node"]["uuid"] for edge in edges}) == len(edges)
    values = [VALUES[field](edge) for edge in edges]
    assert values == sorted(values, reverse=direction == "DESC")
    ties = [
        (first["node"], second["node"])
        for first, second in pairwise(edges)
        if VALUES[field](first) == VALUES[field](second)
    ]
    assert all((a["label"], a["uuid"]) < (b["label"], b["uuid"]) for a, b in ties)
    assert await walk(crowd, 7, backwards=True, **asked) == edges
    assert not crowd.app.state.executor.unplanned


async def test_orders_follow_one_another(client):
    by = [{"field": "RELEVANCE"}, {"field": "ROW_COUNT", "direction": "DESC"}, {"field": "LABEL", "direction": "DESC"}]
    edges = await walk(client, 2, orderBy=by)
    rows = [(edge["node"]["rowCount"], edge["node"]["label"]) for edge in edges]
    assert rows == sorted(rows, reverse=True)
    assert edges[-1]["node"]["rowCount"] == edges[-2]["node"]["rowCount"] == 1
    default = [edge["node"]["label"] for edge in await walk(client, 2)]
    assert default == sorted(default)
    assert default == [edge["node"]["label"] for edge in await walk(client, 4, orderBy=[])]


async def test_what_scores_nothing_comes_last_in_both_directions(client):
    either = {"or": [{"search": "worm"}, {"label": {"startsWith": "Mouse"}}]}
    for direction in ("ASC", "DESC"):
        edges = await walk(client, 2, filter=either, orderBy=[{"field": "RELEVANCE", "direction": direction}])
        assert [edge["score"] is None for edge in edges] == [False, True, True, True, True]


async def test_a_cursor_belongs_to_its_filter_and_order(client):
    by = {"orderBy": [{"field": "ROW_COUNT"}]}
    cursor = (await page(client, first=1, **by))["pageInfo"]["endCursor"]
    for other in (
        {},
        {"orderBy": [{"field": "ROW_COUNT", "direction": "DESC"}]},
        {**by, "filter": {"search": "mouse"}},
    ):
        assert (await client.fail(QUERY, {"after": cursor, **other}))["code"] == "INVALID_CURSOR"
    assert len((await page(client, first=9, after=cursor, **by))["edges"]) == 5, "the page may be longer"
    twice = await client.fail(QUERY, {"orderBy": [{"field": "LABEL"}, {"field": "LABEL"}]})
    assert "names LABEL twice" in twice["message"]


class Curator:
    """Adds, changes and deletes data sets, as loads and `delete` would."""

    def __init__(self, store: Any, client: Any) -> None:
        self._store, self._client = store, client
        self._made = iter(Metadata(load_default_model(), 100, seed=2))

    async def add(self) -> None:
        await write_metadata(self._store, [next(self._made)])

    async def change(self, record: Any) -> None:
        [head] = [head for head in await self._store.read_heads() if head.dataset_id == record.uuid.bytes]
        other, _ = next(self._made)
        new = type(record)(**{name: getattr(other, name) for name in other.__struct_fields__} | {"uuid": record.uuid})
        await self._store.write_record(head.dataset_id, head.revision + 1, encode_record(new))
        assert await self._store.swap_head(
            head, Head(head.dataset_id, head.revision + 1, head.version, head.last_version)
        )

    async def delete(self, record: Any) -> None:
        await self._store.delete_dataset(record.uuid.bytes)

    async def show(self) -> None:
        await self._client.app.state.backend.catalog.refresh()


@pytest.mark.parametrize("field", VALUES)
async def test_no_data_set_that_stays_as_it_is_is_met_twice_or_missed(make_settings, start_client, field):
    model, settings = load_default_model(), make_settings()
    stores = open_stores(settings, model)
    records = [record for record, _ in Metadata(model, 60)]
    await write_metadata(stores.rows, Metadata(model, 60))
    rng = random.Random(7)
    touched, left = set(), records[:]
    rng.shuffle(left)
    async with start_client(settings, model) as client:
        curator = Curator(stores.rows, client)
        asked = {"filter": {"search": "imaged"}, "orderBy": [{"field": field, "direction": "DESC"}]}
        unchanged = {edge["node"]["uuid"] for edge in await walk(client, 50, **asked)}
        met: list[str] = []
        cursor = None
        while True:
            found = await page(client, first=5, after=cursor, **asked)
            met += [edge["node"]["uuid"] for edge in found["edges"]]
            cursor = found["pageInfo"]["endCursor"]
            if not found["pageInfo"]["hasNextPage"]:
                break
            await curator.add()
            for act in (curator.change, curator.delete):
                victim = left.pop()
                touched.add(str(victim.uuid))
                await act(victim)
            await curator.show()
        old = unchanged - touched
        assert sorted(uuid for uuid in met if uuid in old) == sorted(old)
        assert len(old) > 20
    await stores.close()


async def test_a_changed_data_set_is_found_by_its_new_words_on_every_server(make_settings, start_client):
    model, settings = load_default_model(), make_settings()
    stores = open_stores(settings, model)
    await write_metadata(stores.rows, Metadata(model, 5))
    [first, *_] = [record for record, _ in Metadata(model, 5)]
    async with start_client(settings, model) as one, start_client(settings, model) as other:
        for client in (one, other):
            found = await page(client, filter={"search": first.label})
            assert [edge["node"]["label"] for edge in found["edges"]] == [first.label]
        await Curator(stores.rows, one).change(first)
        for client in (one, other):
            await client.app.state.backend.catalog.refresh()
            assert (await page(client, filter={"search": first.label}))["edges"] == []
            assert (await page(client))["totalCount"] == 5
    await stores.close()
