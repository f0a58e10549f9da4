"""Finding data sets by words, as people type them."""

import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from syndb_graphql.catalog.catalog import Dataset, make_dataset
from syndb_graphql.catalog.highlights import MAX_SNIPPET, find_highlights
from syndb_graphql.catalog.index import DatasetIndex
from syndb_graphql.catalog.passages import Passages
from syndb_graphql.catalog.records import BrainRegion, DatasetRecord, GeneMutation, VersionRecord, encode_record
from syndb_graphql.catalog.search import TextIndex
from syndb_graphql.catalog.vocabulary import build_vocabularies
from syndb_graphql.catalog.words import MAX_TERMS, MAX_TEXT, Term, find_words, fold_word, gather_words, parse_search
from syndb_graphql.errors import BadInput
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Head

VOCABULARIES = build_vocabularies(load_default_model())
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def dataset(label: str, *, uuid: UUID | None = None, structure: str = "nervous system", **facts) -> Dataset:
    record = DatasetRecord(
        uuid=uuid or uuid4(),
        label=label,
        owner="me",
        **({"animal": "Mus musculus", "microscopy": "FIB-SEM", "license": "CC0-1.0"} | facts),
        brain_regions=(BrainRegion(structure=structure),),
        created_at=NOW,
        updated_at=NOW,
    )
    version = VersionRecord(number=1, fingerprint="", metadata_fingerprint="", published_at=NOW, tables={})
    return make_dataset(Head(record.uuid.bytes, 1, 1, 1), encode_record(record), encode_record(version))


SPINES = dataset("Spines of CA1", structure="CA1", notes="Recorded in Müller's laboratory, stained for β-actin.")
FRAGILE = dataset(
    "Fragile X",
    mutations=(GeneMutation(gene="Fmr1", expression="knock-out", allele="Fmr1tm1Cgr"),),
    publications=("10.1038/s41586-021-03778-8",),
)
KINASE = dataset("CaMKIIα in the worm", animal="Caenorhabditis elegans", wild_type=True, microscopy="ssTEM")
SORENSEN = dataset(
    "Sørensen 2019", animal="Rattus norvegicus", notes="See 10.7554/eLife.57443. The rate was 3 per µm³."
)
ALL = (SPINES, FRAGILE, KINASE, SORENSEN)
INDEX = DatasetIndex(ALL, VOCABULARIES)


def found(text: str, index: DatasetIndex = INDEX) -> list[str]:
    """Labels, the best first."""
    scores = index.search(text).scores
    return [
        each.record.label
        for each in sorted(index.datasets, key=lambda each: -scores.get(each.id, 0))
        if each.id in scores
    ]


def repr_short(value) -> str:
    return value if isinstance(value, str) else str(len(value))


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("spines", [SPINES]),
        ("SPINES", [SPINES]),
        ("spine", [SPINES]),
        ("spine ca1", [SPINES]),
        ("spi", [SPINES]),
        ("spi ", []),  # a space follows: the word is whole
        ("spi ca1", []),
        ("ca1 spi", [SPINES]),
        ("ines", []),
        ("spines fragile", []),
        ("Müller", [SPINES]),
        ("muller", [SPINES]),
        ("MU\u0308LLER", [SPINES]),  # the accent as a character of its own
        ("Sorensen", [SORENSEN]),
        ("SØRENSEN", [SORENSEN]),
        ("beta actin", [SPINES]),
        ("β-actin", [SPINES]),
        ("Β-ACTIN", [SPINES]),  # a Greek capital beta
        ("CaMKIIα", [KINASE]),
        ("camkiialpha", [KINASE]),
        ("camkii", [KINASE]),
        ("µm³", [SORENSEN]),
        ("mouse ca1", [SPINES]),
        ("mice spines", [SPINES]),
        ("rodent ca1", [SPINES]),
        ("hippocampus", [SPINES]),
        ("NCBITaxon:6239", [KINASE]),
        ("nematode", [KINASE]),
        ("fmr1", [FRAGILE]),
        ("Fmr1tm1", [FRAGILE]),
        ("fmr1 KO", [FRAGILE]),
        ("fmr1 knockout", [FRAGILE]),
        ("knock-out of Fmr1", [FRAGILE]),
        ("wild type", [KINASE]),
        ("wildtype", [KINASE]),
        ("fib-sem fragile", [FRAGILE]),
        ("fibsem fragile", [FRAGILE]),
        ("10.1038/s41586-021-03778-8", [FRAGILE]),
        ("https://doi.org/10.1038/S41586-021-03778-8", [FRAGILE]),
        ("doi: 10.1038/s41586-021-03778-8", [FRAGILE]),
        ("(doi:10.1038/s41586-021-03778-8).", [FRAGILE]),
        ("10.1038/s41586", [FRAGILE]),
        ("10.1038", [FRAGILE]),
        ("10.1038/s41586 ", []),
        ("10.7554/elife.57443", [SORENSEN]),
        ("rat sorensen", [SORENSEN]),
        ("xyzzy", []),
    ],
    ids=repr_short,
)  # fmt: skip
def test_what_people_type_finds(text, labels):
    assert found(text) == [each.record.label for each in labels]


