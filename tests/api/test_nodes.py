"""Finding a thing by what it is known by: global ids, cids, the contributor's own ids, labels; and what is found of things that are not there."""

import base64
from uuid import UUID, uuid4

import pytest

HEMIBRAIN = "Hemibrain DA1 projection neurons"
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


def global_id(kind, key):
    head = kind.encode() + b":"
    head += b":" * (-(len(head) + max(0, len(key) - 16)) % 3)
    return base64.urlsafe_b64encode(head + key).decode().rstrip("=")


@pytest.fixture(scope="session")
async def ids(client):
    """An id of every kind of thing the demo has."""
    data = await client.ask(
        """query($label: String!) { dataset(by: {label: $label}) { id uuid animal { id } microscopy { id } publications { id }
          neurons(first: 1) { nodes { id cid mesh { id } skeleton { id } } } synapses(first: 1) { nodes { id cid } } }
          datasets(filter: {label: {startsWith: "C."}}) { nodes { neuronRelations(first: 1) { nodes { id } } } }
          tables { term { id } } }""",
        {"label": HEMIBRAIN},
    )
    found = data["dataset"]
    neuron, synapse = found["neurons"]["nodes"][0], found["synapses"]["nodes"][0]
    return {
        "Dataset": found["id"],
        "Term": found["animal"]["id"],
        "Publication": found["publications"][0]["id"],
        "Neuron": neuron["id"],
        "Synapse": synapse["id"],
        "Mesh": neuron["mesh"]["id"],
        "Skeleton": neuron["skeleton"]["id"],
        "NeuronRelation": data["datasets"]["nodes"][0]["neuronRelations"]["nodes"][0]["id"],
        "uuid": found["uuid"],
        "cid": neuron["cid"],
        "ontology": data["tables"][0]["term"]["id"],
    }


async def test_everything_is_found_again_by_its_id(client, ids):
    kinds = ["Dataset", "Term", "Publication", "Neuron", "Synapse", "Mesh", "Skeleton", "NeuronRelation"]
    wanted = [ids[kind] for kind in kinds]
    data = await client.ask(NODES, {"ids": [*wanted, ids["ontology"], *reversed(wanted)]})
    assert [(node["__typename"], node["id"]) for node in data["nodes"][: len(kinds)]] == list(
        zip(kinds, wanted, strict=True)
    )
    assert data["nodes"][len(kinds)]["__typename"] == "Term"
    assert data["nodes"][len(kinds) + 1 :] == data["nodes"][: len(kinds)][::-1]
    for kind, id_ in zip(kinds, wanted, strict=True):
        node = (await client.ask("query($id: ID!) { node(id: $id) { __typename id } }", {"id": id_}))["node"]
        assert node == {"__typename": kind, "id": id_}


async def test_an_id_of_nothing_is_null_whatever_it_looks_like(client, ids):
    dataset, cid = UUID(ids["uuid"]).bytes, UUID(ids["cid"]).bytes
    junk = [
        "", " ", "1", "-1", "null", "%%%", "Ωμέγα", "神経", "\0", "A" * 512, "====", "../../etc/passwd",
        ids["Neuron"][:-1], ids["Neuron"] + "A", ids["Neuron"] + "=", ids["Neuron"].lower(), ids["Neuron"][1:],
        global_id("Neuron", dataset + uuid4().bytes),
        global_id("Neuron", uuid4().bytes + cid),
        global_id("Neuron", dataset),
        global_id("Neuron", dataset + cid + b"x"),
        global_id("Synapse", dataset + cid),
        global_id("Query", dataset + cid),
        global_id("Nothing", dataset + cid),
        global_id("neuron", dataset + cid),
        global_id("Mesh", dataset + cid),
        global_id("Mesh/nothing", dataset + cid),
        global_id("Mesh/synapse", dataset + cid),
        global_id("Skeleton/neuron_relation", dataset + cid),
        global_id("Nothing/neuron", dataset + cid),
        global_id("Neuron/neuron", dataset + cid),
        global_id("Plain/neuron", dataset + cid),
        global_id("Dataset", uuid4().bytes),
        global_id("Dataset", b""),
        global_id("Term", b"animal/unicorn"),
        global_id("Term", b"nothing/mouse"),
        global_id("Term", b"/UBERON:0000000"),
        global_id("Term", b"\xff\xfe"),
        global_id("Publication", b"10.1000/nothing"),
        global_id("", b""),
    ]  # fmt: skip
    data = await client.ask(NODES, {"ids": junk})
    assert data["nodes"] == [None] * len(junk)
    for text in junk:
        assert (await client.ask("query($id: ID!) { node(id: $id) { id } }", {"id": text})) == {"node": None}


