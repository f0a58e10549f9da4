"""Folders with something wrong in them: each is refused with the file, the row, the column, the value and the remedy."""

import io
import os
from pathlib import Path

import polars as pl
import pytest

from .conftest import NEURONS, TOML, Lab, cid

DENDRITE = "[tables.dendrite]\nlength_unit = 'nm'\n"
UNITS = "[tables.neuron]\nlength_unit = 'nm'\n"
SKELETON = "[files.skeleton]\nunit = 'um'\n"
MESH = "[files.mesh]\nunit = 'um'\n"


# ── Values ──
@pytest.mark.parametrize("value", ["NaN", "nan", "inf", "-inf", "1e999"])
async def test_what_is_not_finite_is_refused(lab: Lab, value: str) -> None:
    lab.fill({"neuron.csv": f"cid,mesh_volume\n10,5\n20,{value}\n"}, rest=UNITS)
    found = await lab.refuse_once()
    assert (found.rule, found.file, found.row, found.column) == ("not-finite", "neuron.csv", 3, "mesh_volume")
    assert found.value == value
    assert "empty" in found.remedy


async def test_text_in_a_column_of_numbers_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,mesh_volume,n_leaves\n10,12 um3,4\n20,7,many\n30, 8 , 5.0\n"}, rest=UNITS)
    first, second = await lab.refuse()
    assert (first.rule, first.row, first.value) == ("unit-in-cell", 2, "12 um3")
    assert (second.rule, second.row, second.value) == ("not-a-whole-number", 3, "many")


async def test_a_number_out_of_bounds_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,mesh_volume,terminal_count\n10,-1,3000000000\n"}, rest=UNITS)
    first, second = await lab.refuse()
    assert (first.rule, first.value) == ("out-of-bounds", "-1")
    assert (second.rule, second.value) == ("too-large", "3000000000")


async def test_neither_true_nor_false_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,complete\n1,TRUE\n2,0\n3,maybe\n4,\n"})
    found = await lab.refuse_once()
    assert (found.rule, found.row, found.value) == ("not-a-boolean", 4, "maybe")


async def test_many_wrong_values_are_counted_and_a_few_shown(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,mesh_volume\n" + "".join(f"{i},x{i}\n" for i in range(100))}, rest=UNITS)
    result = await lab.load()
    assert (result.errors, result.counts, len(result.findings)) == (100, {"not-a-number": 100}, 5)
    assert [finding.row for finding in result.findings] == [2, 3, 4, 5, 6]


async def test_all_mistakes_are_found_at_once(lab: Lab) -> None:
    lab.fill(
        {
            "neuron.csv": "cid,mesh_volume,colour\n10,x,red\n10,5,red\n",
            "dendrite.csv": "cid,parent_id,cable_length\nd1,77,nan\n",
        },
        rest=UNITS + DENDRITE,
    )
    rules = {finding.rule for finding in await lab.refuse()}
    assert rules == {"not-a-number", "unknown-column", "not-finite"}
    lab.fill({"neuron.csv": "cid,mesh_volume\n10,x\n10,5\n"}, rest=UNITS + DENDRITE)
    rules = {finding.rule for finding in await lab.refuse()}
    assert rules == {"not-a-number", "not-finite", "duplicate-id", "missing-parent"}


# ── Ids ──
async def test_ids_beyond_53_bits_stay_digits_in_a_csv(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,name\n720575940621039145,x\n720575940621039146,y\n"})
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "cid") == {
        "720575940621039145": cid(result, "neuron", "720575940621039145"),
        "720575940621039146": cid(result, "neuron", "720575940621039146"),
    }


@pytest.mark.parametrize("value", ["7.20575E+17", "7.2057594e+17", "720575940621039145.0"])
async def test_ids_a_spreadsheet_has_rounded_are_refused(lab: Lab, value: str) -> None:
    lab.fill({"neuron.csv": f"cid,name\n10,A\n{value},B\n"})
    found = await lab.refuse_once()
    assert (found.rule, found.row, found.column, found.value) == ("rounded-id", 3, "cid", value)


async def test_whole_numbers_as_data_frames_write_them_are_the_digits(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": "cid,parent_id\nd1,10.0\nd2,\n"})
    result = await lab.load_well()
    assert await lab.read(result, "dendrite", "parent_id", "parent_source_id") == {
        "d1": (cid(result, "neuron", "10"), "10"),
        "d2": (None, None),
    }


async def test_floats_beyond_53_bits_in_parquet_are_refused(lab: Lab) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"cid": [10.0, 7.2e17]}).write_parquet(buffer)
    lab.fill({"neuron.parquet": buffer.getvalue()})
    found = await lab.refuse_once()
    assert (found.rule, found.row) == ("rounded-id", 3)


