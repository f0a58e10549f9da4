"""The page of data sets by hand and by the product: the same answers, without which no figure counts."""

import pytest

from bench.catalogue import NotTheSame, as_filter, check_same, make_questions
from bench.catalogue_by_hand import ByHand, Question
from bench.goals import judge_catalogue
from bench.report import format_catalogue
from bench.results import Catalogue
from bench.synthetic.metadata import Metadata
from syndb_graphql.catalog.catalog import make_dataset
from syndb_graphql.catalog.filters import match_datasets
from syndb_graphql.catalog.index import DatasetIndex
from syndb_graphql.catalog.records import encode_record
from syndb_graphql.catalog.vocabulary import build_vocabularies
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.protocol import Head

MODEL = load_default_model()
METADATA = Metadata(MODEL, 120)
VOCABULARIES = build_vocabularies(MODEL)


@pytest.fixture(scope="module")
def by_hand() -> ByHand:
    return ByHand(METADATA, VOCABULARIES)


def test_both_find_the_same_data_sets(by_hand):
    made = [
        make_dataset(Head(record.uuid.bytes, 1, 1, 1), encode_record(record), encode_record(version))
        for record, version in METADATA
    ]
    index = DatasetIndex(sorted(made, key=lambda each: each.sort_key), VOCABULARIES)
    totals = set()
    for question in make_questions(by_hand):
        filter_ = as_filter(question)
        filter_["rowCount"]["table"] = "neuron"  # the graph's name for it is an enum's
        found = match_datasets(index, filter_).bit_count()
        assert found == by_hand.answer(question)["totalCount"], question
        totals.add(found)
    assert len(totals) > 5, "questions that all find the same compare nothing"


def test_one_wrong_count_is_found(by_hand):
    question = Question(["s"], "Mammalia", "brain", 0)
    right, wrong = by_hand.answer(question), by_hand.answer(question)
    check_same(right, wrong)
    wrong["facets"][0]["buckets"][0]["count"] += 1
    with pytest.raises(NotTheSame, match="facets"):
        check_same(right, wrong)


def test_the_worst_change_and_the_median_page_are_judged():
    found = Catalogue(5000, [0.01, 0.02, 0.09], [0.01, 0.01, 0.01], 90_000_000, [1.0, 2.0, 9.0], [0.5, 2.5, 1.0])
    verdicts = {verdict.what: verdict.met for verdict in judge_catalogue(found)}
    assert list(verdicts.values()) == [False, True, True, True, False]
    assert "2.0 of the processor time" in format_catalogue(found)
