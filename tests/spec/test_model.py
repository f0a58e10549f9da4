"""The model as it is read from schema/, and every mistake one may make there: each names file, table or term, and key."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from graphql import build_schema

from syndb_graphql.errors import SchemaError
from syndb_graphql.spec import reserved
from syndb_graphql.spec.load import SCHEMA_DIR, load_default_model, load_model
from syndb_graphql.spec.model import Kind

GOLGI = """
type = "Golgi"
field = "golgi"
fields = "golgis"
description = "A Golgi apparatus."
level = 4
columns = ["mesh_volume", "parent", "neuron"]
"""
Change = Callable[[Path], None]


@pytest.fixture
def facts(tmp_path) -> Path:
    """A copy of schema/ to make mistakes in."""
    shutil.copytree(SCHEMA_DIR, tmp_path / "schema")
    return tmp_path / "schema"


# ── As it is ──
def test_the_model_has_the_eleven_tables_top_of_the_hierarchy_first():
    model = load_default_model()
    assert list(model.tables) == [
        "neuron", "neuron_relation", "axon", "dendrite", "dendritic_spine", "pre_synaptic_terminal", "synapse",
        "endoplasmic_reticulum", "mitochondria", "nucleus", "vesicle",
    ]  # fmt: skip
    assert {name for name, table in model.tables.items() if "Compartment" in table.interfaces} == set(model.tables) - {
        "synapse",
        "neuron_relation",
    }
    assert {name for name, table in model.tables.items() if "Skeletonized" in table.interfaces} == {
        "neuron",
        "axon",
        "dendrite",
    }
    assert "NeuronPart" not in model.tables["neuron"].interfaces
    assert model.tables["mitochondria"].type_name == "Mitochondrion"


def test_what_columns_a_term_is_stored_in_follows_from_its_kind():
    neuron, synapse = (load_default_model().tables[name] for name in ("neuron", "synapse"))
    assert [column.name for column in neuron.term["centroid"].columns] == ["centroid_z", "centroid_x", "centroid_y"]
    assert neuron.column["centroid_x"].selection == "centroid { x }"
    assert neuron.term["mesh"].kind is Kind.MESH
    assert len(neuron.term["bounding_box"].columns) == 6
    assert synapse.references["pre"].table == "pre_table"
    assert synapse.references["pre_neuron"].table is None
    assert [column.name for column in synapse.columns[:2]] == ["cid", "source_id"]
    assert all(column.description for table in load_default_model().tables.values() for column in table.shown_columns)


def test_the_names_that_are_reserved_are_those_the_graph_has():
    """The SDL is the truth; what the graph gains or loses must be said in reserved.py as well."""
    schema = build_schema((SCHEMA_DIR / "generated" / "syndb.graphql").read_text("utf-8"))
    model = load_default_model()
    made = {table.type_name + suffix for table in model.tables.values() for suffix in ("", "Connection", "Edge")}
    named = {name for name in schema.type_map if not name.startswith("__")} - made - set(model.interfaces)
    assert named | {"Mutation", "Subscription"} == reserved.TYPE_NAMES
    of_tables = {name for table in model.tables.values() for name in (table.field, table.fields)}
    assert set(schema.type_map["Dataset"].fields) - of_tables == reserved.DATASET_FIELDS
    assert {"id", "cid", "sourceId", "dataset"} == set(schema.type_map["MetricRow"].fields)
    assert set(schema.type_map["MetricRow"].fields) <= reserved.ROW_FIELDS
    assert set(reserved.VOCABULARIES) <= set(model.vocabularies)


# ── Mistakes ──
def replace(file: str, old: str, new: str) -> Change:
    def change(facts: Path) -> None:
        text = (facts / file).read_text("utf-8")
        assert old in text
        (facts / file).write_text(text.replace(old, new, 1), "utf-8")

    return change


def append(file: str, text: str) -> Change:
    return lambda facts: (facts / file).write_text((facts / file).read_text("utf-8") + text, "utf-8")


def write(file: str, text: str | bytes) -> Change:
    return lambda facts: (facts / file).write_bytes(text if isinstance(text, bytes) else text.encode()) and None


def remove(file: str) -> Change:
    return lambda facts: shutil.rmtree(facts / file) if (facts / file).is_dir() else (facts / file).unlink()


def term(name: str, body: str) -> Change:
    return append("columns.toml", f"\n[{name}]\n{body}\n")


def column(name: str, body: str = 'type = "float"\ndescription = "x."') -> Change:
    """A new term, and nucleus lists it."""

    def change(facts: Path) -> None:
        term(name, body)(facts)
        replace("tables/nucleus.toml", '"parent", "neuron",', f'"{name}", "parent", "neuron",')(facts)

    return change


def golgi(old: str, new: str) -> Change:
    assert old in GOLGI
    return write("tables/golgi.toml", GOLGI.replace(old, new))


NUMBER = 'type = "float"\ndescription = "x."'
MISTAKES: dict[str, tuple[Change, str, str]] = {
    # what was done: the change, the file that is named, what is said of it
    "no columns": (remove("columns.toml"), "columns.toml", "the file is missing"),
    "no interfaces": (remove("interfaces.toml"), "interfaces.toml", "the file is missing"),
    "no tables": (remove("tables"), "tables", "there is no table"),
    "no vocabulary": (remove("vocabularies/animal.toml"), "animal.toml", "the file is missing"),
    "no TOML": (append("columns.toml", "\n[[[\n"), "columns.toml", "(at line "),
    "no UTF-8": (write("tables/axon.toml", b"\xff\xfe"), "axon.toml", "utf-8"),
    "said twice": (append("columns.toml", "\n[mesh_volume]\n"), "columns.toml", "mesh_volume"),
    # terms
    "unknown key": (term("a_b", NUMBER + '\ncolour = "red"'), "columns.toml", "unknown field `colour` - at `$[...]`"),
    "no description": (term("a_b", 'type = "float"'), "columns.toml", "missing required field `description`"),
    "empty description": (
        term("a_b", 'type = "float"\ndescription = " "'),
        "columns.toml",
        "[a_b] description: it is empty",
    ),
    "unknown type": (
        term("a_b", 'type = "flaot"\ndescription = "x."'),
        "columns.toml",
        "[a_b] type: 'flaot' is none of",
    ),
    "type near": (term("a_b", 'type = "flaot"\ndescription = "x."'), "columns.toml", "Did you mean 'float'?"),
    "unknown unit": (
        term("a_b", NUMBER + '\nunit = "nm4"'),
        "columns.toml",
        "[a_b] unit: 'nm4' is none of nm, nm2, nm3, nm-1.",
    ),
    "unit of text": (
        term("a_b", 'type = "text"\ndescription = "x."\nunit = "nm"'),
        "columns.toml",
        "[a_b] unit: only float",
    ),
    "unknown vocabulary": (
        term("a_b", 'type = "text"\ndescription = "x."\nvocabulary = "animl"'),
        "columns.toml",
        "[a_b] vocabulary: there is no 'animl'. Did you mean 'animal'?",
    ),
    "vocabulary of numbers": (
        term("a_b", NUMBER + '\nvocabulary = "animal"'),
        "columns.toml",
        "[a_b] vocabulary: only text",
    ),
    "comparable": (term("a_b", NUMBER + '\ncomparable = "no"'), "columns.toml", "[a_b] comparable: 'no' is neither"),
    "scale": (term("a_b", NUMBER + '\nscale = "ln"'), "columns.toml", "[a_b] scale: 'ln' is neither linear nor log"),
    "scale of text": (
        term("a_b", 'type = "text"\ndescription = "x."\nscale = "log"'),
        "columns.toml",
        "[a_b] scale: only numbers",
    ),
    "bounds": (
        term("a_b", NUMBER + "\nminimum = 2\nmaximum = 1"),
        "columns.toml",
        "[a_b] minimum: 2 is above the maximum, 1.",
    ),
    "bound of text": (
        term("a_b", 'type = "text"\ndescription = "x."\nmaximum = 1'),
        "columns.toml",
        "[a_b] maximum: only numbers",
    ),
    "plausible of text": (
        term("a_b", 'type = "text"\ndescription = "x."\nplausible = { max = 1 }'),
        "columns.toml",
        "[a_b] plausible: only numbers",
    ),
    "plausible of nothing": (term("a_b", NUMBER + "\nplausible = {}"), "columns.toml", "[a_b] plausible: say min"),
    "plausible turned round": (
        term("a_b", NUMBER + "\nplausible = { min = 2, max = 1 }"),
        "columns.toml",
        "[a_b] plausible: min, 2, is above max, 1.",
    ),
    "plausible zero": (
        term("a_b", NUMBER + "\nplausible = { max = 1, zero = true }"),
        "columns.toml",
        "[a_b] plausible: zero is said of what has a min",
    ),
    "plausible said twice": (
        append("tables/nucleus.toml", "mesh_sphericity = { min = 0.1 }\n"),
        "nucleus.toml",
        "[plausible] mesh_sphericity: it is said in columns.toml",
    ),
    "plausible of another table": (
        append("tables/nucleus.toml", "neck_length = { min = 0.1 }\n"),
        "nucleus.toml",
        "[plausible] there is no 'neck_length'",
    ),
    "counts of numbers": (term("a_b", NUMBER + '\ncounts = "axon"'), "columns.toml", "[a_b] counts: only whole"),
    "counts what is not there": (
        replace("columns.toml", 'counts = "vesicle"', 'counts = "vesicel"'),
        "columns.toml",
        "there is no 'vesicel'. Did you mean 'vesicle'?",
    ),
    "CURIE": (
        term("a_b", NUMBER + '\nterm = { curie = "GO 5", name = "x" }'),
        "columns.toml",
        "[a_b] term: 'GO 5' is no CURIE",
    ),
    "word of SQL": (column("order"), "columns.toml", "[order]: 'order' is a word of SQL or CQL"),
    "name": (column("meshVolume2"), "columns.toml", "[meshVolume2]: 'meshVolume2' is no name such as mesh_volume"),
    "name of the stores": (column("bucket"), "columns.toml", "[bucket]: 'bucket' is a name that is taken"),
    "name of every row": (column("owner_id"), "columns.toml", "[owner_id]"),
    "field of every row": (
        column("child_counts"),
        "columns.toml",
        "[child_counts]: 'childCounts' is a name of the graph itself",
    ),
    "reserved field": (
        column("a_b", NUMBER + '\nfield = "nodes"'),
        "columns.toml",
        "[a_b]: 'nodes' is a name of the graph",
    ),
    "field that is no name": (
        column("a_b", NUMBER + '\nfield = "a-b"'),
        "columns.toml",
        "[a_b] field: 'a-b' is no name",
    ),
    "two terms, one field": (
        column("a_b", NUMBER + '\nfield = "meshVolume"'),
        "nucleus.toml",
        "columns: 'meshVolume' is taken by term 'mesh_volume'",
    ),
    "two terms, one column": (column("centroid_x"), "nucleus.toml", "two terms are stored in a column 'centroid_x'"),
    "alias of another": (
        replace("columns.toml", "[truncated]\n", '[truncated]\naliases = ["mesh_volume"]\n'),
        "axon.toml",
        "columns.truncated.aliases: 'mesh_volume' is taken",
    ),
    # interfaces
    "interface of nothing": (
        replace("interfaces.toml", '"truncated"', '"truncatd"'),
        "interfaces.toml",
        "[Compartment.columns] there is no 'truncatd'. Did you mean 'truncated'?",
    ),
    "interface that is a type": (
        replace("interfaces.toml", "[Compartment]", "[Dataset]"),
        "interfaces.toml",
        "[Dataset]",
    ),
    "interface without terms": (
        append("interfaces.toml", '\n[Empty]\ndescription = "x."\ncolumns = []\n'),
        "interfaces.toml",
        "[Empty] columns",
    ),
    # tables
    "unknown term": (
        replace("tables/axon.toml", '"mesh_volume"', '"mesh_volum"'),
        "axon.toml",
        "columns: 'mesh_volum' is not in columns.toml. Did you mean 'mesh_volume'?",
    ),
    "term twice": (
        replace("tables/axon.toml", '"mesh_volume"', '"mesh_volume", "mesh_volume"'),
        "axon.toml",
        "columns: 'mesh_volume' is listed twice",
    ),
    "no terms": (golgi('["mesh_volume", "parent", "neuron"]', "[]"), "golgi.toml", "columns: a table has at least one"),
    "no type": (golgi('type = "Golgi"\n', ""), "golgi.toml", "missing required field `type`"),
    "level of text": (golgi("level = 4", 'level = "4"'), "golgi.toml", "Expected `int`, got `str` - at `$.level`"),
    "level below": (golgi("level = 4", "level = -1"), "golgi.toml", "level: -1 is below 0"),
    "no table above": (golgi("level = 4", "level = 0"), "golgi.toml", "level: no table has a smaller one than 0"),
    "parent alone": (golgi(', "neuron"', ""), "golgi.toml", "'parent' and 'neuron' stand together"),
    "table's type": (golgi('"Golgi"', '"2 Golgi"'), "golgi.toml", "type: '2 Golgi' is no name"),
    "type of the graph": (golgi('"Golgi"', '"Dataset"'), "golgi.toml", "type: 'Dataset' is taken by the graph"),
    "type of another": (golgi('"Golgi"', '"Axon"'), "golgi.toml", "type: 'Axon' is taken by table 'axon'"),
    "type of a connection": (
        golgi('"Golgi"', '"AxonConnection"'),
        "golgi.toml",
        "type: 'AxonConnection' is taken by table 'axon'",
    ),
    "field of data sets": (golgi('"golgis"', '"label"'), "golgi.toml", "fields: 'label' is taken by every data set"),
    "field twice": (golgi('"golgis"', '"golgi"'), "golgi.toml", "fields: 'golgi' is taken by table 'golgi'"),
    "field of another": (golgi('"golgis"', '"axons"'), "golgi.toml", "fields: 'axons' is taken by table 'axon'"),
    "table's description": (golgi('"A Golgi apparatus."', '""'), "golgi.toml", "description: it is empty"),
    "file's name": (write("tables/golgi-x.toml", GOLGI), "golgi-x.toml", "'golgi-x' is no name such as mesh_volume"),
    "file's name in SQL": (write("tables/table.toml", GOLGI), "table.toml", "'table' is a word of SQL"),
    "file's name in stores": (
        write("tables/dataset_head.toml", GOLGI),
        "dataset_head.toml",
        "'dataset_head' is a name that is taken",
    ),
    "file's name of a relation": (
        write("tables/synapse_pre.toml", GOLGI),
        "synapse_pre.toml",
        "'synapse_pre' is taken by table 'synapse'",
    ),
    "no neurons": (remove("tables/neuron.toml"), "axon.toml", "[columns.neuron] there is no 'neuron'"),
    # references, relations, keys
    "reference to nothing": (
        replace("tables/synapse.toml", 'pre_neuron = ["neuron"]', 'pre_neuron = ["neurn"]'),
        "synapse.toml",
        "[references.pre_neuron] there is no 'neurn'. Did you mean 'neuron'?",
    ),
    "reference nobody lists": (
        replace("tables/synapse.toml", 'pre_neuron = ["neuron"]', 'pre_neuron = ["neuron"]\nprf = ["neuron"]'),
        "synapse.toml",
        "[references.prf] there is no 'prf'",
    ),
    "reference without tables": (
        replace("tables/synapse.toml", 'pre_neuron = ["neuron"]\n', ""),
        "synapse.toml",
        "[references] 'pre_neuron': say which tables it may point to",
    ),
    "reference to no table": (
        replace("tables/synapse.toml", 'pre_neuron = ["neuron"]', "pre_neuron = []"),
        "synapse.toml",
        "[references] pre_neuron: say at least one table",
    ),
    "relation's owner": (
        replace("tables/synapse.toml", 'owner = "pre_neuron"', 'owner = "pre_neurn"'),
        "synapse.toml",
        "[relations.pre.owner] 'pre_neurn' is no reference of this table. Did you mean 'pre_neuron'?",
    ),
    "relation's component": (
        replace("tables/synapse.toml", 'component = "pre"', 'component = "kind"'),
        "synapse.toml",
        "[relations.pre.component] 'kind' is no reference",
    ),
    "relation's name": (
        replace("tables/synapse.toml", "[relations.pre]", "[relations.owned]"),
        "synapse.toml",
        "[relations.owned]",
    ),
    "relation's field": (
        replace("tables/synapse.toml", '"outgoingSynapses"', '"cableLength"'),
        "synapse.toml",
        "relations.pre: 'cableLength' is taken by term 'cable_length' in a row of 'neuron'",
    ),
    "two relations, one field": (
        replace("tables/synapse.toml", '"outgoingSynapses"', '"incomingSynapses"'),
        "synapse.toml",
        "'incomingSynapses' is taken by relation 'pre'",
    ),
    "key": (
        replace("tables/neuron_relation.toml", '"relation_type"]', '"relation_typ"]'),
        "neuron_relation.toml",
        "[key] there is no 'relation_typ'. Did you mean 'relation_type'?",
    ),
    # vocabularies
    "vocabulary's name": (
        replace("vocabularies/polarity.toml", 'name = "polarity"', 'name = "polaritty"'),
        "polarity.toml",
        "name: 'polaritty' should be the file's own name",
    ),
    "term of nothing": (
        append("vocabularies/polarity.toml", '\n[[terms]]\nname = "x"\nbroader = ["bipolr"]\n'),
        "polarity.toml",
        "terms 'x' broader] there is no 'bipolr'. Did you mean 'bipolar'?",
    ),
    "term there twice": (
        append("vocabularies/polarity.toml", '\n[[terms]]\nname = "bipolar"\n'),
        "polarity.toml",
        "'bipolar' is there twice",
    ),
    "term below itself": (
        append(
            "vocabularies/polarity.toml",
            '\n[[terms]]\nname = "x"\nbroader = ["y"]\n[[terms]]\nname = "y"\nbroader = ["x"]\n',
        ),
        "polarity.toml",
        "terms 'x' broader: it lies below itself",
    ),
    "term without a name": (
        append("vocabularies/polarity.toml", '\n[[terms]]\nname = ""\n'),
        "polarity.toml",
        "[[terms]] name: one is empty",
    ),
    "term's CURIE": (
        append("vocabularies/polarity.toml", '\n[[terms]]\nname = "x"\ncurie = "x"\n'),
        "polarity.toml",
        "terms 'x' curie: 'x' is none such as",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_file_its_place_and_its_key(facts, mistake):
    change, file, words = MISTAKES[mistake]
    change(facts)
    with pytest.raises(SchemaError) as caught:
        load_model(facts)
    message = str(caught.value)
    assert message.startswith(str(facts))
    assert file in message.partition(": ")[0], message
    assert words in message


def test_a_copy_without_mistakes_is_the_same_model(facts):
    assert load_model(facts) == load_default_model()
