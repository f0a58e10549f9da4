"""A contributor loads a folder: what ends up in the store, in Parquet, in the files, and in the records."""

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pyarrow.parquet as pq
import pytest

from syndb_graphql.catalog.records import derive_dataset_id
from syndb_graphql.cli.demo import DATA
from syndb_graphql.errors import Conflict, LoadError, StoreUnavailable
from syndb_graphql.ingest.versions import delete_dataset
from syndb_graphql.store.protocol import RowsSummary, Snapshot

from .conftest import NEURONS, Lab, cid, write_folder

SPINES = "cid,parent_id,parent_enum,mesh_volume,mesh_surface_area\ns1,d1,dendrite,0.1,1.5\ns2,d1,dendrite,0.2,\n"
DENDRITES = "cid,parent_id\nd1,10\nd2,20\n"
UM = "[tables.dendritic_spine]\nlength_unit = 'um'\n"


async def read_bytes(lab: Lab, key: str) -> bytes:
    return b"".join([piece async for piece in lab.objects.read(key)])


async def test_a_small_folder_is_loaded_and_everything_about_it_is_known(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": DENDRITES, "dendritic_spine.csv": SPINES}, rest=UM)
    result = await lab.load_well()

    assert (result.status, result.version, result.label) == ("loaded", 1, "A cortex")
    assert result.rows == {"neuron": 2, "dendrite": 2, "dendritic_spine": 2}
    assert result.dataset == derive_dataset_id("local", "A cortex")
    neuron, dendrite = cid(result, "neuron", "10"), cid(result, "dendrite", "d1")
    spines = await lab.read(result, "dendritic_spine", "cid", "parent_id", "parent_enum", "neuron_id", "owner_id")
    assert spines["s1"] == (cid(result, "dendritic_spine", "s1"), dendrite, "dendrite", neuron, neuron)
    assert (await lab.read(result, "dendritic_spine", "neuron_source_id"))["s2"] == "10"

    version = await lab.version(result.dataset)
    columns = version.tables["dendritic_spine"].columns
    assert columns["mesh_volume"].origin == "given"
    assert (columns["mesh_volume"].minimum, columns["mesh_volume"].maximum) == (
        pytest.approx(0.1e9),
        pytest.approx(0.2e9),
    )
    assert (columns["mesh_sphericity"].origin, columns["mesh_sphericity"].nulls) == ("derived", 1)
    assert columns["neuron_id"].origin == "derived"
    assert columns["cable_length" if "cable_length" in columns else "neck_length"].origin == "absent"
    assert (columns["mesh_surface_area"].count, columns["mesh_surface_area"].nulls) == (1, 1)


async def test_children_and_parts_are_counted(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": DENDRITES, "dendritic_spine.csv": SPINES}, rest=UM)
    result = await lab.load_well()
    snapshot = Snapshot(result.dataset.bytes, 1)
    keys = [cid(result, "neuron", "10"), cid(result, "dendrite", "d1"), cid(result, "dendrite", "d2")]
    assert await lab.rows.read_counts(snapshot, relation="child", keys=keys) == [
        {"dendrite": 1},
        {"dendritic_spine": 2},
        {},
    ]
    assert await lab.rows.read_counts(snapshot, relation="part", keys=keys[:1]) == [
        {"dendrite": 1, "dendritic_spine": 2}
    ]


async def test_parquet_holds_the_same_rows_sorted_with_units(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": DENDRITES, "dendritic_spine.csv": SPINES}, rest=UM)
    result = await lab.load_well()
    (described,) = (await lab.version(result.dataset)).tables["dendritic_spine"].parquet
    assert described.key == f"{result.dataset}/v1/dendritic_spine/part-00000.parquet"
    data = await read_bytes(lab, described.key)
    assert len(data) == described.size
    table = pq.read_table(io.BytesIO(data))
    rows = table.to_pylist()
    assert [row["cid"] for row in rows] == sorted(row["cid"] for row in rows)
    in_store = await lab.read(result, "dendritic_spine", "cid", "mesh_volume", "parent_id", "parent_enum")
    assert {
        row["source_id"]: (row["cid"], row["mesh_volume"], row["parent_id"], row["parent_enum"]) for row in rows
    } == in_store
    assert table.schema.field("mesh_volume").metadata[b"unit"] == b"nm3"


# ── The demo data ──
async def test_the_demo_folders_load_with_their_known_values(lab: Lab) -> None:
    hemibrain = await lab.load_well(DATA / "hemibrain-da1")
    assert hemibrain.rows == {"neuron": 5, "synapse": 14_836}
    neurons = await lab.read(hemibrain, "neuron", "cable_length", "n_branches", "n_leaves", "n_trees", "mesh_volume")
    assert neurons["1734350788"] == (pytest.approx(2_131_815), 599, 618, 1, pytest.approx(725.3e9, rel=1e-4))
    assert neurons["754538881"] == (pytest.approx(291265.318 * 8), 626, 642, 2, pytest.approx(734.5e9, rel=1e-4))
    snapshot = Snapshot(hemibrain.dataset.bytes, 1)
    keys = [cid(hemibrain, "neuron", body) for body in ("1734350788", "1734350908")]
    assert await lab.rows.read_counts(snapshot, relation="pre", keys=keys) == [{"synapse": 621}, {"synapse": 725}]
    assert await lab.rows.read_counts(snapshot, relation="post", keys=keys) == [{"synapse": 2084}, {"synapse": 2317}]
    animal = await lab.read(hemibrain, "neuron", "individual_id")
    assert set(animal.values()) == {"Janelia:hemibrain"}

    worm = await lab.load_well(DATA / "celegans-connectome")
    assert worm.rows == {"neuron": 299, "neuron_relation": 3363}
    relations = await lab.read(worm, "neuron_relation", "pre_neuron_id", "neurotransmitter")
    assert relations["ADAL/AIBL/chemical"] == (cid(worm, "neuron", "ADAL"), "glutamate")
    assert (await lab.record(worm.dataset)).animal == "Caenorhabditis elegans"

    mice = [await lab.load_well(folder) for folder in sorted(DATA.glob("mouse-*"))]
    assert [sum(mouse.rows.values()) for mouse in mice] == [1, 2, 1, 1]
    scnn1a = await lab.read(mice[3], "neuron", "cable_length", "n_branches", "n_leaves", "soma_x")
    assert scnn1a["473845048"] == (pytest.approx(4772.476e3, rel=1e-6), 57, 66, pytest.approx(303_160))


async def test_a_mesh_and_a_skeleton_are_stored_with_their_records(lab: Lab) -> None:
    result = await lab.load_well(DATA / "hemibrain-da1")
    names = ("key", "name", "size", "sha256", "content_type", "unit", "scale_x", "volume_method", "boundary_edges")
    mesh = (await lab.read(result, "neuron", *(f"mesh_file_{name}" for name in names)))["1734350788"]
    assert mesh[1] == "1734350788.glb"
    assert mesh[4:] == ("model/gltf-binary", "voxel", 8.0, "CAPPED", 334)
    data = await read_bytes(lab, mesh[0])
    assert (len(data), data[:4]) == (mesh[2], b"glTF")
    assert mesh[0] == f"{result.dataset}/files/{mesh[3]}.glb"
    skeleton = (await lab.read(result, "neuron", "skeleton_file_key", "skeleton_file_point_count"))["1734350788"]
    assert skeleton[1] == 4465
    source = DATA / "hemibrain-da1" / "skeletons" / "1734350788.swc"
    assert await read_bytes(lab, skeleton[0]) == source.read_bytes()
    assert set((await lab.version(result.dataset)).files) >= {mesh[0], skeleton[0]}


# ── Again, and changed ──
async def test_the_same_folder_again_changes_nothing(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})
    first = await lab.load_well()
    before = await lab.rows.read_heads()
    again = await lab.load_well()
    assert (again.status, again.version, again.rows) == ("unchanged", 1, {"neuron": 2})
    assert await lab.rows.read_heads() == before
    assert first.dataset == again.dataset


async def test_new_metadata_are_a_new_revision_of_the_same_version(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})
    first = await lab.load_well()
    created = (await lab.record(first.dataset)).created_at
    lab.fill({"neuron.csv": NEURONS}, dataset='notes = "Now with notes."')
    second = await lab.load_well()
    assert (second.status, second.version) == ("metadata", 1)
    record = await lab.record(second.dataset)
    assert (record.notes, record.created_at) == ("Now with notes.", created)
    assert record.updated_at > created
    assert len(await lab.read(second, "neuron", "name")) == 2


async def test_a_removed_row_makes_a_new_version_and_the_old_one_stays_readable(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})
    first = await lab.load_well()
    lab.fill({"neuron.csv": "cid,name\n10,A\n"})
    second = await lab.load_well()
    assert (second.status, second.version) == ("loaded", 2)
    assert await lab.read(second, "neuron", "name") == {"10": "A"}
    assert await lab.read(first, "neuron", "name") == {"10": "A", "20": "B"}
    assert (await lab.rows.list_versions(first.dataset.bytes)) == [1, 2]

    swept = await lab.load_well(retention_h=0)
    assert swept.status == "unchanged"
    assert await lab.read(first, "neuron", "name", version=1) == {}
    assert (await lab.rows.list_versions(first.dataset.bytes)) == [2]
    assert [key async for key in lab.objects.list_keys(f"{first.dataset}/")] == [
        f"{first.dataset}/v2/neuron/part-00000.parquet"
    ]


