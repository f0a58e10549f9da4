"""A table that nobody has written a line of Python for: two new terms and one file in a copy of schema/, and it is everywhere."""

import shutil

import apsw
import pytest
from graphql import build_schema

from syndb_graphql.cli.schema import derive
from syndb_graphql.emit.arrow import emit_arrow
from syndb_graphql.errors import StoreUnavailable
from syndb_graphql.spec.load import SCHEMA_DIR, load_model

TERMS = """
[cisterna_count]
type = "int"
description = "Number of cisternae."
example = "6"
minimum = 0

[stack_thickness]
type = "float"
unit = "nm"
field = "thickness"
description = "Thickness of the stack."
term = { curie = "PATO:0000915", name = "thickness" }
minimum = 0
"""
TABLE = """
type = "GolgiApparatus"
field = "golgiApparatus"
fields = "golgiApparatuses"
description = "One Golgi apparatus."
term = { curie = "GO:0005794", name = "Golgi apparatus" }
level = 4
columns = [
  "voxel_volume", "voxel_radius", "mesh_volume", "mesh_surface_area", "mesh_area_volume_ratio", "mesh_sphericity", "truncated",
  "centroid", "mesh", "cisterna_count", "stack_thickness", "parent", "neuron",
]
"""
FILES = {
    "neuron.csv": "cid,name\n1,a\n2,b\n",
    "golgi_apparatus.csv": "cid,parent_id,parent_enum,cisterna_count,stack_thickness,mesh_volume\n"
    "g1,1,neuron,6,450.5,2000000000\ng2,1,neuron,7,,\ng3,2,neuron,,500,1\n",
}
EXTRA = """
[tables.golgi_apparatus]
length_unit = "nm"
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    facts = tmp_path_factory.mktemp("facts") / "schema"
    shutil.copytree(SCHEMA_DIR, facts)
    with (facts / "columns.toml").open("a", encoding="utf-8") as file:
        file.write(TERMS)
    (facts / "tables" / "golgi_apparatus.toml").write_text(TABLE, "utf-8")
    return load_model(facts)


def test_it_is_in_all_that_is_derived(model):
    derived = derive(model)
    cql = derived["cassandra.cql"]
    assert "CREATE TABLE IF NOT EXISTS golgi_apparatus (" in cql
    assert "CREATE TABLE IF NOT EXISTS golgi_apparatus_owned (" in cql
    assert cql.count("  stack_thickness double") == 2
    database = apsw.Connection(":memory:")
    database.execute(derived["sqlite.sql"])
    names = [row[1] for row in database.execute("PRAGMA table_info(golgi_apparatus)")]
    assert {"cisterna_count", "stack_thickness", "owner_id", "parent_enum", "centroid_x"} <= set(names)
    schema = build_schema(derived["syndb.graphql"])
    golgi = schema.type_map["GolgiApparatus"]
    assert {interface.name for interface in golgi.interfaces} == {"Compartment", "NeuronPart", "MetricRow", "Node"}
    assert (str(golgi.fields["cisternaCount"].type), "unit" in golgi.fields["thickness"].args) == ("Int", True)
    assert {"golgiApparatus", "golgiApparatuses"} <= set(schema.type_map["Dataset"].fields)
    assert "golgiApparatuses" in schema.type_map["Dendrite"].fields
    assert "GOLGI_APPARATUS" in schema.type_map["TableName"].values
    assert "## golgi_apparatus\n\nOne Golgi apparatus. (GO:0005794 Golgi apparatus)" in derived["tables.md"]
    arrow = emit_arrow(model.tables["golgi_apparatus"]).field("stack_thickness")
    assert (str(arrow.type), arrow.metadata[b"unit"], arrow.metadata[b"term"]) == ("double", b"nm", b"PATO:0000915")


async def test_it_is_loaded_and_asked_for_like_any_other(model, load, write_dataset, make_settings, start_client):
    settings = make_settings(model)
    folder = write_dataset("golgi", FILES, label="Golgis")
    with (folder / "dataset.toml").open("a", encoding="utf-8") as file:
        file.write(EXTRA)
    result = await load(folder, settings, model)
    assert result.rows == {"neuron": 2, "golgi_apparatus": 3}
    query = """{ tables { name } dataset(by: {label: "Golgis"}) {
      tables { table { name columns { name } } rowCount }
      golgiApparatus(by: {sourceId: "g1"}) {
        id cisternaCount thickness(unit: MICROMETER) meshVolume(unit: MICROMETER) parent { __typename sourceId } }
      golgiApparatuses(first: 2) { totalCount pageInfo { hasNextPage endCursor } nodes { sourceId } }
      neurons { nodes { name partCounts { table count } golgiApparatuses { totalCount nodes { sourceId thickness neuron { name } } } } } } }"""
    async with start_client(settings, model) as client:
        data = await client.ask(query)
        assert "GOLGI_APPARATUS" in [table["name"] for table in data["tables"]]
        found = data["dataset"]
        assert [(table["table"]["name"], table["rowCount"]) for table in found["tables"]] == [
            ("NEURON", 2),
            ("GOLGI_APPARATUS", 3),
        ]
        one = found["golgiApparatus"]
        assert (one["cisternaCount"], one["thickness"], one["meshVolume"]) == (6, 0.4505, 2.0)
        assert one["parent"] == {"__typename": "Neuron", "sourceId": "1"}
        assert (await client.ask("query($id: ID!) { node(id: $id) { __typename } }", {"id": one["id"]}))["node"] == {
            "__typename": "GolgiApparatus"
        }
        assert found["golgiApparatuses"]["totalCount"] == 3
        assert found["golgiApparatuses"]["pageInfo"]["hasNextPage"]
        neurons = {neuron["name"]: neuron for neuron in found["neurons"]["nodes"]}
        assert neurons["a"]["golgiApparatuses"]["totalCount"] == 2
        assert neurons["a"]["partCounts"] == [{"table": "GOLGI_APPARATUS", "count": 2}]
        assert neurons["b"]["golgiApparatuses"]["nodes"] == [
            {"sourceId": "g3", "thickness": 500, "neuron": {"name": "b"}}
        ]


async def test_a_store_of_another_model_is_refused_with_the_remedy(model, demo_settings, start_client):
    remedy = (
        r"another SynDB schema\. Set SYNDB_DATA to a new folder|no table golgi_apparatus .* `syndb-graphql db init`"
    )
    with pytest.raises(StoreUnavailable, match=remedy):
        async with start_client(demo_settings, model):
            pass
