"""A data set that is loaded again, or deleted, while people read it: nobody ever gets part of the rows without a word."""

import asyncio
import time
from uuid import UUID

import httpx
import pytest

from syndb_graphql.cli.sweep import sweep
from syndb_graphql.ingest.versions import delete_dataset
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores

LABEL = "A circuit that grows"
PAGE = """query($label: String!, $first: Int, $after: String, $last: Int, $before: String) { dataset(by: {label: $label}) {
  version rowCount page: neurons(first: $first, after: $after, last: $last, before: $before) { totalCount
    nodes { sourceId name outgoingRelations(first: 2) { totalCount nodes { sourceId postNeuron { name } } } }
    pageInfo { hasNextPage endCursor hasPreviousPage startCursor } } } }"""


def neurons(count, name):
    return "cid,name\n" + "".join(f"{number},{name} {number}\n" for number in range(count))


def relations(count):
    pairs = [(number, (number * 7 + step) % count) for number in range(count) for step in (1, 2, 3)]
    return "pre_neuron_id,post_neuron_id,relation_type,synapse_count\n" + "".join(
        f"{a},{b},chemical,1\n" for a, b in pairs
    )


@pytest.fixture
def settings(make_settings):
    return make_settings()


@pytest.fixture
def load_circuit(settings, load, write_dataset):
    """Load the data set, or load it again with other rows; the new version is current when it returns."""

    async def load_again(count, name, **changes):
        files = {"neuron.csv": neurons(count, name), "neuron_relation.csv": relations(count)}
        return await load(write_dataset("circuit", files, label=LABEL), settings.model_copy(update=changes))

    return load_again


async def read(client, **window):
    return (await client.ask(PAGE, {"label": LABEL, **window}))["dataset"]


async def test_a_walk_goes_on_with_the_rows_it_began_with_while_others_see_the_new_ones(
    settings, load_circuit, start_client
):
    await load_circuit(200, "old")
    async with start_client(settings) as client:
        first = await read(client, first=30)
        assert (first["version"], first["page"]["totalCount"]) == (1, 200)
        assert (await load_circuit(150, "new")).version == 2
        await client.app.state.backend.catalog.refresh()
        met, page = list(first["page"]["nodes"]), first["page"]
        while page["pageInfo"]["hasNextPage"]:
            page = (await read(client, first=30, after=page["pageInfo"]["endCursor"]))["page"]
            met += page["nodes"]
            assert page["totalCount"] == 200
        assert sorted(int(node["sourceId"]) for node in met) == list(range(200))
        assert {node["name"].split()[0] for node in met} == {"old"}
        for node in met:
            assert node["outgoingRelations"]["totalCount"] == 3
            assert [relation["postNeuron"]["name"][:3] for relation in node["outgoingRelations"]["nodes"]] == [
                "old",
                "old",
            ]
        back = await read(client, last=1000, before=page["pageInfo"]["endCursor"])
        assert len(back["page"]["nodes"]) == 199
        begun_now = await read(client, first=1000)
        assert (begun_now["version"], begun_now["page"]["totalCount"]) == (2, 150)
        assert {node["name"].split()[0] for node in begun_now["page"]["nodes"]} == {"new"}


async def test_a_cursor_of_a_version_that_was_swept_is_an_error_and_never_a_shorter_page(
    settings, load_circuit, start_client
):
    await load_circuit(200, "old")
    async with start_client(settings) as client:
        cursor = (await read(client, first=30))["page"]["pageInfo"]["endCursor"]
        await load_circuit(150, "new", version_retention_h=0)
        await load_circuit(150, "newer", version_retention_h=0)
        await client.app.state.backend.catalog.refresh()
        for window in ({"first": 30, "after": cursor}, {"last": 30, "before": cursor}):
            error = await client.fail(PAGE, {"label": LABEL, **window})
            assert error["code"] == "VERSION_GONE"
            assert error["message"] == f"Version 1 of '{LABEL}' is no longer kept. Begin again without a cursor."
        begun_now = await read(client, first=1000)
        assert (begun_now["version"], len(begun_now["page"]["nodes"])) == (3, 150)


async def delete(settings, dataset):
    stores = open_stores(settings, load_default_model())
    await delete_dataset(stores.rows, stores.objects, UUID(str(dataset)))
    await stores.close()