async def test_an_id_twice_is_refused_with_row_and_value(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,name\n10,A\n20,B\n10,C\n"})
    found = await lab.refuse_once()
    assert (found.rule, found.row, found.value, found.column) == ("duplicate-id", 4, "10", "cid")
    assert "row 2" in found.message


async def test_ids_that_are_twice_many_times_are_counted(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid\n" + "".join(f"{i}\n" for i in range(100)) * 2})
    result = await lab.load()
    assert (result.counts, len(result.findings)) == ({"duplicate-id": 100}, 5)


async def test_ids_that_all_end_in_zeros_beyond_15_digits_are_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid\n720575940621039000\n720575940621040000\n17\n"})
    result = await lab.load()
    assert result.counts == {"rounded-id": 2}
    lab.fill({"neuron.csv": "cid\n720575940621039000\n720575940621040001\n17\n"})
    assert (await lab.load_well()).rows == {"neuron": 3}


async def test_a_row_without_an_id_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,name\n10,A\n,B\n"})
    found = await lab.refuse_once()
    assert (found.rule, found.row) == ("missing-id", 3)


async def test_cid_and_source_id_both_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,source_id\n10,A\n"})
    assert (await lab.refuse_once()).rule == "column-twice"


async def test_a_table_without_ids_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": "name\nA\n"})
    assert (await lab.refuse_once()).rule == "missing-column"


# ── Columns and units ──
async def test_an_unknown_column_names_the_nearest_known_one(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,mesh_volum\n10,5\n"}, rest=UNITS)
    found = await lab.refuse_once()
    assert (found.rule, found.column, found.row) == ("unknown-column", "mesh_volum", 1)
    assert "Did you mean 'mesh_volume'?" in found.message


async def test_lengths_without_a_unit_are_refused_with_how_to_state_it(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,mesh_volume,soma_x\n10,5,1\n"})
    found = await lab.refuse_once()
    assert found.rule == "unit-missing"
    assert "mesh_volume, soma_x" in found.message
    assert 'length_unit = "nm"' in found.remedy
    assert "[tables.neuron]" in found.remedy


async def test_lengths_in_unequal_voxels_are_refused_while_volumes_and_places_convert(lab: Lab) -> None:
    units = "[tables.neuron]\nlength_unit = 'voxel'\nvoxel_size_nm = { x = 4, y = 5, z = 40 }\n"
    lab.fill({"neuron.csv": "cid,mesh_volume,soma_x,soma_z\n10,3,7,7\n"}, rest=units)
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "mesh_volume", "soma_x", "soma_z") == {"10": (2400.0, 28.0, 280.0)}
    lab.fill({"neuron.csv": "cid,cable_length\n10,3\n"}, rest=units)
    found = (await lab.load()).findings[0]
    assert found.rule == "unequal-voxels"
    assert "4 x 5 x 40 nm" in found.message


async def test_one_column_may_have_its_own_unit(lab: Lab) -> None:
    units = "[tables.neuron]\nlength_unit = 'um'\nunits = { mesh_volume = 'nm3', soma = 'mm' }\n"
    lab.fill({"neuron.csv": "cid,mesh_volume,cable_length,soma_x\n10,3,3,3\n"}, rest=units)
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "mesh_volume", "cable_length", "soma_x") == {"10": (3.0, 3000.0, 3e6)}


async def test_a_unit_of_another_dimension_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,mesh_volume\n10,3\n"}, rest="[tables.neuron]\nunits = { mesh_volume = 'um' }\n")
    assert "no unit of volume" in (await lab.refuse_once()).message


async def test_three_numbers_in_a_cell_fill_a_point(lab: Lab) -> None:
    mapping = (
        "[tables.synapse]\nlength_unit = 'nm'\n"
        "columns = { ctr_pt_position = 'centroid', pre_pt_root_id = 'pre_neuron_id' }\naxes = 'zyx'\n"
    )
    synapses = 'cid,ctr_pt_position,pre_pt_root_id\n1,"[3 2 1]",10\n2,"(6, 5, 4)",20\n3,,10\n'
    lab.fill({"neuron.csv": NEURONS, "synapse.csv": synapses}, rest=mapping)
    result = await lab.load_well()
    assert await lab.read(result, "synapse", "centroid_x", "centroid_y", "centroid_z") == {
        "1": (1.0, 2.0, 3.0),
        "2": (4.0, 5.0, 6.0),
        "3": (None, None, None),
    }
    lab.fill({"synapse.csv": synapses.replace("[3 2 1]", "[3 2]")}, rest=mapping)
    found = (await lab.load()).findings[0]
    assert (found.rule, found.row, found.value) == ("not-a-point", 2, "[3 2]")


# ── References ──
async def test_a_missing_parent_is_refused_with_its_row(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": "cid,parent_id\nd1,10\nd2,99\n"})
    found = await lab.refuse_once()
    assert (found.rule, found.file, found.row, found.value) == ("missing-parent", "dendrite.csv", 3, "99")


async def test_a_parent_in_several_tables_is_refused_unless_its_table_is_said(lab: Lab) -> None:
    tables = {
        "neuron.csv": NEURONS,
        "dendrite.csv": "cid,parent_id\n7,10\n",
        "axon.csv": "cid,parent_id\n7,10\n",
        "dendritic_spine.csv": "cid,parent_id\ns,7\n",
    }
    lab.fill(tables)
    found = await lab.refuse_once()
    assert found.rule == "ambiguous-reference"
    assert "parent_enum" in found.remedy
    lab.fill({"dendritic_spine.csv": "cid,parent_id,parent_enum\ns,7,DENDRITE\n"})
    result = await lab.load_well()
    assert await lab.read(result, "dendritic_spine", "parent_id", "parent_enum") == {
        "s": (cid(result, "dendrite", "7"), "dendrite")
    }


async def test_a_table_that_cannot_be_a_parent_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": "cid,parent_id,parent_enum\nd1,10,vesicle\n"})
    found = (await lab.refuse())[0]
    assert (found.rule, found.value) == ("unknown-table", "vesicle")


async def test_a_neuron_that_contradicts_the_parent_is_refused(lab: Lab) -> None:
    spines = "cid,parent_id,neuron_id\ns1,d1,20\n"
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": "cid,parent_id\nd1,10\n", "dendritic_spine.csv": spines})
    found = await lab.refuse_once()
    assert (found.rule, found.value) == ("neuron-contradicts-parent", "20")


async def test_a_table_related_to_no_other_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": "cid\nd1\n"})
    found = await lab.refuse_once()
    assert (found.rule, found.file) == ("unrelated-table", "dendrite.csv")


async def test_neurons_alone_are_accepted(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})
    await lab.load_well()


# ── Files of tables ──
async def test_an_empty_table_is_passed_over_with_a_warning(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": "cid,parent_id\n"})
    result = await lab.load_well()
    assert (result.rows, result.counts) == ({"neuron": 2}, {"empty-table": 1})


@pytest.mark.parametrize(("content", "rule"), [("", "empty-file"), ("cid,name\n", "no-rows")])
async def test_a_folder_without_rows_is_refused(lab: Lab, content: str, rule: str) -> None:
    lab.fill({"neuron.csv": content})
    assert (await lab.refuse())[-1].rule == rule


async def test_a_byte_order_mark_is_no_part_of_the_first_column(lab: Lab) -> None:
    lab.fill({"neuron.csv": b"\xef\xbb\xbfcid,name\r\n10,A\r\n"})
    assert await lab.read(await lab.load_well(), "neuron", "name") == {"10": "A"}


async def test_semicolons_and_tabs_separate_as_well(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid;name\n10;A, the first\n", "dendrite.csv": "cid\tparent_id\nd1\t10\n"})
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "name") == {"10": "A, the first"}


async def test_names_in_greek_and_chinese(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,name,cell_type\nα/1,Νευρώνας,锥体神经元\n"}, label="皮层 Φλοιός")
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "cid", "name", "cell_type") == {
        "α/1": (cid(result, "neuron", "α/1"), "Νευρώνας", "锥体神经元")
    }
    assert result.label == "皮层 Φλοιός"


async def test_a_row_with_too_many_values_is_named(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,name\n10,A\n20,B,C\n"})
    found = await lab.refuse_once()
    assert (found.rule, found.row, found.value) == ("ragged-row", 3, "20,B,C")


@pytest.mark.parametrize(
    "content",
    [
        'cid,name\n10,A\n20,"B\n30,C\n40,D\n',
        'cid,name\n10,A\n20,"B\n30,"C\n40,D\n',
    ],
)
async def test_a_stray_quotation_mark_never_swallows_rows(lab: Lab, content: str) -> None:
    lab.fill({"neuron.csv": content})
    found = (await lab.refuse())[-1]
    assert (found.rule, found.row) == ("open-quote", 3)


async def test_line_breaks_and_quotation_marks_within_values_are_read(lab: Lab) -> None:
    lab.fill({"neuron.csv": 'cid,name\r\n10,"two\r\nlines, ""quoted"""\r\n\r\n20,5" wide\r\n'})
    assert await lab.read(await lab.load_well(), "neuron", "name") == {
        "10": 'two\r\nlines, "quoted"',
        "20": '5" wide',
    }


async def test_a_section_of_a_table_that_is_not_there_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS}, rest="[tables.axon]\nlength_unit = 'um'\n")
    found = await lab.refuse_once()
    assert (found.rule, found.file) == ("no-table", "dataset.toml")
    assert "axon.csv" in found.remedy


async def test_a_row_far_down_is_named_by_its_number(lab: Lab) -> None:
    filler = "x" * 100
    rows = "".join(f"{i},{filler}\n" for i in range(100_000))
    lab.fill({"neuron.csv": "cid,name\n" + rows + "bad,row,here\n"})
    assert (await lab.refuse_once()).row == 100_002
    lab.fill({"neuron.csv": b"cid,name\n" + rows.encode() + b"bad,\xff\n"})
    found = await lab.refuse_once()
    assert (found.rule, found.row) == ("encoding", 100_002)


@pytest.mark.parametrize("content", ["cid,name\n10,\xe4\n".encode("latin-1"), b"cid,name\n10,\x8e\x9f\n"])
async def test_an_encoding_that_nothing_tells_is_a_question(lab: Lab, content: bytes) -> None:
    lab.fill({"neuron.csv": content})
    found = await lab.refuse_once()
    assert (found.rule, found.row) == ("encoding", 2)
    assert "encoding = " in found.remedy


async def test_a_file_named_after_no_table_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "neurons.csv": NEURONS})
    found = await lab.refuse_once()
    assert found.rule == "unknown-table"
    assert "Did you mean 'neuron'?" in found.message