async def test_an_id_that_is_far_too_long_is_an_error_in_its_place_and_the_others_are_answered(client, ids):
    answer = await client.answer(NODES, {"ids": [ids["Neuron"], "A" * 513, ids["Dataset"]]})
    assert [node and node["__typename"] for node in answer["data"]["nodes"]] == ["Neuron", None, "Dataset"]
    (error,) = answer["errors"]
    assert error["path"] == ["nodes", 1]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "An id has at most 512 characters, this one 513."


async def test_a_thousand_ids_are_answered_at_once_and_no_more(client, ids):
    data = await client.ask(NODES, {"ids": [ids["Neuron"], "junk"] * 500})
    assert [node is not None for node in data["nodes"]] == [True, False] * 500
    error = await client.fail(NODES, {"ids": [ids["Neuron"]] * 1001})
    assert (error["code"], error["message"][:50]) == (
        "LIMIT_EXCEEDED",
        "`ids` may have 1,000 ids at most; it has 1,001. As",
    )
    assert (await client.ask(NODES, {"ids": []})) == {"nodes": []}


async def test_what_is_not_there_and_what_one_may_not_see_look_alike(copied_demo, start_client):
    """A data set whose load has not been published, and one that never was: the same null, and no error."""
    async with start_client(copied_demo) as client:
        backend = client.app.state.backend
        unseen = uuid4()
        await backend.rows.begin_version(unseen.bytes)
        await backend.catalog.refresh()
        for uuid in (unseen, uuid4()):
            answer = await client.answer(
                "query($uuid: UUID!, $ids: [ID!]!) { dataset(by: {uuid: $uuid}) { label } nodes(ids: $ids) { id } }",
                {"uuid": str(uuid), "ids": [global_id("Dataset", uuid.bytes), global_id("Neuron", uuid.bytes * 2)]},
            )
            assert "errors" not in answer
            assert answer["data"] == {"dataset": None, "nodes": [None, None]}


async def test_a_row_is_found_by_its_cid_or_its_contributor_s_id_in_its_own_data_set_only(client, ids):
    query = (
        """query($label: String!, $by: RowBy!) { dataset(by: {label: $label}) { neuron(by: $by) { sourceId cid } } }"""
    )
    by_source = (await client.ask(query, {"label": HEMIBRAIN, "by": {"sourceId": "1734350788"}}))["dataset"]["neuron"]
    by_cid = (await client.ask(query, {"label": HEMIBRAIN, "by": {"cid": by_source["cid"]}}))["dataset"]["neuron"]
    shouted = {"cid": by_source["cid"].upper()}
    assert by_source == by_cid
    assert (await client.ask(query, {"label": HEMIBRAIN, "by": shouted}))["dataset"]["neuron"] == by_cid
    for label, by in (
        ("C. elegans connectome", {"sourceId": "1734350788"}),
        ("C. elegans connectome", {"cid": by_source["cid"]}),
        (HEMIBRAIN, {"sourceId": " 1734350788"}),
        (HEMIBRAIN, {"sourceId": ""}),
        (HEMIBRAIN, {"sourceId": "neuron/1734350788"}),
        (HEMIBRAIN, {"cid": "00000000-0000-0000-0000-000000000000"}),
    ):
        assert (await client.ask(query, {"label": label, "by": by}))["dataset"]["neuron"] is None
    for by, code in (
        ({}, "BAD_USER_INPUT"),
        ({"cid": None, "sourceId": None}, "BAD_USER_INPUT"),
        ({"cid": by_source["cid"], "sourceId": "1"}, "BAD_USER_INPUT"),
        ({"cid": "not a uuid"}, "BAD_USER_INPUT"),
        ({"cid": 5}, "BAD_USER_INPUT"),
        ({"sourceId": "x" * 1001}, "BAD_USER_INPUT"),
        ({"sourceId": 5}, "BAD_USER_INPUT"),
    ):
        assert (await client.fail(query, {"label": HEMIBRAIN, "by": by}))["code"] == code, by


