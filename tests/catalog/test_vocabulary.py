"""A term is found by whatever people write, and an unknown one is answered with the nearest."""

import pytest

from syndb_graphql.catalog.vocabulary import Vocabulary, build_vocabularies, fold
from syndb_graphql.errors import BadInput
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import VocabularyTerm
from tests.spec.test_vocabularies import PUBLISHED

VOCABULARIES = build_vocabularies(load_default_model())


@pytest.mark.parametrize(
    ("vocabulary", "written", "name"),
    [
        ("animal", "mouse", "Mus musculus"),
        ("animal", "MUS  musculus", "Mus musculus"),
        ("animal", "ncbitaxon:10090", "Mus musculus"),
        ("animal", "Ｍｏｕｓｅ", "Mus musculus"),
        ("expression", "knock_in", "knock-in"),
        ("expression", "Knock in", "knock-in"),
        ("expression", "knock–in", "knock-in"),
        ("license", "cc-by", "CC-BY-4.0"),
        ("license", "CC BY 4.0", "CC-BY-4.0"),
        ("microscopy", "fib sem", "FIB-SEM"),
        ("neurotransmitter", "Octapamine", "octopamine"),
        ("neurotransmitter", "ser", "serotonin"),
        ("neurotransmitter", "5-HT", "serotonin"),
    ],
)
def test_a_term_is_found_by_name_synonym_or_curie_however_spelled(vocabulary: str, written: str, name: str) -> None:
    assert VOCABULARIES[vocabulary].get(written).name == name


def test_an_unknown_term_is_answered_with_the_nearest_spelling() -> None:
    with pytest.raises(BadInput, match=r"'Drosophila melanogastr' is no known animal. Did you mean 'Drosophila melano"):
        VOCABULARIES["animal"].get("Drosophila melanogastr")
    with pytest.raises(BadInput, match=r"is no known animal\.$"):
        VOCABULARIES["animal"].get("xyzzy")
    assert VOCABULARIES["animal"].find("xyzzy") is None


def test_a_long_unknown_term_is_cut_in_the_message() -> None:
    with pytest.raises(BadInput) as error:
        VOCABULARIES["animal"].get("x" * 10_000)
    assert len(str(error.value)) < 200


def test_a_word_for_two_terms_is_asked_about() -> None:
    terms = {
        "lamina": VocabularyTerm("part", "lamina", synonyms=("layer",)),
        "stratum": VocabularyTerm("part", "stratum", synonyms=("layer", "lamina")),
    }
    vocabulary = Vocabulary("part", terms)
    with pytest.raises(BadInput, match="may mean 'lamina' or 'stratum'"):
        vocabulary.get("Layer")
    assert vocabulary.find("layer") is None
    assert vocabulary.get("lamina").name == "lamina", "a name wins over a synonym"


def test_every_name_finds_itself() -> None:
    for vocabulary in VOCABULARIES.values():
        for name in vocabulary.terms:
            assert vocabulary.get(name).name == name


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_every_synonym_and_curie_leads_to_its_term_in_any_case(vocabulary: str) -> None:
    known = VOCABULARIES[vocabulary]
    for term in known.terms.values():
        for word in (*term.synonyms, *filter(None, (term.curie,))):
            for written in (word, word.upper(), word.title(), word.replace("-", " "), f"  {word} "):
                assert known.get(written).name == term.name, written


@pytest.mark.parametrize(("vocabulary", "words"), PUBLISHED.items(), ids=lambda value: value[:20].strip())
def test_every_spelling_of_the_first_published_lists_leads_to_a_term(vocabulary: str, words: str) -> None:
    for word in " ".join(words.split()).split("; "):
        assert VOCABULARIES[vocabulary].find(word), word


def test_what_lies_below_and_above_a_term() -> None:
    animals = VOCABULARIES["animal"]
    assert {"Rodentia", "Mus musculus", "Rattus norvegicus"} <= animals.narrower("Rodentia")
    assert "Drosophila melanogaster" not in animals.narrower("Rodentia")
    assert animals.narrower("Mus musculus") == {"Mus musculus"}
    assert {"Mus musculus", "Rodentia"} <= animals.broader("Mus musculus")


def test_a_circle_of_terms_ends() -> None:
    terms = {name: VocabularyTerm("loop", name, broader=(other,)) for name, other in (("a", "b"), ("b", "a"))}
    assert Vocabulary("loop", terms).narrower("a") == {"a", "b"} == Vocabulary("loop", terms).broader("a")


def test_folding_keeps_what_tells_words_apart() -> None:
    assert fold("  CA1–CA3\tregion ") == "ca1 ca3 region"
    assert fold("α-Motor") != fold("a-Motor")
