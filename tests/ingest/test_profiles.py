"""Tables as programs export them load without their columns being named; what was taken for what is told."""

import pytest

from syndb_graphql.ingest.report import Finding, Severity

from .conftest import NEURONS, Lab, cid
from .sheets import write_workbook

CAVE = """id,valid,pre_pt_root_id,post_pt_root_id,size,ctr_pt_position,created
104,t,720575940621039145,720575940621039146,57,"[100 200 30]",2023-01-01
105,t,720575940621039145,720575940621039147,12,"[101 201 31]",2023-01-01
"""
CODEX = """root_id,length_nm,area_nm,size_nm
720575940621039145,1234567,2345678,34567890
720575940621039146,1234568,2345679,34567891
"""
CONNECTIONS = """pre_root_id,post_root_id,neuropil,syn_count,nt_type
720575940621039145,720575940621039146,AL_R,12,ACH
720575940621039145,720575940621039146,LH_R,5,ACH
720575940621039146,720575940621039145,,7,GABA
"""


def recognised(findings: list[Finding]) -> Finding:
    (found,) = [finding for finding in findings if finding.rule == "recognised"]
    assert found.severity is Severity.WARNING
    return found


async def test_synapses_of_cave_load_once_the_size_of_a_voxel_is_stated(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid\n720575940621039145\n", "synapse.csv": CAVE})
    result = await lab.load()
    (missing,) = [finding for finding in result.findings if finding.severity == "error"]
    assert missing.rule == "unit-missing"
    assert 'length_unit = "voxel", voxel_size_nm = { x = 4, y = 4, z = 40 }' in missing.remedy

    unit = '[tables.synapse]\nlength_unit = "voxel"\nvoxel_size_nm = { x = 4, y = 4, z = 40 }\n'
    lab.fill({"neuron.csv": "cid\n720575940621039145\n", "synapse.csv": CAVE}, rest=unit)
    result = await lab.load_well()
    synapse = await lab.read(result, "synapse", "pre_neuron_id", "post_neuron_source_id", "centroid_x", "centroid_z")
    pre = cid(result, "neuron", "720575940621039145")
    assert synapse["104"] == (pre, "720575940621039146", 400, 1200)
    said = recognised(result.findings)
    assert (said.file, "CAVE" in said.message) == ("synapse.csv", True)
    assert "'id' as cid, 'pre_pt_root_id' as pre_neuron_id" in said.message
    assert "'size' (counts voxels" in said.message
    assert "[tables.synapse]" in said.remedy


async def test_what_is_stated_comes_before_what_is_recognised(lab: Lab) -> None:
    stated = (
        "[tables.synapse]\nlength_unit = 'voxel'\nvoxel_size_nm = { x = 8, y = 8, z = 33 }\n"
        "columns = { size = 'cleft_volume', id = 'cave_id', my_id = 'cid' }\n"
    )
    rows = "my_id,id,pre_pt_root_id,post_pt_root_id,size,ctr_pt_position\ns1,104,10,20,57,[1 2 30]\ns2,105,20,10,12,[1 2 31]\n"
    lab.fill({"neuron.csv": NEURONS, "synapse.csv": rows}, rest=stated)
    result = await lab.load_well()
    found = await lab.read(result, "synapse", "cave_id", "cleft_volume", "centroid_z")
    assert found == {"s1": (104, 57 * 8 * 8 * 33, 990), "s2": (105, 12 * 8 * 8 * 33, 31 * 33)}
    assert "'id'" not in recognised(result.findings).message


async def test_a_file_whose_columns_are_all_stated_is_not_remarked_upon(lab: Lab) -> None:
    stated = (
        "[tables.neuron]\nlength_unit = 'nm'\n[tables.neuron.columns]\n"
        "root_id = 'cid'\nlength_nm = 'cable_length'\narea_nm = 'mesh_surface_area'\nsize_nm = 'voxel_volume'\n"
    )
    lab.fill({"neuron.csv": CODEX}, rest=stated)
    assert "recognised" not in (await lab.load_well()).counts


async def test_units_that_a_program_s_names_state_are_taken(lab: Lab) -> None:
    lab.fill({"neuron.csv": CODEX})
    result = await lab.load_well()
    read = await lab.read(result, "neuron", "cable_length", "mesh_surface_area", "voxel_volume")
    assert read["720575940621039145"] == (1_234_567, 2_345_678, 34_567_890)
    assert "Lengths are in nm" in recognised(result.findings).message
    slicer = "segment,volume_mm3,surface_area_mm2,centroid_r\nA,0.5,3,7\n"
    lab.fill({"neuron.csv": slicer})
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "mesh_volume", "mesh_surface_area") == {"A": (0.5e18, 3e12)}
    assert "'centroid_r' (is in RAS" in recognised(result.findings).message


