"""Parts that fail: what is in memory, and what other stores hold, is still answered; every error has a code, and says nothing of the inside."""

import asyncio
import os
import shutil
from dataclasses import replace

import apsw
import pytest

HEMIBRAIN = "Hemibrain DA1 projection neurons"
EVERYTHING = """{ server { version } tables { name } datasets { totalCount nodes { label animal { name } rowCount
  tables { table { name } rowCount } neurons(first: 2) { nodes { cid outgoingSynapses(first: 2) { nodes { cid } } } } } } }"""


def no_inside(answer, settings):
    """Neither a path, nor SQL, nor a name of the program is told to anyone."""
    text = str(answer)
    for word in (str(settings.data), "SELECT", "Traceback", ".py", "apsw"):
        assert word not in text


async def take_away(client, settings):
    await client.app.state.backend.rows.close()


async def overwrite(client, settings):
    database = settings.data / "syndb.sqlite"
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.write(os.urandom(size))


@pytest.mark.embedded
@pytest.mark.parametrize("harm", [take_away, overwrite])
async def test_a_database_that_fails_costs_the_rows_and_nothing_else(copied_demo, start_client, harm):
    async with start_client(copied_demo) as client:
        whole = await client.ask(EVERYTHING)
        await harm(client, copied_demo)
        answer = await client.answer(EVERYTHING)
        no_inside(answer, copied_demo)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["STORE_UNAVAILABLE"]
        assert answer["errors"][0]["path"][:2] == ["datasets", "nodes"]
        for dataset in whole["datasets"]["nodes"]:
            dataset["neurons"] = None
        assert answer["data"] == whole
        error = await client.fail(
            f'{{ dataset(by: {{label: "{HEMIBRAIN}"}}) {{ neuron(by: {{sourceId: "1734350788"}}) {{ cid }} }} }}'
        )
        assert error["code"] == "STORE_UNAVAILABLE"
        ready = await client.http.get("/readyz")
        assert (ready.status_code, ready.json()) == (503, {"status": "unavailable", "code": "STORE_UNAVAILABLE"})
        assert (await client.http.get("/healthz")).status_code == 200
        assert len((await client.ask("{ datasets { nodes { label } } }"))["datasets"]["nodes"]) == 6


@pytest.mark.embedded
async def test_a_server_whose_database_was_moved_away_says_so_before_anyone_misses_what_is_loaded(
    copied_demo, start_client
):
    async with start_client(copied_demo) as client:
        assert (await client.http.get("/readyz")).status_code == 200
        database = copied_demo.data / "syndb.sqlite"
        database.rename(copied_demo.data / "elsewhere.sqlite")
        assert (await client.http.get("/readyz")).status_code == 503
        shutil.copy(copied_demo.data / "elsewhere.sqlite", database)
        assert (await client.http.get("/readyz")).status_code == 503
        database.unlink()
        (copied_demo.data / "elsewhere.sqlite").rename(database)
        assert (await client.http.get("/readyz")).status_code == 200


@pytest.mark.embedded
async def test_files_that_are_gone_cost_the_links_and_nothing_else(copied_demo, start_client):
    query = """query($label: String!) { dataset(by: {label: $label}) { neurons { nodes { sourceId cableLength
      mesh { size sha256 url } skeleton { size sha256 url } } } } }"""
    async with start_client(copied_demo) as client:
        before = (await client.ask(query, {"label": HEMIBRAIN}))["dataset"]["neurons"]["nodes"]
        link = before[0]["mesh"]["url"]
        assert (await client.http.get(link)).status_code == 200
        shutil.rmtree(copied_demo.data / "files")
        answer = await client.answer(query, {"label": HEMIBRAIN})
        after = answer["data"]["dataset"]["neurons"]["nodes"]
        for old, new in zip(before, after, strict=True):
            assert {**old, "mesh": None, "skeleton": None} == {**new, "mesh": None, "skeleton": None}
            assert (old["mesh"]["sha256"], old["mesh"]["size"]) == (new["mesh"]["sha256"], new["mesh"]["size"])
        gone = await client.http.get(link)
        assert gone.status_code in (404, 503)
        assert gone.json()["error"]["code"] == "RAW_DATA_UNAVAILABLE"
        assert str(copied_demo.data) not in gone.text