async def test_a_new_label_is_the_same_data_set_if_its_id_is_given(lab: Lab) -> None:
    stated = 'id = "8b1c6d52-3f4e-4b8a-9d0e-1f2a3b4c5d6e"'
    lab.fill({"neuron.csv": NEURONS}, label="Old name", dataset=stated)
    assert (await lab.load_well()).dataset == UUID("8b1c6d52-3f4e-4b8a-9d0e-1f2a3b4c5d6e")
    lab.fill({"neuron.csv": NEURONS}, label="New name", dataset=stated)
    renamed = await lab.load_well()
    assert (renamed.status, renamed.label) == ("metadata", "New name")
    lab.fill({"neuron.csv": NEURONS}, label="Newest name")
    assert (await lab.load_well()).dataset == derive_dataset_id("local", "Newest name")
    assert len(await lab.rows.read_heads()) == 2


async def test_files_that_no_version_needs_any_more_are_removed(lab: Lab) -> None:
    swc = "1 1 0 0 0 1 -1\n2 3 0 0 {} 1 1\n"
    files = "[files.skeleton]\nunit = 'um'\n"
    lab.fill({"neuron.csv": "cid,swc_path\n10,a.swc\n", "a.swc": swc.format(5)}, rest=files)
    first = await lab.load_well()
    (old,) = [key async for key in lab.objects.list_keys(f"{first.dataset}/files/")]
    lab.fill({"a.swc": swc.format(6)}, rest=files)
    second = await lab.load_well(retention_h=0)
    assert await lab.read(second, "neuron", "cable_length") == {"10": 6000.0}
    (new,) = [key async for key in lab.objects.list_keys(f"{first.dataset}/files/")]
    assert new != old