async def test_two_files_of_one_table_are_refused(lab: Lab) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"cid": [1]}).write_parquet(buffer)
    lab.fill({"neuron.csv": NEURONS, "neuron.parquet": buffer.getvalue()})
    assert (await lab.refuse_once()).rule == "file-twice"


async def test_a_truncated_parquet_file_is_refused(lab: Lab) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"cid": list(range(1000))}).write_parquet(buffer)
    lab.fill({"neuron.parquet": buffer.getvalue()[:-20]})
    assert (await lab.refuse_once()).rule == "malformed-parquet"


# ── Paths ──
@pytest.mark.parametrize("path", ["../secret.swc", "/etc/passwd", "sub/../../secret.swc", "C:\\secret.swc"])
async def test_a_path_out_of_the_folder_is_refused(lab: Lab, path: str) -> None:
    (lab.home / "secret.swc").write_text("1 1 0 0 0 1 -1\n")
    lab.fill({"neuron.csv": f"cid,swc_path\n10,{path}\n"}, rest=SKELETON)
    found = await lab.refuse_once()
    assert (found.rule, found.row, found.column) == ("outside-folder", 2, "swc_path")


async def test_a_symbolic_link_out_of_the_folder_is_refused(lab: Lab) -> None:
    (lab.home / "secret.swc").write_text("1 1 0 0 0 1 -1\n")
    lab.fill({"neuron.csv": "cid,swc_path\n10,link.swc\n"}, rest=SKELETON)
    (lab.folder / "link.swc").symlink_to(lab.home / "secret.swc")
    assert (await lab.refuse_once()).rule == "outside-folder"