@pytest.mark.parametrize("text", ["", "  ", "?!", "…", "---"])
def test_a_text_without_a_word_keeps_everything_and_scores_nothing(text):
    assert INDEX.search(text).found == INDEX.everything
    assert INDEX.search(text).scores == {}


@pytest.mark.parametrize(
    "text",
    ["label:spines", "spines OR fragile", "spines AND NOT mouse", "spi*", '"spines', "+spines -mouse", "spines^9", "spines~2",
     "[a TO b]", "(spines", "IN [spines]", "\\", "/.*/", "*", "spines || fragile", "\0", "\ud7ff\uffff"],
)  # fmt: skip
def test_nothing_in_a_text_is_an_operator(text):
    words = [term.word for term in parse_search(text)]
    assert set(found(text)) <= {
        each.record.label for each in ALL if all(any(w.startswith(x) for w in all_words(each)) for x in words)
    }


def all_words(each: Dataset) -> set[str]:
    return {span.word for passage in Passages(VOCABULARIES).describe(each) for span in passage.places}


def test_texts_have_bounds():
    with pytest.raises(BadInput, match=rf"{MAX_TEXT} characters, this one has {MAX_TEXT + 1:,}"):
        parse_search("x" * (MAX_TEXT + 1))
    with pytest.raises(BadInput, match=rf"{MAX_TERMS} words, this one has {MAX_TERMS + 1}"):
        parse_search("x " * (MAX_TERMS + 1))
    assert INDEX.search("ß" * MAX_TEXT).found == 0


def test_a_label_counts_more_than_a_name_and_that_more_than_notes():
    told = [
        dataset("of purkinje cells"),
        dataset("b", structure="cerebellum"),
        dataset("a", notes="Not of the cerebellum."),
    ]
    index = DatasetIndex([*told, dataset("cerebellum")], VOCABULARIES)
    assert found("cerebellum", index) == ["cerebellum", "b", "a"]
    assert found("cereb", index) == ["cerebellum", "b", "a"]
    assert index.search("cereb").scores[told[1].id] == index.search("cerebellum ").scores[told[1].id] / 2


def test_a_score_does_not_depend_on_what_else_there_is():
    alone = DatasetIndex([SPINES], VOCABULARIES).search("mouse spines").scores
    crowd = [dataset(f"Mouse spines {number}") for number in range(50)]
    texts = TextIndex(Passages(VOCABULARIES))
    texts.update((), [*crowd, SPINES])
    later = texts.update([each.id for each in crowd[:40]], [FRAGILE]).search(parse_search("mouse spines"))
    assert later[SPINES.id] == alone[SPINES.id]
    assert len(later) == 11


def test_an_index_that_is_kept_current_finds_what_a_new_one_finds():
    texts = TextIndex(Passages(VOCABULARIES))
    before = texts.update((), [SPINES, FRAGILE])
    changed = dataset("Renamed", uuid=SPINES.record.uuid)
    after = texts.update([SPINES.id], [changed, KINASE])
    spines, renamed = parse_search("spines"), parse_search("renamed")
    assert list(before.search(spines)) == [SPINES.id], "what was taken stays as it was"
    assert after.search(spines) == {}
    assert list(after.search(renamed)) == [SPINES.id]
    assert texts.update([each.id for each in ALL], ()).search(parse_search("m")) == {}


def highlights(each: Dataset, text: str) -> list[tuple[str, str]]:
    return [(one.field, one.snippet) for one in find_highlights(each, parse_search(text), Passages(VOCABULARIES))]