async def test_two_folders_do_not_meet(lab: Lab) -> None:
    one = write_folder(lab.home / "one", {"neuron.csv": NEURONS}, label="One")
    two = write_folder(lab.home / "two", {"neuron.csv": NEURONS}, label="Two")
    first, second = await lab.load_well(one), await lab.load_well(two)
    assert first.dataset != second.dataset
    assert set((await lab.read(first, "neuron", "cid")).values()).isdisjoint(
        (await lab.read(second, "neuron", "cid")).values()
    )


async def test_a_deleted_data_set_is_gone_with_rows_and_files(lab: Lab) -> None:
    result = await lab.load_well(DATA / "mouse-v1-rorb")
    await delete_dataset(lab.rows, lab.objects, result.dataset)
    assert await lab.rows.read_heads() == []
    assert await lab.read(result, "neuron", "name") == {}
    assert [key async for key in lab.objects.list_keys("")] == []


async def test_a_data_set_of_somebody_else_is_not_touched(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS}, dataset='id = "8b1c6d52-3f4e-4b8a-9d0e-1f2a3b4c5d6e"')
    await lab.load_well(owner="ada")
    with pytest.raises(LoadError, match="belongs to ada, not to bob"):
        await lab.load(owner="bob")


async def test_checking_reports_and_stores_nothing(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})
    result = await lab.load(check_only=True)
    assert (result.status, result.rows) == ("checked", {"neuron": 2})
    assert await lab.rows.read_heads() == []
    assert [key async for key in lab.objects.list_keys("")] == []