async def test_a_table_out_of_the_folder_is_refused(lab: Lab) -> None:
    (lab.home / "neuron.csv").write_text(NEURONS)
    lab.fill({}, rest="[tables.neuron]\nfile = '../neuron.csv'\n")
    assert (await lab.refuse_once()).rule == "outside-folder"


async def test_a_missing_file_is_named_with_its_row(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,swc_path\n10,\n20,no.swc\n"}, rest=SKELETON)
    found = await lab.refuse_once()
    assert (found.rule, found.row, found.value) == ("file-missing", 3, "no.swc")


async def test_a_pipe_is_no_file(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,swc_path\n10,pipe.swc\n"}, rest=SKELETON)
    os.mkfifo(lab.folder / "pipe.swc")
    assert (await lab.refuse_once()).rule == "file-missing"


# ── Meshes and skeletons ──
@pytest.mark.parametrize(
    ("swc", "row"), [("1 1 0 0 0 1 -1\n2 3 0 0 5 1 7\n", 2), ("1 1 0 0 0 1 2\n2 3 0 0 5 1 1\n", None)]
)
async def test_a_skeleton_with_a_missing_parent_or_a_cycle_is_refused(lab: Lab, swc: str, row: int | None) -> None:
    lab.fill({"neuron.csv": "cid,swc_path\n10,a.swc\n", "a.swc": swc}, rest=SKELETON)
    found = await lab.refuse_once()
    assert found.file == "a.swc"
    assert row is None or found.row == row


async def test_a_mesh_without_faces_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,mesh_path\n10,a.obj\n", "a.obj": "v 0 0 0\nv 1 0 0\n"}, rest=MESH)
    found = await lab.refuse_once()
    assert (found.rule, found.file) == ("mesh-no-faces", "a.obj")


async def test_files_without_a_stated_unit_are_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,swc_path\n10,a.swc\n", "a.swc": "1 1 0 0 0 1 -1\n"})
    found = await lab.refuse_once()
    assert found.rule == "unit-missing"
    assert "[files.skeleton]" in found.remedy


async def test_unequal_scales_apply_before_anything_is_measured(lab: Lab) -> None:
    swc = "1 1 0 0 0 1 -1\n2 3 3 0 0 1 1\n3 3 3 0 5 1 2\n"
    scale = "[files.skeleton]\nunit = 'voxel'\nscale_to_nanometer = { x = 4, y = 4, z = 40 }\noffset_nm = 100\n"
    lab.fill({"neuron.csv": "cid,swc_path\n10,a.swc\n", "a.swc": swc}, rest=scale)
    result = await lab.load_well()
    columns = ("cable_length", "bounding_box_min_x", "bounding_box_max_z", "skeleton_file_scale_z")
    assert await lab.read(result, "neuron", *columns) == {"10": (212.0, 100.0, 300.0, 40.0)}


async def test_what_the_table_states_stands_and_is_compared(lab: Lab) -> None:
    swc = "1 1 0 0 0 1 -1\n2 3 0 0 50 1 1\n"
    lab.fill(
        {"neuron.csv": "cid,cable_length,n_leaves,swc_path\n10,40,,a.swc\n20,50.1,1,a.swc\n", "a.swc": swc},
        rest=SKELETON + "[tables.neuron]\nlength_unit = 'um'\n",
    )
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "cable_length", "n_leaves") == {"10": (40000.0, 1), "20": (50100.0, 1)}
    (found,) = result.findings
    assert (found.rule, found.row, found.column, found.severity) == ("differs-from-file", 2, "cable_length", "warning")
    columns = (await lab.version(result.dataset)).tables["neuron"].columns
    assert (columns["cable_length"].origin, columns["n_leaves"].origin) == ("given", "mixed")


# ── Terms and derived columns ──
async def test_terms_of_rows_are_normalised_or_kept_with_a_warning(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,majority_neurotransmitter,polarity\n1,ACH,Multipolar\n2,magic,\n"})
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "majority_neurotransmitter", "polarity") == {
        "1": ("acetylcholine", "multipolar"),
        "2": ("magic", None),
    }
    (found,) = result.findings
    assert (found.rule, found.row, found.value) == ("unknown-term", 3, "magic")


async def test_the_contributors_own_word_is_kept_beside_the_term(lab: Lab) -> None:
    relations = "pre_neuron_id,post_neuron_id,neurotransmitter\n10,20,Octapamine\n"
    lab.fill({"neuron.csv": NEURONS, "neuron_relation.csv": relations})
    result = await lab.load_well()
    assert await lab.read(result, "neuron_relation", "neurotransmitter", "neurotransmitter_source") == {
        "10/20/": ("octopamine", "Octapamine")
    }


async def test_a_stated_ratio_that_volume_and_area_contradict_is_named(lab: Lab) -> None:
    neurons = (
        "cid,mesh_volume,mesh_surface_area,mesh_area_volume_ratio,mesh_sphericity\n1,1,6,6,\n2,1,6,7,\n3,1,6,,1.2\n"
    )
    lab.fill({"neuron.csv": neurons}, rest=UNITS.replace("nm", "um"))
    result = await lab.load_well()
    assert result.counts == {"differs-from-computed": 2, "sphericity-over-1": 1}
    ratios = await lab.read(result, "neuron", "mesh_area_volume_ratio", "mesh_sphericity")
    assert ratios["2"] == (pytest.approx(0.007), pytest.approx(0.805996))
    assert ratios["3"] == (pytest.approx(0.006), 1.2)


async def test_serine_is_serotonin_with_a_warning(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "synapse.csv": "cid,pre_neuron_id,serine,GABA\n1,10,0.5,0.25\n"})
    result = await lab.load_well()
    assert await lab.read(result, "synapse", "serotonin", "gaba") == {"1": (0.5, 0.25)}
    assert result.counts == {"alias": 1}


