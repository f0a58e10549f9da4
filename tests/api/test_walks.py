"""Walking through connections: every row once, in one order, both ways, at the same price to the last page."""

import time

import apsw
import pytest

from syndb_graphql.reads.pages import PageRequest, read_table_page
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Snapshot
from syndb_graphql.store.sqlite import SqliteStore

HEMIBRAIN = "Hemibrain DA1 projection neurons"
WORM = "C. elegans connectome"

SYNAPSES = """query($label: String!, $first: Int, $after: String, $last: Int, $before: String) {
  dataset(by: {label: $label}) {
    page: synapses(first: $first, after: $after, last: $last, before: $before) {
      totalCount nodes { sourceId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
NEURONS = SYNAPSES.replace("synapses", "neurons")
SITES = """query($label: String!, $first: Int, $after: String, $last: Int, $before: String) {
  dataset(by: {label: $label}) { neuron(by: {sourceId: "1734350788"}) {
    page: FIELD(first: $first, after: $after, last: $last, before: $before) {
      totalCount nodes { sourceId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }"""


async def read_page(client, query, label=HEMIBRAIN, **window):
    data = (await client.ask(query, {"label": label, **window}))["dataset"]
    return (data.get("neuron") or data)["page"]


async def walk(client, query, size, label=HEMIBRAIN, *, backwards=False):
    """Source ids of all rows in the order they were met, and how many pages it took."""
    met, pages, cursor = [], 0, None
    while True:
        window = {"last": size, "before": cursor} if backwards else {"first": size, "after": cursor}
        page = await read_page(client, query, label, **window)
        rows = [node["sourceId"] for node in page["nodes"]]
        met += reversed(rows) if backwards else rows
        pages += 1
        info = page["pageInfo"]
        assert info["hasPreviousPage" if not backwards else "hasNextPage"] == (pages > 1)
        cursor = info["startCursor" if backwards else "endCursor"]
        if not info["hasPreviousPage" if backwards else "hasNextPage"]:
            return met, pages
        assert len(rows) == size


async def test_all_synapses_are_met_once_each_in_pages_of_a_hundred_and_in_the_same_order_again(client):
    met, pages = await walk(client, SYNAPSES, 100)
    assert (len(met), len(set(met)), pages) == (14_836, 14_836, 149)
    again, _ = await walk(client, SYNAPSES, 1000)
    assert again == met
    back, _ = await walk(client, SYNAPSES, 997, backwards=True)
    assert back == list(reversed(met))


@pytest.mark.parametrize(("field", "rows"), [("outgoingSynapses", 621), ("incomingSynapses", 2084)])
async def test_the_synapses_of_one_neuron_are_walked_like_any_other_rows(client, field, rows):
    query = SITES.replace("FIELD", field)
    met, _ = await walk(client, query, 100)
    assert len(met) == len(set(met)) == rows
    assert all(source.startswith("1734350788/") for source in met)
    assert (await walk(client, query, 60, backwards=True))[0] == list(reversed(met))


async def test_a_page_in_the_middle_says_the_same_whichever_way_it_is_reached(client):
    whole = await read_page(client, SYNAPSES, first=300)
    rows = [node["sourceId"] for node in whole["nodes"]]
    first = await read_page(client, SYNAPSES, first=100)
    middle = await read_page(client, SYNAPSES, first=100, after=first["pageInfo"]["endCursor"])
    assert [node["sourceId"] for node in middle["nodes"]] == rows[100:200]
    back = await read_page(client, SYNAPSES, last=100, before=middle["pageInfo"]["startCursor"])
    assert [node["sourceId"] for node in back["nodes"]] == rows[:100]
    between = await read_page(
        client, SYNAPSES, after=first["pageInfo"]["startCursor"], before=middle["pageInfo"]["endCursor"], first=500
    )
    assert [node["sourceId"] for node in between["nodes"]] == rows[1:199]


# ── Where pages end ──
async def test_a_page_knows_whether_rows_precede_and_follow_it_at_every_edge(client):
    """Five neurons; the window asked for, the rows that come, and whether there are some before and behind."""
    every = await read_page(client, NEURONS, first=5)
    rows = [node["sourceId"] for node in every["nodes"]]
    cursors = []
    for size in range(1, 6):
        page = await read_page(client, NEURONS, first=size)
        cursors.append(page["pageInfo"]["endCursor"])
    expected = [
        ({"first": 5}, rows, (False, False)),
        ({"first": 6}, rows, (False, False)),
        ({"first": 4}, rows[:4], (False, True)),
        ({"first": 1}, rows[:1], (False, True)),
        ({"first": 0}, [], (False, True)),
        ({"first": 2, "after": cursors[0]}, rows[1:3], (True, True)),
        ({"first": 3, "after": cursors[1]}, rows[2:], (True, False)),
        ({"first": 4, "after": cursors[1]}, rows[2:], (True, False)),
        ({"first": 1, "after": cursors[4]}, [], (True, False)),
        ({"first": 0, "after": cursors[4]}, [], (True, False)),
        ({"last": 5}, rows, (False, False)),
        ({"last": 6}, rows, (False, False)),
        ({"last": 4}, rows[1:], (True, False)),
        ({"last": 0}, [], (True, False)),
        ({"last": 2, "before": cursors[3]}, rows[1:3], (True, True)),
        ({"last": 3, "before": cursors[3]}, rows[:3], (False, True)),
        ({"last": 9, "before": cursors[3]}, rows[:3], (False, True)),
        ({"last": 1, "before": cursors[0]}, [], (False, True)),
        ({"first": 9, "after": cursors[0], "before": cursors[4]}, rows[1:4], (True, False)),
        ({"last": 2, "after": cursors[0], "before": cursors[4]}, rows[2:4], (True, True)),
        ({"first": 2, "after": cursors[2], "before": cursors[1]}, [], (True, False)),
        ({"after": cursors[1]}, rows[2:], (True, False)),
    ]
    for window, wanted, (previous, following) in expected:
        page = await read_page(client, NEURONS, **window)
        info = page["pageInfo"]
        assert [node["sourceId"] for node in page["nodes"]] == wanted, window
        assert (info["hasPreviousPage"], info["hasNextPage"]) == (previous, following), window
        ends = (cursors[rows.index(wanted[0])], cursors[rows.index(wanted[-1])]) if wanted else (None, None)
        assert (info["startCursor"], info["endCursor"]) == ends, window
        assert page["totalCount"] == 5


async def test_data_sets_are_walked_by_label_both_ways(client):
    query = """query($first: Int, $after: String, $last: Int, $before: String) {
      datasets(first: $first, after: $after, last: $last, before: $before) {
        totalCount nodes { label } edges { cursor node { label } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    forward, cursor = [], None
    while True:
        page = (await client.ask(query, {"first": 2, "after": cursor}))["datasets"]
        forward += [node["label"] for node in page["nodes"]]
        assert page["totalCount"] == 6
        assert [edge["cursor"] for edge in page["edges"]][-1] == page["pageInfo"]["endCursor"]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert forward == sorted(forward)
    assert len(forward) == 6
    back = (await client.ask(query, {"last": 4, "before": cursor}))["datasets"]
    assert [node["label"] for node in back["nodes"]] == forward[1:5]
    assert (back["pageInfo"]["hasPreviousPage"], back["pageInfo"]["hasNextPage"]) == (True, True)
    none = (await client.ask(query, {"first": 0}))["datasets"]
    assert none["nodes"] == []
    assert none["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}


async def test_a_connection_without_rows_is_empty_and_no_error(client):
    page = (
        await client.ask(
            """query($label: String!) { dataset(by: {label: $label}) { vesicles {
              totalCount nodes { cid } edges { cursor }
              pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }""",
            {"label": HEMIBRAIN},
        )
    )["dataset"]["vesicles"]
    info = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert page == {"totalCount": 0, "nodes": [], "edges": [], "pageInfo": info}


async def test_nodes_and_edges_are_the_same_rows_and_each_edge_s_cursor_leads_behind_its_row(client):
    query = """query($label: String!, $after: String, $first: Int) { dataset(by: {label: $label}) {
      neurons(first: $first, after: $after) { nodes { cid } edges { cursor node { cid } } pageInfo { endCursor } } } }"""
    page = (await client.ask(query, {"label": WORM, "first": 50}))["dataset"]["neurons"]
    assert [edge["node"] for edge in page["edges"]] == page["nodes"]
    assert len({edge["cursor"] for edge in page["edges"]}) == 50
    assert page["edges"][-1]["cursor"] == page["pageInfo"]["endCursor"]
    for index in (0, 17, 48):
        variables = {"label": WORM, "first": 1, "after": page["edges"][index]["cursor"]}
        assert (await client.ask(query, variables))["dataset"]["neurons"]["nodes"] == [page["nodes"][index + 1]]


async def test_a_page_may_change_its_size_from_one_to_the_next_and_the_defaults_are_those_the_server_tells(client):
    bounds = (await client.ask("{ server { defaultPageSize nestedPageSize maxPageSize } }"))["server"]
    data = await client.ask(
        """{ dataset(by: {label: "C. elegans connectome"}) { neurons { nodes { outgoingRelations { nodes { cid } totalCount } } } } }"""
    )
    neurons = data["dataset"]["neurons"]["nodes"]
    assert len(neurons) == bounds["defaultPageSize"]
    sizes = {
        len(neuron["outgoingRelations"]["nodes"])
        for neuron in neurons
        if neuron["outgoingRelations"]["totalCount"] > bounds["nestedPageSize"]
    }
    assert sizes == {bounds["nestedPageSize"]}


# ── What a page costs ──
@pytest.mark.embedded
async def test_the_last_page_costs_the_database_what_the_first_one_does(demo_settings):
    """Counted in steps of SQLite's machine, which do not depend on how busy the computer is."""
    model = load_default_model()
    store = SqliteStore(demo_settings.data / "syndb.sqlite", model, timeout_s=5)
    steps = []
    store._connection.trace_v2(
        apsw.SQLITE_TRACE_PROFILE, lambda event: steps.append(event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"])
    )
    try:
        table = model.tables["synapse"]
        (head,) = [head for head in await store.read_heads() if await _rows(store, table, head) > 10_000]
        snapshot, costs, after = Snapshot(head.dataset_id, head.version), [], None
        while True:
            steps.clear()
            request = PageRequest(100, after=after)
            page = await read_table_page(store, table, snapshot, ["cid", "source_id", "confidence"], request)
            costs.append(sum(steps))
            if not page.has_next:
                break
            after = (page.rows[-1][0],)
        assert len(costs) == 149
        assert max(costs[:-1]) - min(costs[:-1]) <= 5
    finally:
        await store.close()


async def _rows(store, table, head):
    return (await store.summarize_rows(table, Snapshot(head.dataset_id, head.version))).count


async def test_the_last_page_comes_as_fast_as_the_first_through_the_front_door(client):
    """The best of many: whatever else the computer does only ever adds to a time."""
    before_last = (await read_page(client, SYNAPSES, last=101))["pageInfo"]["startCursor"]
    windows = {"first": {"first": 100}, "last": {"first": 100, "after": before_last}}
    took = {name: [] for name in windows}
    for _ in range(30):
        for name, window in windows.items():
            begin = time.perf_counter()
            page = await read_page(client, SYNAPSES, **window)
            took[name].append(time.perf_counter() - begin)
            assert len(page["nodes"]) == 100
    assert min(took["last"]) < 3 * min(took["first"])
