"""More rows than are held in memory: sorted runs on disk, keys looked up in files, and the same data set in the end."""

import itertools
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syndb_graphql.ingest import keys, spool
from syndb_graphql.ingest.keys import KeyIndex, TextFile, checksum, derive_cids, from_series, to_series
from syndb_graphql.ingest.spool import SortedSpool
from syndb_graphql.store.protocol import Snapshot

from .conftest import Lab

DATASET = UUID("8b1c6d52-3f4e-4b8a-9d0e-1f2a3b4c5d6e")


def random_cids(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16), dtype=np.uint8)


# ── Ids ──
@given(st.lists(st.text(max_size=50), max_size=20))
def test_cids_are_those_of_uuid5(sources: list[str]) -> None:
    sources = [source.encode("utf-8", "ignore").decode() for source in sources]
    cids = derive_cids(DATASET.bytes, "synapse", [source.encode() for source in sources])
    assert [bytes(cid) for cid in cids] == [uuid5(DATASET, f"synapse/{source}").bytes for source in sources]


def test_cids_survive_a_column_with_nulls() -> None:
    cids = random_cids(1000)
    present = np.arange(1000) % 3 > 0
    series = to_series("cid", cids, present)
    assert series.null_count() == (~present).sum()
    assert (from_series(series)[present] == cids[present]).all()
    assert (from_series(series[10:20]) == np.where(present[10:20, None], cids[10:20], 0)).all()


def test_the_checksum_is_the_stores() -> None:
    cids = random_cids(999)
    expected = 0
    for cid in cids:
        expected ^= int.from_bytes(bytes(cid[8:]), "little")
    assert checksum(cids) == expected
    assert checksum(cids[:0]) == 0


@pytest.mark.parametrize("in_memory", [10, 10_000])
def test_keys_are_found_in_memory_and_in_mapped_files(tmp_path: Path, monkeypatch, in_memory: int) -> None:
    monkeypatch.setattr(keys, "IN_MEMORY", in_memory)
    cids = np.unique(random_cids(5000), axis=0)
    index = KeyIndex(tmp_path, "synapse")
    assert (index.find(cids[:5]) == -1).all(), "nothing is found in an empty index"
    for start in range(0, len(cids), 700):
        index.append(cids[start : start + 700])
    order = np.random.default_rng(1).permutation(len(cids))
    assert (index.find(cids[order]) == order).all()
    assert (index.find(random_cids(100, seed=2)) == -1).all()
    assert len(index) == len(cids)


def test_keys_that_share_their_first_half_are_told_apart(tmp_path: Path) -> None:
    cids = np.zeros((20, 16), np.uint8)
    cids[:, 0] = 7
    cids[:, 15] = np.arange(20)
    index = KeyIndex(tmp_path, "synapse")
    index.append(cids[::2])
    found = index.find(cids)
    assert (found[::2] == np.arange(10)).all()
    assert (found[1::2] == -1).all()


def test_owners_and_texts_by_position(tmp_path: Path) -> None:
    index, owners = KeyIndex(tmp_path, "axon"), random_cids(100)
    index.append(np.unique(random_cids(100, 1), axis=0))
    for start in (0, 60):
        index.append_owners(owners[start : start + 60], np.arange(100)[start : start + 60] % 2 == 0)
    found, of_neuron = index.read_owners(np.array([99, 0, 50]))
    assert (found == owners[[99, 0, 50]]).all()
    assert of_neuron.tolist() == [False, True, True]

    texts = TextFile(tmp_path / "texts")
    texts.append(pl.Series(["α", "b"]))
    texts.append(pl.Series(["锥体"]))
    texts.close()
    assert texts.take(np.array([2, 0, 2])).to_list() == ["锥体", "α", "锥体"]


