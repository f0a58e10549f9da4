"""Cassandra measured: goals are ratios of one run; rows by hand and by ours are the same, and a difference is found."""

import asyncio
import uuid

import polars as pl
import pytest

from bench.cassandra.by_hand import find_sources, layout_of, write_by_hand
from bench.cassandra.child import write_store
from bench.cassandra.contents import NotTheSame, check_same, count_rows, find_place, tables_of
from bench.cassandra.copying import order_rows, write_files
from bench.cassandra.node import BenchNode
from bench.cassandra.questions import CHILD_COLUMNS, COLUMNS, ByHand, check_children, check_page
from bench.goals import judge_wide
from bench.load_tool import Timing
from bench.loads.child import load_ours
from bench.report import format_wide
from bench.results import Latency, Timed, Wide, Written
from bench.synthetic import write_synthetic
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Snapshot
from tests.servers.keyspaces import node_options

MODEL = load_default_model()
ROWS = 900
DATASET = uuid.uuid5(uuid.NAMESPACE_OID, "bench")


def make_wide(*, page: float = 1.0, copied: bool = True) -> Wide:
    def timed(seconds: float) -> Timed:
        return Timed([seconds * drift for drift in (1, 3, 0.5)], [seconds] * 3)

    times = {"page": page, "deep": 1.05, "full": 1, "nulls": 0.8, "bytes": 0.8, "by_hand": 2}
    times |= {"children": 1.4, "children_each": 1, "children_range": 1.5}
    return Wide(
        10**6,
        load=Written(3000, 2.0, 1.0, 1.0, grown_bytes=150_000_000),
        kind=Written(3000, 2.2, 1.0, 1.0),
        store=Written(3000, 1.0, 1.0, 1.0),
        driver=Written(3000, 3.0, 2.0, 1.0),
        copied=Written(300, 0.6, 0.3, 0.3) if copied else None,
        reads={name: timed(seconds) for name, seconds in times.items()},
        partition_bytes=20_000_000,
        server_bytes=310_000_000,
        beside=Latency(Timing(10, 100, 2.0, 4.0), Timing(10, 40, 5.0, 90.0)),
    )


def test_goals_are_ratios_of_one_run_and_the_better_way_by_hand_counts():
    verdicts = list(judge_wide(make_wide()))
    assert [round(each.figure, 2) for each in verdicts] == [1.5, 3.0, 1.25, 1.05, 0.8, 1.4, 0.2, 0.5, 1.03, 2.5]
    assert [each.met for each in verdicts] == [True] * 8 + [False, True]
    missed = [each.what for each in judge_wide(make_wide(page=2)) if not each.met]
    assert missed[0].startswith("on Cassandra, a page of 10,000")


def test_the_report_says_where_cqlsh_is_absent():
    assert "cqlsh COPY" in format_wide(make_wide())
    verdicts = list(judge_wide(make_wide(copied=False)))
    assert not any("cqlsh" in each.what for each in verdicts)
    assert "cqlsh could not be installed." in format_wide(make_wide(copied=False))


@pytest.fixture(scope="module")
def resolved(tmp_path_factory):
    """Parquet files that a load left, by table."""
    folder, out, found = (tmp_path_factory.mktemp(name) for name in ("folder", "out", "resolved"))
    write_synthetic(folder, seed=1, rows={"neuron": 30, "synapse": ROWS})
    asyncio.run(load_ours(folder, out))
    for part in out.glob("files/*/v1/*/part-00000.parquet"):
        (found / f"{part.parent.name}.parquet").symlink_to(part)
    return found


def test_rows_for_cqlsh_have_their_partition_and_what_they_are_ordered_by(resolved, tmp_path):
    sources = find_sources(resolved)
    files = write_files(DATASET, sources, tmp_path)
    assert list(files) == ["neuron", "synapse", "synapse_pre", "synapse_post"]
    path, columns, rows = files["synapse_pre"]
    read = pl.read_csv(path, infer_schema_length=None)
    assert read.columns == list(columns)
    assert {"dataset_id", "version", "bucket", "pre_component"} <= set(columns)
    assert read.height == rows < ROWS
    assert read["pre_component"].null_count() == 0
    assert read["cid"].str.len_chars().unique().to_list() == [36]
    whole = pl.concat(sources["synapse"].pieces())
    relation = MODEL.tables["synapse"].relations["pre"]
    assert order_rows(whole, relation).height == rows