# ── Ends of synapses and relations ──
async def test_ends_outside_the_data_set_keep_their_id(lab: Lab) -> None:
    synapses = "cid,pre_neuron_id,post_neuron_id,post_id\n1,10,99,p7\n2,10,,\n"
    spine = "cid,neuron_id,forms_synapse_with\np1,20,gone\n"
    lab.fill({"neuron.csv": NEURONS, "synapse.csv": synapses, "dendritic_spine.csv": spine})
    result = await lab.load_well()
    ends = await lab.read(
        result, "synapse", "pre_neuron_id", "post_neuron_id", "post_neuron_source_id", "post_id", "post_source_id"
    )
    outside = cid(result, "neuron", "99")
    assert ends["1"] == (cid(result, "neuron", "10"), outside, "99", None, "p7")
    assert ends["2"] == (cid(result, "neuron", "10"), None, None, None, None)
    assert result.counts == {"outside-the-data-set": 3}


async def test_a_part_that_names_only_its_neuron_is_its_direct_child(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendrite.csv": "cid,neuron_id\nd1,20\n"})
    result = await lab.load_well()
    neuron = cid(result, "neuron", "20")
    assert await lab.read(result, "dendrite", "parent_id", "parent_enum", "parent_source_id", "owner_id") == {
        "d1": (neuron, "neuron", "20", neuron)
    }


async def test_parts_without_a_neuron_belong_to_their_topmost_ancestor(lab: Lab) -> None:
    lab.fill(
        {
            "dendrite.csv": "cid\nd1\nd2\n",
            "dendritic_spine.csv": "cid,parent_id\ns1,d1\n",
            "mitochondria.csv": "cid,parent_id\nm1,s1\n",
        }
    )
    result = await lab.load_well()
    top = cid(result, "dendrite", "d1")
    assert (await lab.read(result, "dendrite", "owner_id", "neuron_id", "parent_id"))["d1"] == (top, None, None)
    assert await lab.read(result, "mitochondria", "owner_id", "neuron_id", "parent_enum") == {
        "m1": (top, None, "dendritic_spine")
    }


async def test_relations_are_known_by_their_ends_percent_encoded(lab: Lab) -> None:
    neurons = "cid\na/b\nc d\n"
    relations = "pre_neuron_id,post_neuron_id,relation_type\na/b,c d,chemical\na/b,c d,electrical\nc d,a/b,\n"
    lab.fill({"neuron.csv": neurons, "neuron_relation.csv": relations})
    result = await lab.load_well()
    found = await lab.read(result, "neuron_relation", "cid")
    assert set(found) == {"a%2Fb/c%20d/chemical", "a%2Fb/c%20d/electrical", "c%20d/a%2Fb/"}
    assert found["c%20d/a%2Fb/"] == cid(result, "neuron_relation", "c%20d/a%2Fb/")
    lab.fill({"neuron_relation.csv": relations + "a/b,c d,chemical\na/b,,\n"})
    result = await lab.load()
    assert {finding.rule for finding in result.findings} == {"missing-id", "duplicate-id"}


# ── dataset.toml ──
@pytest.mark.parametrize(
    ("change", "key", "hint"),
    [
        (("animal =", "animl ="), "dataset.animl", "Did you mean 'animal'?"),
        (('animal = "mouse"', 'animal = "mous"'), "dataset.animal", "Did you mean 'mouse'?"),
        (('animal = "mouse"', "animal = 5"), "dataset.animal", "Expected `str`"),
        (('label = "{label}"', 'label = ""'), "dataset.label", "is empty"),
        (('license = "CC-BY-4.0"', 'license = "CC-BY-9"'), "dataset.license", "Did you mean"),
        (('structure = "primary', 'structure = "primari'), "dataset.brain_regions[0].structure", "Did you mean"),
        (("{dataset}", 'publications = ["doi.example/5"]'), "dataset.publications[0]", "is no DOI"),
        (("{dataset}", "wild_type = 'yes'"), "dataset.wild_type", "Expected `bool | null`"),
        (("{rest}", "[tables.neurone]"), "tables.neurone", "Did you mean 'neuron'?"),
        (("{rest}", "[tables.neuron]\nlength_unit = 'micron'"), "tables.neuron.length_unit", "is no unit"),
        (("{rest}", "[tables.neuron]\nlength_unit = 'voxel'"), "tables.neuron.voxel_size_nm", "no size of a voxel"),
        (("{rest}", "[files.mesh]\nunit = 'voxel'"), "files.mesh.scale_to_nanometer", "not stated"),
        (("{rest}", "[files.mesh]\nunit = 'um'\nscale_to_nanometer = 8"), "files.mesh.scale_to_nanometer", "1000 nm"),
        (("{rest}", "[files.mesch]\nunit = 'um'"), "files.mesch", "Did you mean 'mesh'?"),
    ],
)
async def test_a_mistake_in_dataset_toml_names_its_key(lab: Lab, change, key: str, hint: str) -> None:
    toml = TOML.replace(*change).format(label="A cortex", dataset="", rest="")
    lab.fill({"neuron.csv": NEURONS, "dataset.toml": toml})
    found = (await lab.refuse())[0]
    assert (found.file, found.column) == ("dataset.toml", key)
    assert hint in found.message


async def test_all_mistakes_of_dataset_toml_are_found_at_once(lab: Lab) -> None:
    toml = TOML.replace('animal = "mouse"\n', "").replace("CC-BY-4.0", "mine").replace("structure", "struktur")
    lab.fill({"neuron.csv": NEURONS, "dataset.toml": toml.format(label="x", dataset="notes = 4", rest="[table.x]")})
    keys = {finding.column for finding in await lab.refuse()}
    assert keys == {
        "dataset.animal",
        "dataset.notes",
        "dataset.brain_regions[0].struktur",
        "dataset.brain_regions[0].structure",
        "table",
    }


async def test_metadata_are_kept_in_the_vocabularies_words(lab: Lab) -> None:
    dataset = """
publications = ["https://doi.org/10.7554/eLife.57443", "doi:10.7554/ELIFE.57443", "10.1038/x-1"]
mutations = [{ gene = "Pvalb", expression = "KI", allele = "Pvalb-IRES-Cre", role = "driver" }]
wild_type = false
sample = { individuals = 2, voxel_size_nm = { x = 4, y = 4, z = 40 } }
"""
    lab.fill({"neuron.csv": NEURONS}, dataset=dataset)
    record = await lab.record((await lab.load_well()).dataset)
    assert record.animal == "Mus musculus"
    assert record.publications == ("10.7554/elife.57443", "10.1038/x-1")
    assert (record.mutations[0].expression, record.mutations[0].role) == ("knock-in", "driver")
    assert record.sample is not None
    assert record.sample.voxel_size_nm == (4.0, 4.0, 40.0)


async def test_no_dataset_toml_no_folder_no_tables(lab: Lab) -> None:
    assert (await lab.load(Path("/nowhere"))).findings[0].rule == "no-folder"
    lab.folder.mkdir()
    assert (await lab.refuse_once()).rule == "no-config"
    lab.fill({})
    assert (await lab.refuse_once()).rule == "no-table"
    lab.fill({"dataset.toml": "label = \n"})
    assert (await lab.refuse_once()).rule == "bad-toml"