async def test_a_file_that_changes_while_it_is_read_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})

    class Growing:
        def begin(self, step: str, total: int, unit: str) -> None:
            if step == "reading neuron.csv":
                with (lab.folder / "neuron.csv").open("a") as file:
                    file.write("30,C\n")

        def reach(self, done: int) -> None:
            pass

    result = await lab.load(progress=Growing())
    assert (result.status, result.counts) == ("failed", {"changed-meanwhile": 1})
    assert (await lab.load_well()).rows == {"neuron": 3}


async def test_progress_is_told_in_bytes_read_and_rows_written(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})
    told: list[tuple] = []

    class Told:
        def begin(self, *step) -> None:
            told.append(step)

        def reach(self, done: int) -> None:
            told.append((done,))

    await lab.load_well(progress=Told())
    size = len(NEURONS)
    assert told == [
        ("reading neuron.csv", size, "B"),
        (size,),
        ("writing neuron", 2, "rows"),
        (2,),
        ("storing files", 0, "files"),
    ]


async def test_without_room_for_temporary_files_the_remedy_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.fill({"neuron.csv": NEURONS})
    monkeypatch.setattr("tempfile.tempdir", str(lab.home / "nowhere"))
    with pytest.raises(LoadError, match="set TMPDIR"):
        await lab.load()


# ── Interrupted, and two at once ──
class Meanwhile:
    """The real store, but that something else happens just before one call of it."""

    def __init__(self, store: Any, deed: Callable[[], Awaitable[Any]], call: str = "swap_head") -> None:
        self._store, self._deed, self._call = store, deed, call

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name != self._call:
            return method
        self._call = ""

        async def meanwhile(*arguments: Any, **options: Any) -> Any:
            await self._deed()
            return await method(*arguments, **options)

        return meanwhile


async def test_an_interrupted_load_leaves_nothing(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": DENDRITES})
    store = lab.rows

    async def interrupt() -> None:
        task.cancel()

    lab.rows = Meanwhile(store, interrupt, "write_rows")
    task = asyncio.ensure_future(lab.load())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [head.version for head in await store.read_heads()] == [0]
    dataset = derive_dataset_id("local", "A cortex")
    assert await store.summarize_rows(lab.model.tables["neuron"], Snapshot(dataset.bytes, 1)) == RowsSummary(0, 0)


async def test_rows_that_do_not_arrive_whole_are_never_published(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})
    store, snapshot = lab.rows, Snapshot(derive_dataset_id("local", "A cortex").bytes, 1)
    lab.rows = Meanwhile(store, lambda: store.drop_version(snapshot), "summarize_rows")
    with pytest.raises(LoadError, match=r"the store holds 0 rows .* not the 2 "):
        await lab.load()
    assert [head.version for head in await store.read_heads()] == [0]


async def test_what_cannot_be_tidied_up_does_not_undo_a_load(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})

    async def fail() -> None:
        raise StoreUnavailable("the disk is gone")

    lab.rows = Meanwhile(lab.rows, fail, "list_versions")
    result = await lab.load()
    assert (result.status, result.counts) == ("loaded", {"not-tidied": 1})


async def test_of_two_loads_at_once_one_wins_and_nothing_is_mixed(lab: Lab, tmp_path: Path) -> None:
    ours = write_folder(tmp_path / "ours", {"neuron.csv": "cid,name\n1,ours\n2,ours\n"}, dataset='notes = "ours"')
    theirs = write_folder(tmp_path / "theirs", {"neuron.csv": "cid,name\n1,theirs\n"}, dataset='notes = "theirs"')
    store = lab.rows
    lab.rows = Meanwhile(store, lambda: Lab(lab.model, store, lab.objects, tmp_path).load_well(theirs))
    with pytest.raises(Conflict, match="changed by somebody else"):
        await lab.load(ours)
    lab.rows = store
    again = await lab.load_well(theirs)
    assert again.status == "unchanged"
    assert await lab.read(again, "neuron", "name") == {"1": "theirs"}
    assert (await lab.record(again.dataset)).notes == "theirs"
    assert await lab.rows.list_versions(again.dataset.bytes) == [again.version]