def test_a_value_that_differs_from_the_row_is_found():
    cid, owner = uuid.uuid4(), uuid.uuid4()
    row = (cid, owner, None, "GABA", 0.5, 2.0, 3, 1.0, 2.0, None)
    node = {"cid": str(cid), "preNeuronId": str(owner), "postNeuronId": None, "neurotransmitter": "GABA"}
    node |= {"confidence": 0.5, "connectionScore": 2.0, "cleftScore": 3, "centroid": None}
    assert len(row) == len(COLUMNS)

    def answer(**changed):
        return {"dataset": {"synapses": {"edges": [{"node": node | changed}]}}}

    check_page(answer(), [row])
    with pytest.raises(NotTheSame, match="row 0"):
        check_page(answer(cleftScore=4), [row])
    with pytest.raises(NotTheSame, match="A page of 1 rows; 0 are there"):
        check_page(answer(), [])
    child = {"node": {"cid": str(cid), "connectionScore": 2.0, "centroid": {"x": 1.0, "y": 2.0, "z": 3.0}}}
    parent = {"node": {"cid": str(owner), "outgoingSynapses": {"edges": [child]}}}
    found = {"dataset": {"neurons": {"edges": [parent]}}}
    rows = [(cid, 2.0, 1.0, 2.0, 3.0)]
    assert len(rows[0]) == len(CHILD_COLUMNS)
    check_children(found, [owner.bytes], [rows])
    with pytest.raises(NotTheSame, match="1 children, 0"):
        check_children(found, [owner.bytes], [[]])


@pytest.mark.servers
def test_the_bare_driver_leaves_what_ours_leaves_and_a_difference_is_found(resolved, cassandra_node, make_keyspace):
    sources, node = find_sources(resolved), BenchNode(cassandra_node)
    keyspaces = []
    for who in ("ours", "driver"):
        options = make_keyspace()
        keyspaces.append(options.keyspace)
        options = node_options(cassandra_node, options.keyspace)
        if who == "ours":
            asyncio.run(write_store(options, 4, DATASET.bytes, sources, again=False))
        else:
            write_by_hand(options, 4, DATASET, sources)
    tables = tables_of(MODEL, list(sources))
    columns = {name: ", ".join(sources[of].columns) for name, of in tables.items()}
    with node.connected() as session, node.connected(decoded=False) as undecoded:
        places = [find_place(session, keyspace, Snapshot(DATASET.bytes, 1)) for keyspace in keyspaces]
        counts = [count_rows(session, place, tables) for place in places]
        assert counts[0] == counts[1]
        assert counts[0]["synapse"] == ROWS > counts[0]["synapse_pre"] > 0
        check_same(undecoded, *places, tables, columns)
        hand, bare = (ByHand(each, places[1], decoded=each is session) for each in (session, undecoded))
        assert len(hand.read_page("synapse", COLUMNS, 200)) == 200
        [(number, content)] = bare.read_page("synapse", COLUMNS, 200)
        assert number == 200
        assert len(content) > 200 * 40
        parents = [row[0].bytes for row in hand.read_page("neuron", ("cid",), 10)]
        each = hand.read_children_each(parents)
        ranged = hand.read_children_range(parents)
        assert {row[0] for row in (child for some in each for child in some)} <= {row[1] for row in ranged}
        key = places[1].key(0)
        cid = session.execute(f"SELECT cid FROM {keyspaces[1]}.synapse LIMIT 1").one()[0]
        change = f"UPDATE {keyspaces[1]}.synapse SET region = 'elsewhere' WHERE dataset_id = %s AND version = %s AND bucket = %s AND cid = %s"
        session.execute(change, (*key, cid))
        with pytest.raises(NotTheSame, match="synapse: page 0"):
            check_same(undecoded, *places, tables, columns)
    assert layout_of(sources).of("synapse") == 0
