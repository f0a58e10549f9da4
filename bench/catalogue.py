"""Finding data sets among thousands: a page that is filtered, searched and counted, beside loops over records in memory.

    python -m bench.catalogue        this part of `make bench` alone: a minute

The made-up data sets have metadata and no rows. Totals and counts of both must be the same before any figure counts. What
the catalogue costs a server is the difference to one of an empty store.
"""

import asyncio
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from bench.catalogue_by_hand import FIELDS, ByHand, Question
from bench.goals import judge_catalogue
from bench.measure import say
from bench.paths import CACHE
from bench.report import format_catalogue, format_goals
from bench.results import Catalogue
from bench.synthetic.chance import stream
from bench.synthetic.metadata import Metadata, write_metadata
from bench.targets import Server, own_target
from syndb_graphql.catalog.records import DatasetRecord, encode_record
from syndb_graphql.catalog.vocabulary import build_vocabularies
from syndb_graphql.catalog.words import parse_search
from syndb_graphql.settings import Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.spec.model import Model
from syndb_graphql.store.protocol import Head
from syndb_graphql.stores import Stores, open_stores

FOLDER = CACHE / "catalogue"
USUAL_DATASETS, QUICK_DATASETS = 5000, 500
QUESTIONS, ROUNDS, STARTS = 60, 5, 3
SEED = 20261122
VISIBLE_S = 30.0
"""What has not been seen by then will not be."""
QUERY = """query($filter: DatasetFilter) {
  datasets(filter: $filter, orderBy: [{field: RELEVANCE, direction: DESC}], first: 20) {
    totalCount
    edges { score highlights { field snippet } node { id label animal { name } publishedAt tables { table { name } rowCount } } }
    pageInfo { hasNextPage endCursor }
    facets(by: [%s], first: 10) { by buckets { value count } missing otherCount }
    rowHistogram(table: NEURON, bins: 12) { binEdges counts }
  }
}""" % ", ".join(FIELDS)  # noqa: UP031 - braces are GraphQL's
LABELLED = "query($label: String!) { datasets(filter: {label: {eq: $label}}) { totalCount } }"


class NotTheSame(Exception):
    """Two ways of asking found different data sets."""


def measure_catalogue(datasets: int) -> Catalogue:
    """Raises NotTheSame."""
    model = load_default_model()
    metadata = Metadata(model, datasets, SEED)
    say(f"making {datasets:,} data sets")
    empty, store = prepare_store(model, "empty", Metadata(model, 0)), prepare_store(model, str(datasets), metadata)
    starts, by_hand = _measure_starts(store, empty), ByHand(metadata, build_vocabularies(model))
    questions = make_questions(by_hand)
    with Server(own_target(empty)) as server:
        server.wait(_body(LABELLED, label="x"))
        _ask_all(server, questions[:5])
        bare = server.resident("RssAnon")
    with Server(own_target(store)) as server:
        server.wait(_body(LABELLED, label="x"))
        for question in questions:
            check_same(by_hand.answer(question), server.ask(_body(QUERY, filter=as_filter(question)))["datasets"])
        ours, theirs = [], []
        for _ in range(ROUNDS):
            before = server.processor_seconds()
            _ask_all(server, questions)
            ours.append((server.processor_seconds() - before) / len(questions))
            began = time.process_time()
            for question in questions:
                by_hand.encode(question)
            theirs.append((time.process_time() - began) / len(questions))
        own_bytes = server.resident("RssAnon") - bare
        say("catalogue: pages")
        seen = asyncio.run(_measure_changes(server, store, model))
    return Catalogue(datasets, ours, theirs, own_bytes, starts, seen)


