"""The graph describes itself: every table, column, type, field and argument has words, and what is said can be asked for."""

import re

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    Undefined,
    build_client_schema,
    build_schema,
    get_introspection_query,
    is_introspection_type,
    is_specified_scalar_type,
    print_schema,
)

from syndb_graphql.spec.load import SCHEMA_DIR

TABLES = [
    "NEURON", "NEURON_RELATION", "AXON", "DENDRITE", "DENDRITIC_SPINE", "PRE_SYNAPTIC_TERMINAL", "SYNAPSE",
    "ENDOPLASMIC_RETICULUM", "MITOCHONDRIA", "NUCLEUS", "VESICLE",
]  # fmt: skip
MODEL = """{ tables { name typeName field description parents term { name curie }
  columns { name field type unit comparable description example nullable vocabulary term { name curie } } } }"""


@pytest.fixture(scope="session")
async def model(client):
    return (await client.ask(MODEL))["tables"]


@pytest.fixture(scope="session")
async def schema(client):
    """The schema as a tool sees it that knows nothing but the server's address."""
    query = get_introspection_query(specified_by_url=True, input_value_deprecation=True, schema_description=True)
    return build_client_schema(await client.ask(query))


async def test_all_eleven_tables_describe_themselves_with_every_column(model, client):
    assert [table["name"] for table in model] == TABLES
    for table in model:
        assert table["description"].endswith(".")
        assert len(table["columns"]) > 5
        names = [column["name"] for column in table["columns"]]
        assert names[:2] == ["cid", "source_id"]
        assert len(set(names)) == len(names)
        for column in table["columns"]:
            assert column["description"].endswith("."), column
            assert column["unit"] in (None, "nm", "nm2", "nm3", "nm-1")
            assert column["unit"] is None or column["type"] == "FLOAT"
    neuron = next(table for table in model if table["name"] == "NEURON")
    assert neuron["term"] == {"name": "neuron", "curie": "CL:0000540"}
    volume = next(column for column in neuron["columns"] if column["name"] == "mesh_volume")
    assert (volume["unit"], volume["field"], volume["comparable"]) == ("nm3", "meshVolume", True)
    spine = next(table for table in model if table["name"] == "DENDRITIC_SPINE")
    assert spine["parents"] == ["NEURON", "NEURON_RELATION", "AXON", "DENDRITE"]


@pytest.mark.parametrize("name", TABLES)
async def test_every_column_can_be_asked_for_as_it_says(client, model, name):
    """`field` of a column is what to write below its row."""
    table = next(table for table in model if table["name"] == name)
    columns = " ".join(f"... on {table['typeName']} {{ {column['field']} }}" for column in table["columns"])
    data = await client.ask(f"{{ datasets {{ nodes {{ {table['field']}(first: 2) {{ nodes {{ {columns} }} }} }} }} }}")
    for dataset in data["datasets"]["nodes"]:
        for row in dataset[table["field"]]["nodes"]:
            for column in table["columns"]:
                assert column["field"].partition(" ")[0] in row


async def test_what_was_observed_of_a_data_set_s_columns_is_what_its_rows_hold(client):
    data = await client.ask(
        """{ dataset(by: {label: "Hemibrain DA1 projection neurons"}) { tables { table { name } rowCount columns {
          column { name unit } origin numbers { unit count nulls min max } } }
          synapses(first: 10000) { nodes { confidence centroid { x } } pageInfo { endCursor } } } }"""
    )
    tables = {table["table"]["name"]: table for table in data["dataset"]["tables"]}
    assert {name: table["rowCount"] for name, table in tables.items()} == {"NEURON": 5, "SYNAPSE": 14_836}
    columns = {column["column"]["name"]: column for column in tables["SYNAPSE"]["columns"]}
    rows = data["dataset"]["synapses"]["nodes"]
    for name, values in (
        ("confidence", [row["confidence"] for row in rows]),
        ("centroid_x", [row["centroid"]["x"] for row in rows]),
    ):
        numbers = columns[name]["numbers"]
        assert numbers["count"] + numbers["nulls"] == 14_836
        assert numbers["min"] <= min(values)
        assert max(values) <= numbers["max"]
    assert columns["centroid_x"]["numbers"]["unit"] == "nm"
    assert (columns["gaba"]["origin"], columns["gaba"]["numbers"]["count"]) == ("ABSENT", 0)
    assert columns["kind"]["numbers"] is None