# ── Runs ──
@pytest.mark.parametrize("run_bytes", [2000, 20_000, 10**9])
def test_rows_come_back_sorted_and_whole_in_pieces(tmp_path: Path, monkeypatch, run_bytes: int) -> None:
    monkeypatch.setattr(spool, "RUN_BYTES", run_bytes)
    monkeypatch.setattr(spool, "PIECE_ROWS", 100)
    cids = random_cids(1500)
    cids[1000:] = cids[:500]
    frame = pl.DataFrame(
        [to_series("cid", cids), pl.Series("row", range(1500)), pl.Series("text", ["x", None, "ü"] * 500)]
    )
    rows = SortedSpool(tmp_path, "test")
    for start in range(0, 1500, 50):
        rows.add(frame[start : start + 50])
    rows.add(frame[:0])
    for _ in range(2):
        pieces = list(rows.pieces())
        assert max(piece.height for piece in pieces) < 300
        whole = pl.concat(pieces)
        assert whole["cid"].is_sorted()
        assert whole.sort("row").equals(frame)
        edges = [(one["cid"][-1], other["cid"][0]) for one, other in itertools.pairwise(pieces)]
        assert all(last < first for last, first in edges), "equal keys are never parted"
    assert pl.concat(rows.pieces(["cid"])).columns == ["cid"]
    assert rows.rows == 1500


def test_an_empty_spool_has_no_pieces(tmp_path: Path) -> None:
    assert list(SortedSpool(tmp_path, "test").pieces()) == []


def test_runs_grow_so_that_they_stay_few(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(spool, "RUN_BYTES", 400)
    monkeypatch.setattr(spool, "RUNS_OF_A_SIZE", 4)
    rows = SortedSpool(tmp_path, "test")
    frame = pl.DataFrame([to_series("cid", random_cids(2000))])
    for start in range(0, 2000, 10):
        rows.add(frame[start : start + 10])
    assert pl.concat(rows.pieces()).height == 2000
    assert len(list(tmp_path.iterdir())) < 40


# ── A whole load in many small runs ──
async def test_a_load_in_many_runs_gives_what_a_load_in_one_gives(lab: Lab, monkeypatch) -> None:
    neurons = "cid\n" + "".join(f"n{i}\n" for i in range(300))
    dendrites = "cid,parent_id\n" + "".join(f"d{i},n{i % 300}\n" for i in range(2000))
    spines = "cid,parent_id,forms_synapse_with\n" + "".join(
        f"s{i},d{i % 2000},{'b' if i % 2 else 't'}{i % 700}\n" for i in range(6000)
    )
    terminals = "cid,neuron_id,forms_synapse_with\n" + "".join(f"t{i},n{i % 300},s{i}\n" for i in range(700))
    synapses = "cid,pre_id,post_id,pre_neuron_id,post_neuron_id\n" + "".join(
        f"{i},t{i % 700},s{i % 6000},n{i % 700 % 300},n{i % 2000 % 300}\n" for i in range(5000)
    )
    lab.fill(
        {
            "neuron.csv": neurons,
            "dendrite.csv": dendrites,
            "dendritic_spine.csv": spines,
            "pre_synaptic_terminal.csv": terminals,
            "synapse.csv": synapses,
        }
    )
    tables = {
        "dendrite": ("cid", "neuron_id", "neuron_source_id"),
        "dendritic_spine": ("cid", "parent_id", "owner_id", "neuron_source_id", "forms_synapse_with_id"),
        "pre_synaptic_terminal": ("parent_enum", "forms_synapse_with_id", "forms_synapse_with_table"),
        "synapse": ("cid", "pre_id", "pre_table", "post_id", "post_table", "pre_neuron_id", "post_neuron_id"),
    }
    one = await lab.load_well()
    expected = {table: await lab.read(one, table, *columns) for table, columns in tables.items()}
    assert expected["dendritic_spine"]["s2500"][3] == f"n{500 % 300}"
    assert one.counts == {"outside-the-data-set": 3000}
    keys_of = [row[0] for row in expected["dendrite"].values()]
    counted = await lab.rows.read_counts(Snapshot(one.dataset.bytes, 1), relation="child", keys=keys_of)
    assert counted == [{"dendritic_spine": 3}] * 2000
    await lab.rows.delete_dataset(one.dataset.bytes)

    monkeypatch.setattr(spool, "RUN_BYTES", 20_000)
    monkeypatch.setattr(spool, "PIECE_ROWS", 500)
    monkeypatch.setattr(keys, "IN_MEMORY", 100)
    many = await lab.load_well()
    for table, columns in tables.items():
        assert await lab.read(many, table, *columns) == expected[table]
    version = many.version
    assert await lab.rows.read_counts(Snapshot(one.dataset.bytes, version), relation="child", keys=keys_of) == counted
    assert many.counts == one.counts