async def test_who_pages_on_while_the_version_is_replaced_and_swept_gets_every_row_until_it_is_told(
    settings, load_circuit, start_client
):
    await load_circuit(200, "old")
    async with start_client(settings) as client:
        met, after = [], None

        async def read_next():
            nonlocal after
            page = (await read(client, first=30, after=after))["page"]
            assert (len(page["nodes"]), page["totalCount"]) == (30, 200)
            met.extend(node["sourceId"] for node in page["nodes"])
            after = page["pageInfo"]["endCursor"]

        await read_next()
        await load_circuit(150, "new")
        await read_next()  # this server has not heard of it
        await client.app.state.backend.catalog.refresh()
        await read_next()
        assert not (await sweep(settings)).versions  # it is kept for a day
        await read_next()
        assert [
            each.version for each in (await sweep(settings.model_copy(update={"version_retention_h": 0}))).versions
        ] == [1]
        for query, variables in ((PAGE, {"first": 30, "after": after}), (PAGE, {"last": 1, "before": after})):
            assert (await client.fail(query, {"label": LABEL, **variables}))["code"] == "VERSION_GONE"
        assert len(set(met)) == 120
        assert len((await read(client, first=1000))["page"]["nodes"]) == 150


async def test_while_a_version_is_swept_an_answer_is_whole_or_an_error(settings, load_circuit, start_client):
    await load_circuit(1000, "old")
    async with start_client(settings) as client:
        begin = (await read(client, first=1))["page"]["pageInfo"]["endCursor"]
        await load_circuit(10, "new")
        await client.app.state.backend.catalog.refresh()
        answers, swept = [await client.answer(PAGE, {"label": LABEL, "first": 2000, "after": begin})], asyncio.Event()

        async def read_on():
            while not swept.is_set():
                answers.append(await client.answer(PAGE, {"label": LABEL, "first": 2000, "after": begin}))

        readers = [asyncio.create_task(read_on()) for _ in range(3)]
        await sweep(settings.model_copy(update={"version_retention_h": 0}))
        swept.set()
        await asyncio.gather(*readers)
        last = await client.fail(PAGE, {"label": LABEL, "first": 2000, "after": begin})
        assert last["code"] == "VERSION_GONE"
        for answer in answers:
            if "errors" in answer:
                assert {error["extensions"]["code"] for error in answer["errors"]} == {"VERSION_GONE"}
                assert "nodes" not in str(answer.get("data"))
            else:
                nodes = answer["data"]["dataset"]["page"]["nodes"]
                assert len(nodes) == 999
                assert all(len(node["outgoingRelations"]["nodes"]) == 2 for node in nodes)
        assert "errors" not in answers[0]


async def test_a_data_set_that_is_deleted_and_loaded_again_is_another_one(settings, load_circuit, start_client):
    """Even for a server that has not heard of anything between."""
    result = await load_circuit(50, "old")
    async with start_client(settings) as client:
        cursor = (await read(client, first=5))["page"]["pageInfo"]["endCursor"]
        await delete(settings, result.dataset)
        await load_circuit(60, "new")
        await client.app.state.backend.catalog.refresh()
        assert (await client.fail(PAGE, {"label": LABEL, "first": 100, "after": cursor}))["code"] == "VERSION_GONE"
        now = await read(client, first=100)
        assert (now["page"]["totalCount"], len(now["page"]["nodes"])) == (60, 60)
        assert {node["name"][:3] for node in now["page"]["nodes"]} == {"new"}


async def test_two_cursors_of_two_versions_are_not_mixed(settings, load_circuit, start_client):
    await load_circuit(50, "old")
    async with start_client(settings) as client:
        old = (await read(client, first=5))["page"]["pageInfo"]["endCursor"]
        await load_circuit(50, "new")
        await client.app.state.backend.catalog.refresh()
        new = (await read(client, first=20))["page"]["pageInfo"]["endCursor"]
        error = await client.fail(PAGE, {"label": LABEL, "first": 50, "after": old, "before": new})
        assert error["code"] == "VERSION_GONE"
        assert "two versions" in error["message"]