@pytest.mark.embedded
async def test_what_nobody_thought_of_is_masked_and_logged_once_with_the_request_s_id(
    copied_demo, start_client, caplog
):
    """A value in the database that the schema does not allow, as a broken disk or a careless hand may leave it."""
    database = apsw.Connection(str(copied_demo.data / "syndb.sqlite"))
    database.execute(
        "UPDATE synapse SET pre_id = pre_neuron_id, pre_table = 'no such table' WHERE pre_neuron_id IS NOT NULL"
    )
    database.close()
    query = """query($label: String!) { server { version } dataset(by: {label: $label}) {
      neuron(by: {sourceId: "1734350788"}) { sourceId outgoingSynapses(first: 50) { nodes { sourceId preTable } } } } }"""
    async with start_client(copied_demo) as client:
        answer = await client.answer(query, {"label": HEMIBRAIN}, **{"x-request-id": "look-for-me"})
    no_inside(answer, copied_demo)
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "look-for-me"}
    assert error["message"] == "Something went wrong here. The request's id helps us to find it."
    assert answer["data"]["dataset"]["neuron"]["sourceId"] == "1734350788"
    assert answer["data"]["server"]["version"]
    synapses = answer["data"]["dataset"]["neuron"]["outgoingSynapses"]["nodes"]
    assert len(synapses) == 50
    assert {synapse["preTable"] for synapse in synapses} == {None}
    logged = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(logged) == 1
    assert "look-for-me" in logged[0].getMessage()
    assert "no such table" in str(logged[0].exc_info[1])


# ── Time ──
async def test_a_request_that_takes_too_long_ends_and_the_next_one_is_answered(demo_settings, start_client):
    settings = demo_settings.model_copy(update={"request_timeout_s": 0.002})
    pages = " ".join(f"s{i}: synapses(first: 9990) {{ nodes {{ cid sourceId confidence }} }}" for i in range(10))
    query = f'{{ dataset(by: {{label: "{HEMIBRAIN}"}}) {{ {pages} }} }}'
    async with start_client(settings) as client:
        response = await client.http.post("/graphql", json={"query": query})
        body = response.json()
        assert set(body) == {"errors"}
        assert body["errors"][0]["extensions"]["code"] == "REQUEST_TIMEOUT"
        assert "longer than 0.002 s" in body["errors"][0]["message"]
        accept = {"accept": "application/graphql-response+json"}
        assert (await client.http.post("/graphql", json={"query": query}, headers=accept)).status_code == 503
        assert (await client.ask("{ server { version } }"))["server"]["version"]


@pytest.mark.parametrize(
    "field",
    [
        "synapses(first: 1000) { nodes { cid region } }",
        "neurons { nodes { outgoingSynapses { nodes { cid } } } }",
        'neuron(by: {sourceId: "1734350788"}) { sourceId }',
    ],
)
async def test_a_read_that_takes_the_database_too_long_is_an_error_in_its_place(demo_settings, start_client, field):
    async with start_client(demo_settings.model_copy(update={"store_timeout_s": 5})) as client:
        # The data sets were read in time; from now on the database has none.
        rows = client.app.state.backend.rows
        if demo_settings.store == "sqlite":
            rows._timeout_s = 1e-9
        else:
            rows._door.options = replace(rows._door.options, timeout_s=1e-9)
        answer = await client.answer(
            f'{{ dataset(by: {{label: "{HEMIBRAIN}"}}) {{ label animal {{ name }} asked: {field} }} }}'
        )
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "STORE_TIMEOUT"
        assert error["path"][:2] == ["dataset", "asked"]
        assert error["message"] == "The store did not answer within 1e-09 s. Ask for fewer rows."
        assert answer["data"]["dataset"]["asked"] is None
        assert answer["data"]["dataset"]["animal"] == {"name": "Drosophila melanogaster"}


async def test_many_at_once_are_all_answered_rightly(client):
    """Requests that wait for each other's turns do not get each other's answers."""
    query = "query($label: String!, $n: Int) { dataset(by: {label: $label}) { label neurons(first: $n) { nodes { sourceId } } } }"
    labels = [HEMIBRAIN, "C. elegans connectome", "Mouse V1 Pvalb neurons"]
    asked = [(labels[number % 3], number % 7) for number in range(150)]
    alone = {pair: await client.answer(query, {"label": pair[0], "n": pair[1]}) for pair in set(asked)}
    together = await asyncio.gather(*(client.answer(query, {"label": label, "n": n}) for label, n in asked))
    assert together == [alone[pair] for pair in asked]