def prepare_store(model: Model, name: str, metadata: Metadata) -> Path:
    """A store of these data sets, made anew: the changes that are measured stay in it."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)

    async def write() -> None:
        stores = open_stores(Settings(data=folder), model)
        await write_metadata(stores.rows, metadata)
        await stores.close()

    asyncio.run(write())
    return folder


def make_questions(by_hand: ByHand) -> list[Question]:
    """Whole words and beginnings from labels and genes; half are of one species, half of all mammals."""
    chance = stream(SEED, "questions")
    questions: list[Question] = []
    while len(questions) < QUESTIONS:
        entry = by_hand.entries[int(chance.integers(len(by_hand.entries)))]
        words = [term.word for term in parse_search(" ".join(entry.record.label.split()[:3]))]
        if entry.genes and chance.random() < 0.5:
            words = [term.word for term in parse_search(entry.genes[0])]
        words = [words[0], words[-1][: int(chance.integers(1, 5))]] if len(words) > 1 else [words[0][:3]]
        animal = entry.record.animal if chance.random() < 0.5 else "Mammalia"
        question = Question(words, animal, "brain", int(chance.integers(0, 200)))
        # The words of both have to be the same ones: no plurals, which by hand knows nothing of.
        if not any(word.isalpha() and len(word) > 2 for word in words[:-1]) and question not in questions:
            questions.append(question)
        elif len(words) > 1:
            questions.append(replace(question, words=[words[-1]]))
    return questions


def as_filter(question: Question) -> dict[str, Any]:
    return {
        "search": " ".join(question.words),
        "animal": {"in": [question.animal]},
        "brainRegions": {"structure": {"in": [question.structure]}},
        "rowCount": {"table": "NEURON", "count": {"gte": question.neurons}},
    }


def check_same(by_hand: dict[str, Any], ours: dict[str, Any]) -> None:
    for part in ("totalCount", "facets"):
        if by_hand[part] != ours[part]:
            raise NotTheSame(f"{part}: by hand {str(by_hand[part])[:500]}, ours {str(ours[part])[:500]}")
    histograms = [found and found["counts"] for found in (by_hand["rowHistogram"], ours["rowHistogram"])]
    if histograms[0] != histograms[1]:
        raise NotTheSame(f"rowHistogram: by hand {histograms[0]}, ours {histograms[1]}")


def _ask_all(server: Server, questions: Sequence[Question]) -> None:
    for question in questions:
        server.ask(_body(QUERY, filter=as_filter(question)))


def _measure_starts(store: Path, empty: Path) -> list[float]:
    """Seconds that a start takes longer with the data sets than without, in each round."""
    longer = []
    for _ in range(STARTS):
        taken = {}
        for folder in (empty, store):
            with Server(own_target(folder)) as server:
                taken[folder] = server.wait(_body(LABELLED, label="x"))
        longer.append(taken[store] - taken[empty])
    say("catalogue: starts")
    return longer


async def _measure_changes(server: Server, store: Path, model: Model) -> list[float]:
    """Seconds until the server shows a new data set, its new label, and that it is gone."""
    stores = open_stores(Settings(data=store), model)
    record, version = Metadata(model, 1, SEED + 1).make(0)
    taken = []
    try:
        await write_metadata(stores.rows, [(record, version)])
        taken.append(_wait_for(server, record.label, 1))
        renamed = await _rename(stores, record)
        taken.append(_wait_for(server, renamed, 1))
        await stores.rows.delete_dataset(record.uuid.bytes)
        taken.append(_wait_for(server, renamed, 0))
    finally:
        await stores.close()
    return taken


async def _rename(stores: Stores, record: DatasetRecord) -> str:
    key, label = record.uuid.bytes, f"{record.label}, renamed"
    [head] = [head for head in await stores.rows.read_heads() if head.dataset_id == key]
    facts = {name: getattr(record, name) for name in record.__struct_fields__}
    await stores.rows.write_record(key, head.revision + 1, encode_record(DatasetRecord(**facts | {"label": label})))
    await stores.rows.swap_head(head, Head(key, head.revision + 1, head.version, head.last_version))
    return label


def _wait_for(server: Server, label: str, count: int) -> float:
    began = time.perf_counter()
    while time.perf_counter() - began < VISIBLE_S:
        if server.ask(_body(LABELLED, label=label))["datasets"]["totalCount"] == count:
            return time.perf_counter() - began
        time.sleep(0.01)
    raise NotTheSame(f"a change of '{label}' is not shown")


def _body(query: str, **variables: Any) -> bytes:
    return json.dumps({"query": query, "variables": variables}).encode()


if __name__ == "__main__":
    found = measure_catalogue(USUAL_DATASETS)
    print(format_catalogue(found))
    print(format_goals(list(judge_catalogue(found))))
    print(f"{1000 * median(found.ours):.1f} ms of the processor a page, by hand {1000 * median(found.by_hand):.1f} ms")