@pytest.mark.parametrize("how", ["deleted", "replaced and swept"])
async def test_a_server_that_has_not_yet_heard_of_it_gives_no_half_answers(settings, load_circuit, start_client, how):
    """For a second the server still believes in the old version, whose rows are gone."""
    result = await load_circuit(50, "old")
    async with start_client(settings) as client:
        cursor = (await read(client, first=5))["page"]["pageInfo"]["endCursor"]
        node = f'{{ dataset(by: {{label: "{LABEL}"}}) {{ neuron(by: {{sourceId: "7"}}) {{ name }} }} }}'
        assert await client.ask(node)
        async with client.app.state.backend.catalog._refreshing:  # it hears of nothing meanwhile
            if how == "deleted":
                await delete(settings, result.dataset)
            else:
                await load_circuit(60, "new", version_retention_h=0)
                await load_circuit(60, "newer", version_retention_h=0)
            for query, variables in ((PAGE, {"label": LABEL}), (PAGE, {"label": LABEL, "after": cursor}), (node, None)):
                answer = await client.answer(query, variables)
                assert [error["extensions"]["code"] for error in answer["errors"]] == ["VERSION_GONE"], answer
        await client.app.state.backend.catalog.refresh()
        now = (await client.ask(PAGE, {"label": LABEL}))["dataset"]
        assert now is None if how == "deleted" else now["page"]["totalCount"] == 60


async def test_ids_stay_those_of_the_same_things_from_version_to_version(settings, load_circuit, start_client):
    await load_circuit(20, "old")
    query = 'query($label: String!) { dataset(by: {label: $label}) { id neuron(by: {sourceId: "7"}) { id cid name } } }'
    async with start_client(settings) as client:
        before = (await client.ask(query, {"label": LABEL}))["dataset"]
        await load_circuit(20, "new")
        await client.app.state.backend.catalog.refresh()
        after = (await client.ask(query, {"label": LABEL}))["dataset"]
        assert (before["id"], before["neuron"]["id"], before["neuron"]["cid"]) == (
            after["id"], after["neuron"]["id"], after["neuron"]["cid"],
        )  # fmt: skip
        assert (before["neuron"]["name"], after["neuron"]["name"]) == ("old 7", "new 7")
        node = await client.ask(
            "query($id: ID!) { node(id: $id) { ... on Neuron { name } } }", {"id": before["neuron"]["id"]}
        )
        assert node["node"] == {"name": "new 7"}


async def test_a_running_server_shows_what_is_loaded_changed_and_deleted_within_two_seconds(
    settings, load_circuit, start_server, tmp_path
):
    """In a process of its own. A look at the data sets is taken each second; a slow computer may take one more."""

    async def await_sight(http, *wanted):
        begin = time.monotonic()
        query = "{ datasets { nodes { version neurons(first: 1) { totalCount nodes { name } } } } }"
        while True:
            body = (await http.post("/graphql", json={"query": query})).json()
            if "errors" not in body:
                seen = [
                    (node["version"], node["neurons"]["totalCount"], node["neurons"]["nodes"][0]["name"][:3])
                    for node in body["data"]["datasets"]["nodes"]
                ]
                if seen == list(wanted):
                    return
            assert time.monotonic() - begin < 3, body
            await asyncio.sleep(0.05)

    with start_server(settings, tmp_path / "log") as server:
        async with httpx.AsyncClient(base_url=server.url) as http:
            await await_sight(http)
            result = await load_circuit(20, "old")
            await await_sight(http, (1, 20, "old"))
            await load_circuit(30, "new")
            await await_sight(http, (2, 30, "new"))
            stores = open_stores(settings, load_default_model())
            await delete_dataset(stores.rows, stores.objects, UUID(str(result.dataset)))
            await stores.close()
            await await_sight(http)
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_the_total_of_a_nested_walk_is_that_of_its_version_too(settings, load, write_dataset, start_client):
    def files(count):
        synapses = "".join(f"{number},1,\n" for number in range(count))
        header = "cid,pre_neuron_id,post_neuron_id\n"
        return {"neuron.csv": "cid,name\n1,a\n", "synapse.csv": header + synapses}

    query = """query($label: String!, $after: String) { dataset(by: {label: $label}) { neuron(by: {sourceId: "1"}) {
      outgoingSynapses(first: 7, after: $after) { totalCount nodes { sourceId } pageInfo { endCursor hasNextPage } } } } }"""
    await load(write_dataset("one", files(20), label=LABEL), settings)
    async with start_client(settings) as client:
        met, after = [], None
        for round_ in range(3):
            page = (await client.ask(query, {"label": LABEL, "after": after}))["dataset"]["neuron"]["outgoingSynapses"]
            assert page["totalCount"] == 20
            met += [int(node["sourceId"]) for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if round_ == 0:
                await load(write_dataset("one", files(9), label=LABEL), settings)
                await client.app.state.backend.catalog.refresh()
        assert sorted(met) == list(range(20))
        assert not page["pageInfo"]["hasNextPage"]
        begun_now = (await client.ask(query, {"label": LABEL}))["dataset"]["neuron"]["outgoingSynapses"]
        assert begun_now["totalCount"] == 9
