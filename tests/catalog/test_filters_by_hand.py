"""Filters nobody would write, through the graph, agree with plain Python over the same records; and cost no more."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bench.synthetic.metadata import GENES, Metadata, write_metadata
from syndb_graphql.settings import Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores
from tests.catalog.plain import PlainFilter
from tests.conftest import SECRET, Client, on_cassandra

MODEL = load_default_model()
PLAIN = PlainFilter(MODEL)
METADATA = Metadata(MODEL, 90)
RECORDS = sorted(METADATA, key=lambda pair: (pair[0].label, str(pair[0].uuid)))
"""In the order they are answered in."""
QUERY = "query($filter: DatasetFilter) { datasets(filter: $filter, first: 100) { totalCount nodes { uuid } } }"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("cassandra", marks=pytest.mark.servers)])
async def library(request, tmp_path_factory, start_client) -> AsyncIterator[Client]:
    """A server of the made-up data sets: enough that every kind of value is there, and missing, somewhere."""
    chosen = Settings(data=tmp_path_factory.mktemp("library"), secret_keys=(SECRET,))
    if request.param == "cassandra":
        chosen = on_cassandra(chosen, request.getfixturevalue("make_keyspace")())
    stores = open_stores(chosen, MODEL)
    await write_metadata(stores.rows, METADATA)
    await stores.close()
    async with start_client(chosen) as client:
        yield client


def some(values: Any) -> st.SearchStrategy:
    # By their places: hypothesis would write out all the texts of a strategy of values.
    known = sorted(set(values))
    return st.integers(0, len(known) - 1).map(known.__getitem__)


def optional(**fields: st.SearchStrategy) -> st.SearchStrategy:
    """An input: each of its fields there, null or left out."""
    return st.fixed_dictionaries(
        {}, optional={f"{name}".rstrip("_"): st.none() | value for name, value in fields.items()}
    )


def few(value: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(value, max_size=3)


def texts(values: Any) -> st.SearchStrategy:
    value = some(values)
    piece = value.flatmap(lambda text: st.integers(0, len(text)).map(lambda cut: text[cut // 2 : cut]))
    return optional(eq=value, ne=value, in_=few(value), startsWith=piece, contains=piece, isNull=st.booleans())


def terms(vocabulary: str, used: Any) -> st.SearchStrategy:
    """What is used, and what lies above it, by any of their names in any case."""
    broader = {above for name, below in PLAIN.terms[vocabulary].below.items() if below & set(used) for above in (name,)}
    words = [
        word
        for name in broader
        for term in (MODEL.vocabularies[vocabulary][name],)
        for word in (name, *term.synonyms, *filter(None, (term.curie,)))
    ]
    word = some(words).flatmap(lambda word: st.sampled_from([word, word.upper(), word.lower()]))
    return st.fixed_dictionaries({"in": few(word)}, optional={"includeParts": st.booleans()})


def numbers(values: Any) -> st.SearchStrategy:
    value = some(values)
    names = ("eq", "ne", "lt", "lte", "gt", "gte")
    return optional(**dict.fromkeys(names, value), in_=few(value), isNull=st.booleans())


TABLES = some(table.upper() for table in MODEL.tables)
MOMENTS = some(version.published_at.isoformat() for _, version in RECORDS)
UUIDS = some(str(record.uuid) for record, _ in RECORDS)
DOIS = some(doi for record, _ in RECORDS for doi in record.publications).flatmap(
    lambda doi: st.sampled_from([doi, f"https://doi.org/{doi}", f"doi:{doi.upper()}"])
)
CONDITIONS = {
    "uuid": optional(eq=UUIDS, ne=UUIDS, in_=few(UUIDS), isNull=st.booleans()),
    "label": texts(record.label for record, _ in RECORDS),
    "notes": texts(record.notes for record, _ in RECORDS if record.notes),
    "animal": terms("animal", [record.animal for record, _ in RECORDS]),
    "brainRegions": optional(
        structure=terms("brain_structure", [region.structure for record, _ in RECORDS for region in record.brain_regions]),
        direction=terms("direction", MODEL.vocabularies["direction"]),
    ),
    "mutations": optional(gene=texts(GENES), expression=terms("expression", MODEL.vocabularies["expression"])),
    "wildType": st.booleans(),
    "microscopy": terms("microscopy", [record.microscopy for record, _ in RECORDS]),
    "doi": few(DOIS),
    "license": few(some(["CC0", "cc-by-4.0", "CC-BY-NC", "MIT", "ODC-By-1.0", "PDDL"])),
    "tables": optional(hasAll=few(TABLES), hasAny=few(TABLES)),
    "rowCount": st.fixed_dictionaries(
        {"table": TABLES,
         "count": numbers(table.rows for _, version in RECORDS for table in version.tables.values())}
    ),
    "publishedAt": optional(lt=MOMENTS, lte=MOMENTS, gt=MOMENTS, gte=MOMENTS, isNull=st.booleans()),
}  # fmt: skip


@st.composite
def filters(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    """One or two conditions (with more hardly anything is kept), alone or combined; each may be null."""
    form = (
        draw(st.sampled_from(["conditions", "and", "or", "not", "conditions and not"])) if depth < 4 else "conditions"
    )
    facts: dict[str, Any] = {}
    if form.startswith("conditions"):
        names = draw(st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=2, unique=True))
        facts = {name: draw(st.none() | CONDITIONS[name] if depth else CONDITIONS[name]) for name in names}
    if form in ("and", "or"):
        facts = {form: [draw(filters(depth + 1)) for _ in range(draw(st.integers(0, 3)))]}
    if form.endswith("not"):
        facts["not"] = draw(filters(depth + 1))
    return facts


@settings(
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.large_base_example],
    phases=[Phase.generate, Phase.shrink],
)
@given(filter_=filters())
async def test_any_filter_keeps_what_plain_python_keeps(library, filter_):
    expected = [str(record.uuid) for record, version in RECORDS if PLAIN.keeps(filter_, record, version)]
    found = (await library.ask(QUERY, {"filter": filter_}))["datasets"]
    assert [node["uuid"] for node in found["nodes"]] == expected
    assert found["totalCount"] == len(expected)
    assert not library.app.state.executor.unplanned, "answered by a plan, whatever the variables"
