"""The sections [dataset], [[dataset.mutations]] and [dataset.sample] of a new dataset.toml."""

from collections.abc import Mapping

from syndb_graphql.ingest.config import DEFAULT_LICENSE
from syndb_graphql.ingest.dataset_keys import DATASET, MUTATION, SAMPLE
from syndb_graphql.ingest.guess import FolderGuess
from syndb_graphql.ingest.toml_text import TomlText, toml_list, toml_string
from syndb_graphql.spec.model import Model, VocabularyTerm

REGIONS = (
    *(
        "cerebral cortex",
        "primary visual cortex",
        "primary somatosensory cortex",
        "primary motor cortex",
        "hippocampus",
    ),
    *(
        "CA1",
        "CA3",
        "dentate gyrus",
        "amygdala",
        "caudoputamen",
        "thalamus",
        "hypothalamus",
        "olfactory bulb",
        "retina",
    ),
    *(
        "cerebellum",
        "spinal cord",
        "antennal lobe",
        "mushroom body",
        "lateral horn",
        "ellipsoid body",
        "nervous system",
    ),
)
"""Of some 300 structures, those that are shown where the vocabulary has them."""


def write_dataset(toml: TomlText, guess: FolderGuess, model: Model) -> None:
    """Required keys first, filled in where that could be guessed."""
    vocabularies = model.vocabularies
    toml.section("dataset")
    _explain(toml, "label")
    if guess.label:
        toml.key("label", toml_string(guess.label), guess="the folder's name")
    else:
        toml.key("label", '""', todo="name the data set")
    toml.blank()
    _explain(toml, "animal", _species(vocabularies.get("animal", {})))
    toml.key("animal", '""', todo="name the species")
    toml.blank()
    _explain(toml, "microscopy", ", ".join(vocabularies.get("microscopy", {})))
    toml.key("microscopy", '""', todo="name the method")
    toml.blank()
    _explain(toml, "brain_regions")
    toml.comment(
        f"Some structures: {_regions(vocabularies.get('brain_structure', {}))} … (load --check names the nearest)"
    )
    toml.comment(f"Directions: {', '.join(vocabularies.get('direction', {}))}; none.")
    toml.key("brain_regions", '[{ structure = "", direction = "none" }]', todo="name the region")
    toml.blank()
    _write_license(toml, guess, vocabularies.get("license", {}))
    toml.blank()
    _explain(toml, "publications")
    if guess.publications:
        toml.key("publications", toml_list(guess.publications), guess="named in a file beside the data")
    else:
        toml.example("publications", DATASET["publications"][1])
    for key in ("wild_type", "notes", "id"):
        toml.blank()
        _explain(toml, key)
        toml.example(key, DATASET[key][1])
    _write_mutations(toml, vocabularies.get("expression", {}))
    _write_sample(toml)


def _explain(toml: TomlText, key: str, terms: str = "") -> None:
    text = DATASET[key][0]
    toml.comment(f"{text} {terms}." if terms else text)


def _write_license(toml: TomlText, guess: FolderGuess, licenses: Mapping[str, VocabularyTerm]) -> None:
    _explain(toml, "license", ", ".join(licenses))
    if guess.license:
        name, file = guess.license
        toml.key("license", toml_string(name), guess=f"{file} names it")
        return
    toml.todo("dataset.license", f"no licence was found in the folder. State one; left out, it is {DEFAULT_LICENSE}.")
    toml.example("license", DATASET["license"][1])


def _write_mutations(toml: TomlText, expressions: Mapping[str, VocabularyTerm]) -> None:
    toml.blank()
    toml.comment("What was changed in the genome: a block like this for each mutation, driver and reporter.")
    toml.raw_comment("[[dataset.mutations]]")
    for key, (text, example) in MUTATION.items():
        terms = f" {', '.join(expressions)}." if key == "expression" else ""
        toml.example(key, f"{example}    # {text}{terms}")


def _write_sample(toml: TomlText) -> None:
    toml.blank()
    toml.section("dataset.sample")
    toml.comment("The animals and the tissue. All of it may be left out; comparing data sets needs it later.")
    for key, (text, example) in SAMPLE.items():
        toml.example(key, f"{example}    # {text}" if text else example)


def _species(terms: Mapping[str, VocabularyTerm]) -> str:
    """Common names of the species, those of no narrower term left out."""
    wider = {name for term in terms.values() for name in term.broader}
    names = [
        f"{term.name} ({term.synonyms[0]})" if term.synonyms else term.name
        for term in terms.values()
        if term.name not in wider and term.curie
    ]
    return ", ".join(names)


def _regions(terms: Mapping[str, VocabularyTerm]) -> str:
    return ", ".join(name for name in REGIONS if name in terms)