async def test_connections_of_codex_keep_a_row_for_each_region(lab: Lab) -> None:
    lab.fill({"neuron.csv": CODEX, "neuron_relation.csv": CONNECTIONS})
    result = await lab.load_well()
    read = await lab.read(result, "neuron_relation", "synapse_count", "region", "neurotransmitter", "cid")
    forth = "720575940621039145/720575940621039146/"
    assert {key: values[:3] for key, values in read.items()} == {
        f"{forth}/AL_R": (12, "AL_R", "acetylcholine"),
        f"{forth}/LH_R": (5, "LH_R", "acetylcholine"),
        "720575940621039146/720575940621039145/": (7, None, "GABA"),
    }
    assert read[f"{forth}/AL_R"][3] == cid(result, "neuron_relation", f"{forth}/AL_R")


async def test_a_pair_twice_in_one_region_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": CODEX, "neuron_relation.csv": CONNECTIONS.replace("LH_R", "AL_R")})
    found = await lab.refuse_once()
    assert (found.rule, found.row) == ("duplicate-id", 3)


async def test_neurons_and_connections_of_neuprint(lab: Lab) -> None:
    files = {
        "neuron.csv": "bodyId,type,instance,pre,post,status\n10,DA1,DA1_R,5,6,Traced\n20,DA2,DA2_R,7,8,Traced\n",
        "neuron_relation.csv": "bodyId_pre,bodyId_post,roi,weight\n10,20,AL(R),4\n10,20,LH(R),3\n",
    }
    lab.fill(files)
    result = await lab.load_well()
    assert (await lab.read(result, "neuron", "cell_type", "name"))["10"] == ("DA1", "DA1_R")
    counts = await lab.read(result, "neuron_relation", "region", "synapse_count")
    assert counts == {"10/20//AL%28R%29": ("AL(R)", 4), "10/20//LH%28R%29": ("LH(R)", 3)}
    assert result.counts["recognised"] == 2


async def test_common_names_and_x_y_z_are_taken_in_any_table(lab: Lab) -> None:
    files = {
        "neuron.csv": "root_id,name\n10,A\n20,B\n",
        "mitochondria.csv": "cid,bodyId,x,y,z\nm1,10,1,2,3\nm2,20,4,5,6\n",
    }
    lab.fill(files)
    (missing,) = [finding for finding in (await lab.load()).findings if finding.severity == "error"]
    assert (missing.rule, "centroid_x" in missing.message) == ("unit-missing", True)
    lab.fill(files, rest="[tables.mitochondria]\nlength_unit = 'um'\n")
    result = await lab.load_well()
    read = await lab.read(result, "mitochondria", "neuron_source_id", "centroid_x", "centroid_y", "centroid_z")
    assert read["m2"] == ("20", 4000, 5000, 6000)
    assert "'x' as centroid_x" in next(f.message for f in result.findings if f.file == "mitochondria.csv")


async def test_units_at_the_end_of_names_are_taken(lab: Lab) -> None:
    header = [
        "cid",
        "mesh_volume (µm³)",
        "mesh_surface_area_um2",
        "Cable Length [mm]",
        "soma_x_um",
        "soma_y_um",
        "soma_z_um",
    ]
    lab.fill({"neuron.xlsx": write_workbook({"a": [header, ["n", 2, 30, 0.5, 1, 2, 3]]})})
    result = await lab.load_well()
    read = await lab.read(result, "neuron", "mesh_volume", "mesh_surface_area", "cable_length", "soma_z")
    assert read == {"n": (2e9, 30e6, 0.5e6, 3000)}
    assert "as mesh_volume in um3" in recognised(result.findings).message


@pytest.mark.parametrize("column", ["size", "weight", "area", "label"])
async def test_names_that_mean_anything_mean_nothing_outside_of_a_program(lab: Lab, column: str) -> None:
    lab.fill({"neuron.csv": NEURONS.replace("name", column)})
    assert (await lab.refuse_once()).rule == "unknown-column"


async def test_a_program_s_column_gives_way_to_one_of_our_name(lab: Lab) -> None:
    lab.fill(
        {"neuron.csv": CODEX.replace("\n", ",{}\n").replace("{}", "cid", 1).replace("{}", "a", 1).replace("{}", "b")}
    )
    found = await lab.refuse_once()
    assert (found.rule, found.column) == ("unknown-column", "root_id")