async def test_a_load_that_only_began_meanwhile_does_not_stop_ours(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})
    store, dataset = lab.rows, derive_dataset_id("local", "A cortex")
    lab.rows = Meanwhile(store, lambda: store.begin_version(dataset.bytes))
    result = await lab.load_well()
    assert (result.status, result.version) == ("loaded", 1)


# ── Formats ──
async def test_parquet_gives_what_csv_gives(lab: Lab, tmp_path: Path) -> None:
    units = "[tables.neuron]\nlength_unit = 'um'\n"
    frame = pl.DataFrame(
        {
            "cid": [720575940621039145, 20, 30],
            "name": pl.Series(["α", None, "c"], dtype=pl.Categorical),
            "mesh_volume": [1.5, 2.0, None],
            "n_leaves": [3.0, None, 4.0],
            "complete": [True, None, False],
            "truncated": [1, 0, None],
        }
    )
    as_parquet = io.BytesIO()
    frame.with_columns(soma=pl.Series([[1.0, 2.0, 3.0], None, [4.5, 5.0, 6.0]])).write_parquet(as_parquet)
    as_csv = frame.with_columns(soma=pl.Series(["[1 2 3]", None, "(4.5, 5, 6)"])).write_csv()
    one = write_folder(tmp_path / "one", {"neuron.csv": as_csv}, rest=units, label="One")
    two = write_folder(tmp_path / "two", {"neuron.parquet": as_parquet.getvalue()}, rest=units, label="Two")
    columns = ("name", "mesh_volume", "n_leaves", "complete", "truncated", "soma_x", "soma_z")
    csv, parquet = await lab.load_well(one), await lab.load_well(two)
    assert await lab.read(csv, "neuron", *columns) == await lab.read(parquet, "neuron", *columns)
    assert (await lab.read(parquet, "neuron", *columns))["720575940621039145"] == (
        *("α", 1.5e9, 3, True, True),
        *(1000.0, 3000.0),
    )


CUBE = (
    "".join(f"v {x} {y} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 1))
    + "f 1 2 4 3\nf 5 7 8 6\nf 1 5 6 2\nf 3 4 8 7\nf 1 3 7 5\nf 2 6 8 4\n"
)


async def test_a_mesh_fills_what_the_table_leaves_empty(lab: Lab) -> None:
    table = "cid,mesh_volume,mesh_path\n10,,cube.obj\n20,1.005,cube.obj\n30,,\n"
    rest = "[files.mesh]\nunit = 'um'\n[tables.neuron]\nlength_unit = 'um'\n"
    lab.fill({"neuron.csv": table, "cube.obj": CUBE}, rest=rest)
    result = await lab.load_well()
    columns = ("mesh_volume", "mesh_surface_area", "mesh_sphericity", "mesh_file_volume_method", "mesh_file_watertight")
    rows = await lab.read(result, "neuron", *columns)
    assert rows["10"] == (pytest.approx(1e9), pytest.approx(6e6), pytest.approx(0.805996), "CLOSED", True)
    assert rows["20"][0] == pytest.approx(1.005e9)
    assert rows["20"][3] == "GIVEN"
    assert rows["30"] == (None, None, None, None, None)
    assert len(await lab.read(result, "neuron", "mesh_file_key")) == 3
    assert len((await lab.version(result.dataset)).files) == 1, "a file named twice is stored once"
    columns_of = (await lab.version(result.dataset)).tables["neuron"].columns
    assert (columns_of["mesh_volume"].origin, columns_of["mesh_surface_area"].origin) == ("mixed", "derived")


async def test_each_row_has_its_own_mesh_even_where_two_files_are_the_same(lab: Lab) -> None:
    larger = CUBE.replace("v 1", "v 2")
    table = "cid,mesh_path\n10,a.obj\n20,b.obj\n30,c.obj\n"
    lab.fill({"neuron.csv": table, "a.obj": CUBE, "b.obj": CUBE, "c.obj": larger}, rest="[files.mesh]\nunit = 'nm'\n")
    result = await lab.load_well()
    rows = await lab.read(result, "neuron", "mesh_file_key", "mesh_file_sha256")
    assert rows["10"] == rows["20"] != rows["30"]
    for key, sha256 in rows.values():
        stored = b"".join([piece async for piece in lab.objects.read(key)])
        assert hashlib.sha256(stored).hexdigest() == sha256