def test_highlights_mark_words_and_say_why():
    assert highlights(SPINES, "muller") == [
        ("notes", "Recorded in <mark>Müller</mark>'s laboratory, stained for β-actin.")
    ]
    assert highlights(SPINES, "mice") == [("animal", "<mark>mice</mark> (Mus musculus)")]
    assert highlights(SPINES, "hippocampus") == [("brainRegions", "CA1 field of <mark>hippocampus</mark> (CA1)")]
    assert ("brainRegions", "<mark>telencephalon</mark> › CA1") in highlights(SPINES, "telencephalon")
    assert highlights(FRAGILE, "knockout")[0] == ("mutations", "<mark>knock-out</mark>")
    assert highlights(FRAGILE, "xyzzy") == []


def test_a_snippet_may_be_put_into_a_page_as_it_is():
    evil = dataset(
        "<script>alert(1)</script> & co", notes="word " * 200 + "<img src=x onerror=go()> needle " + "word " * 200
    )
    assert highlights(evil, "alert co") == [
        ("label", "&lt;script&gt;<mark>alert</mark>(1)&lt;/script&gt; &amp; <mark>co</mark>")
    ]
    [(_, snippet)] = highlights(evil, "needle")
    assert "<mark>needle</mark>" in snippet
    assert "<img" not in snippet
    assert len(re.sub(r"</?mark>|&..;", "", snippet)) <= MAX_SNIPPET + 2
    long = dataset("x", notes="y" * 4000)
    assert highlights(long, "y" * 100)[0][1].startswith("<mark>yyy")


def test_words_and_their_places_are_the_same_words():
    for text in ("Knock-out of CaMKIIα, see doi:10.1234/Ab-c. (ñandú–x)", "a-b-c 10.5 µm", ""):
        assert gather_words(text) == {span.word for span in find_words(text)}
        assert all(text[span.start : span.end] for span in find_words(text))
    assert fold_word("ΣΊΣΥΦΟΣ") == fold_word("σίσυφος")
    assert Term("neuron").fits("neurons")
    assert not Term("neuron").fits("neuronal")


# ── Through the front door ──
QUERY = """query($filter: DatasetFilter, $orderBy: [DatasetOrder!]) {
  datasets(filter: $filter, orderBy: $orderBy) { totalCount edges { score highlights { field snippet } node { label } } }
}"""


async def labels(client, filter_, order_by=None) -> list[str]:
    edges = (await client.ask(QUERY, {"filter": filter_, "orderBy": order_by}))["datasets"]["edges"]
    return [edge["node"]["label"] for edge in edges]


async def test_a_search_combines_with_filters(client):
    unplanned = dict(client.app.state.executor.unplanned)
    assert await labels(client, {"search": "worm"}) == ["C. elegans connectome"]
    assert await labels(client, {"search": "elife.57443"}) == ["Hemibrain DA1 projection neurons"]
    assert await labels(client, {"search": "cortex", "tables": {"hasAny": ["SYNAPSE"]}}) == []
    assert len(await labels(client, {"search": "visual cortex", "label": {"startsWith": "Mouse"}})) == 4
    assert len(await labels(client, {"not": {"search": "visual cortex"}})) == 2
    assert len(await labels(client, {"or": [{"search": "worm"}, {"search": "fly"}]})) == 2
    assert len(await labels(client, {"search": "", "label": None})) == 6
    assert client.app.state.executor.unplanned == unplanned, "answered by a plan"


async def test_the_best_comes_first_unless_another_order_is_asked_for(client):
    edges = (await client.ask(QUERY, {"filter": {"search": "pvalb"}}))["datasets"]["edges"]
    assert edges[0]["node"]["label"] == "Mouse V1 Pvalb neurons"
    assert edges[0]["highlights"][0] == {"field": "label", "snippet": "Mouse V1 <mark>Pvalb</mark> neurons"}
    scores = [edge["score"] for edge in edges]
    assert scores == sorted(scores, reverse=True)
    by_label = await labels(client, {"search": "neuron"}, [{"field": "LABEL", "direction": "DESC"}])
    assert by_label == sorted(by_label, reverse=True)
    assert len(by_label) > 1


async def test_nothing_is_scored_where_nothing_is_searched(client):
    for filter_ in (None, {"not": {"search": "worm"}}, {"search": " "}):
        edges = (await client.ask(QUERY, {"filter": filter_}))["datasets"]["edges"]
        assert edges
        assert all(edge["score"] is None and edge["highlights"] == [] for edge in edges)


async def test_searches_out_of_bounds_are_refused(client):
    error = await client.fail(QUERY, {"filter": {"search": "x" * 501}})
    assert error["code"] == "BAD_USER_INPUT"
    error = await client.fail(QUERY, {"filter": {"or": [{"search": str(number)} for number in range(11)]}})
    assert "may search for 10 texts, this one for 11" in error["message"]