async def test_every_type_field_argument_and_value_has_words(schema):
    wordless = []
    for name, type_ in schema.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        if not type_.description:
            wordless.append(name)
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field, made in type_.fields.items():
                wordless += [] if made.description else [f"{name}.{field}"]
                wordless += [
                    f"{name}.{field}({argument}:)" for argument, made in made.args.items() if not made.description
                ]
        if isinstance(type_, GraphQLInputObjectType):
            wordless += [f"{name}.{field}" for field, made in type_.fields.items() if not made.description]
        if isinstance(type_, GraphQLEnumType):
            wordless += [f"{name}.{value}" for value, made in type_.values.items() if not made.description]
    assert wordless == []


async def test_the_names_follow_the_rules_of_the_graph(schema):
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            assert all(re.fullmatch(r"[a-z][A-Za-z0-9]*", field) for field in type_.fields), name
        if isinstance(type_, GraphQLEnumType):
            assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", value) for value in type_.values), name


async def test_connections_and_nodes_are_those_that_relay_expects(schema):
    node = schema.type_map["Node"]
    assert set(node.fields) == {"id"}
    connections = [type_ for name, type_ in schema.type_map.items() if name.endswith("Connection")]
    assert len(connections) == 13
    for connection in connections:
        assert {"edges", "nodes", "pageInfo", "totalCount"} <= set(connection.fields)
        assert str(connection.fields["pageInfo"].type) == "PageInfo!"
        edge = schema.type_map[connection.name.removesuffix("Connection") + "Edge"]
        assert str(edge.fields["cursor"].type) == "String!"
        assert {interface.name for interface in edge.fields["node"].type.of_type.interfaces} >= {"Node"}
    page_info = {name: str(field.type) for name, field in schema.type_map["PageInfo"].fields.items()}
    assert page_info == {
        "hasNextPage": "Boolean!", "hasPreviousPage": "Boolean!", "startCursor": "String", "endCursor": "String",
    }  # fmt: skip
    for type_ in schema.type_map.values():
        for name, field in getattr(type_, "fields", {}).items():
            if str(getattr(field, "type", "")).endswith("Connection") and not isinstance(type_, GraphQLInputObjectType):
                assert {"first", "after", "last", "before"} <= set(field.args), f"{type_}.{name}"
                # A default of `first` would stand beside a `last` that is given.
                assert field.args["first"].default_value is Undefined


async def test_what_reads_a_store_may_be_null_so_that_it_costs_only_itself(schema):
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType):
            for name, field in type_.fields.items():
                if str(field.type).rstrip("!").endswith("Connection"):
                    assert not str(field.type).endswith("!"), f"{type_}.{name}"


async def test_the_server_tells_its_bounds(client, demo_settings):
    data = await client.ask("{ server { version maxPageSize defaultPageSize nestedPageSize maxDepth costLimit } }")
    server = data["server"]
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", server.pop("version"))
    assert server == {
        "maxPageSize": 10_000,
        "defaultPageSize": 100,
        "nestedPageSize": 10,
        "maxDepth": 12,
        "costLimit": 1000,
    }


async def test_the_sdl_that_is_committed_is_the_schema_that_is_served(schema):
    committed = build_schema((SCHEMA_DIR / "generated" / "syndb.graphql").read_text("utf-8"))
    assert set(committed.type_map) == set(schema.type_map)
    for name in ("Query", "Dataset", "Neuron", "Synapse", "DatasetFilter", "PageInfo"):
        assert set(committed.type_map[name].fields) == set(schema.type_map[name].fields)
    assert len(print_schema(schema)) > 50_000