async def test_ids_and_names_of_any_script_and_any_length_come_back_as_they_were(
    load, write_dataset, make_settings, start_client
):
    settings = make_settings()
    names = [
        "Ωμέγα/α β",
        "神経細胞",
        "🧠",
        "720575940379279123",
        "9223372036854775807",
        "18446744073709551615",
        "x" * 200,
        "a,b",
        "é",
        "e\u0301",
    ]
    rows = "\n".join(f'"{name}","name of {name}"' for name in names)
    label = "Νευρώνες 神経 — 🧠 №1"
    folder = write_dataset("scripts", {"neuron.csv": f"cid,name\n{rows}\n"}, label=label, extra='notes = "注 σημ"')
    await load(folder, settings)
    async with start_client(settings) as client:
        query = """query($label: String!, $source: String!) { dataset(by: {label: $label}) {
          label notes neuron(by: {sourceId: $source}) { id sourceId name } } }"""
        for name in names:
            found = (await client.ask(query, {"label": label, "source": name}))["dataset"]
            assert (found["label"], found["notes"]) == (label, "注 σημ")
            assert (found["neuron"]["sourceId"], found["neuron"]["name"]) == (name, f"name of {name}")
            node = await client.ask(
                "query($id: ID!) { node(id: $id) { ... on Neuron { sourceId } } }", {"id": found["neuron"]["id"]}
            )
            assert node["node"]["sourceId"] == name
        listed = await client.ask(
            "query($part: String!) { datasets(filter: {label: {contains: $part}}) { nodes { neurons { nodes { sourceId } } } } }",
            {"part": "神経"},
        )
        (found,) = listed["datasets"]["nodes"]
        assert sorted(node["sourceId"] for node in found["neurons"]["nodes"]) == sorted(names)


async def test_a_label_that_several_data_sets_have_is_no_guess_but_lists_them(
    load, write_dataset, make_settings, start_client
):
    folder = write_dataset("twin", {"neuron.csv": "cid,name\n1,a\n"}, label="Twins")
    settings = make_settings()
    uuids = [
        str((await load(folder, settings.model_copy(update={"owner": owner}))).dataset)
        for owner in ("anna", "bela", "chao")
    ]
    async with start_client(settings) as client:
        query = '{ server { version } dataset(by: {label: "Twins"}) { uuid } }'
        answer = await client.answer(query)
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["message"].startswith("3 data sets are labelled 'Twins'. Ask by uuid: ")
        assert all(uuid in error["message"] for uuid in uuids)
        assert answer["data"]["dataset"] is None
        assert answer["data"]["server"]["version"]
        for uuid in uuids:
            found = await client.ask(
                "query($uuid: UUID!) { dataset(by: {uuid: $uuid}) { uuid label } }", {"uuid": uuid}
            )
            assert found["dataset"] == {"uuid": uuid, "label": "Twins"}
        both = await client.ask('{ datasets(filter: {label: {eq: "Twins"}}) { totalCount nodes { uuid } } }')
        assert [node["uuid"] for node in both["datasets"]["nodes"]] == sorted(uuids)
