"""A table's file as checked rows: typed, in nm, in the vocabularies' words, each with its cid.

References stay the ids that the contributor wrote; which row they mean is found once all ids are known (references.py).
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

import numpy as np
import polars as pl

from syndb_graphql.catalog.vocabulary import Vocabulary
from syndb_graphql.ingest.columns import Role
from syndb_graphql.ingest.files import FileStage
from syndb_graphql.ingest.findings import note
from syndb_graphql.ingest.keys import derive_cids, to_series
from syndb_graphql.ingest.mangled import explain_numbers, odd_ids, odd_words
from syndb_graphql.ingest.numerals import Numerals
from syndb_graphql.ingest.plausibility import check_plausible, check_relations
from syndb_graphql.ingest.readers import Batch
from syndb_graphql.ingest.report import PART_ROWS, Report, Severity
from syndb_graphql.ingest.shapes import fill_shapes
from syndb_graphql.ingest.strays import set_aside
from syndb_graphql.ingest.tables import TableInput
from syndb_graphql.ingest.values import Problem, parse, parse_id, parse_point
from syndb_graphql.spec.model import Column, Model, Reference
from syndb_graphql.spec.naming import nearest, snake
from syndb_graphql.spec.types import BIGINT, FLOAT, INT, TEXT

ROW = "row_number"
"""Beside our own columns: number of the row in its file."""
_PLAIN_KEY = r"[^A-Za-z0-9_.~-]"
SOURCE_OF = {"neurotransmitter": "neurotransmitter_source"}
"""Columns that keep the contributor's own word of another."""
KEY_WHERE_GIVEN = "region"
"""Where a relation's row has one, it is the last part of its key: programs write a row for each region a pair meets in."""


class RowReader:
    """Reads one table; what is wrong goes into `report`."""

    def __init__(
        self,
        source: TableInput,
        *,
        dataset_id: bytes,
        model: Model,
        vocabularies: Mapping[str, Vocabulary],
        individual_id: str | None,
        files: FileStage,
        report: Report,
    ) -> None:
        self._source = source
        self._table = source.config.table
        self._layout = source.layout
        self._dataset_id = dataset_id
        self._table_names = _table_names(model)
        self._vocabularies = vocabularies
        self._individual_id = individual_id
        self._files = files
        self._report = report
        self._terms: dict[str, dict[str, str | None]] = {}
        self._numerals = Numerals(source.config.read.decimal, source.config.thousands)
        self._part = -1

    def read(self) -> Iterator[pl.DataFrame]:
        """Frames of the columns that can have a value, `cid` and `source_id` first, ROW last; no row without an id."""
        for batch in self._source.file.batches(self._layout.file_columns):
            frame = self._read_batch(batch)
            if frame.height:
                yield frame

    def _read_batch(self, batch: Batch) -> pl.DataFrame:
        rows = pl.Series(ROW, np.arange(batch.first_row, batch.first_row + batch.frame.height, dtype=np.int64))
        sound = self._note_spoiled(batch, rows)
        part = batch.first_row // PART_ROWS
        kept = set_aside(batch.frame, rows, self._layout, self._report, first=part != self._part)
        self._part = part
        if sound is not None:
            kept = sound if kept is None else kept & sound
        if kept is None:
            return self._read_frame(batch.frame, rows)
        return self._read_frame(batch.frame.filter(kept), rows.filter(kept))

    def _note_spoiled(self, batch: Batch, rows: pl.Series) -> pl.Series | None:
        """Report cells that hold no value; False for rows without an id or an end because of that, None where all have."""
        ids = [self._layout.source, *self._layout.by_role[Role.REFERENCE].values()]
        sound: pl.Series | None = None
        for column, several in batch.spoiled.items():
            for spoiled in several:
                where = spoiled.shown.is_not_null()
                if where.any():
                    problem = Problem(spoiled.rule, where, spoiled.message, spoiled.remedy)
                    self._note(problem, spoiled.shown, rows, column=column)
                    if column in ids:
                        sound = ~where if sound is None else sound & ~where
        return sound

    def _read_frame(self, frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
        columns: dict[str, pl.Series] = {}
        for name, given in self._layout.by_role[Role.PLAIN].items():
            columns |= self._read_plain(self._table.column[name], frame[given], rows)
        for name, given in self._layout.by_role[Role.POINT].items():
            columns |= self._read_point(name, frame[given], rows)
        for name, given in self._layout.by_role[Role.REFERENCE].items():
            columns[self._table.references[name].source] = self._read_id(frame[given], rows)
        for name, given in self._layout.by_role[Role.REFERENCE_TABLE].items():
            columns |= self._read_table_name(self._table.references[name], frame[given], rows)
        for name, values in columns.items():
            self._source.origins.count_given(name, values)
        for name, given in self._layout.by_role[Role.PATH].items():
            term, paths = self._table.term[name], frame[given]
            columns |= self._files.fill(
                self._table, term, paths, columns, rows, self._source.name, self._source.origins
            )
        columns |= fill_shapes(self._table, columns, rows, self._layout, self._report, self._source.origins)
        stated = {name: frame[named] for name, named in self._layout.by_role[Role.PLAIN].items()}
        check_plausible(self._table, columns, stated, rows, self._layout, self._report)
        check_relations(self._table, columns, stated, rows, self._layout, self._report)
        columns |= self._fill_individual(columns, len(rows))
        source = self._read_source(frame, columns, rows)
        cids = derive_cids(self._dataset_id, self._table.name, source.fill_null("").cast(pl.Binary).to_list())
        read = pl.DataFrame(
            [to_series("cid", cids), source, *(values.rename(name) for name, values in columns.items()), rows]
        )
        return read.filter(source.is_not_null()) if source.null_count() else read

    # ── One column ──
    def _read_plain(self, column: Column, given: pl.Series, rows: pl.Series) -> dict[str, pl.Series]:
        number = column.type in (FLOAT, INT, BIGINT)
        parsed = parse(self._numerals.to_plain(given) if number else given, column.type)
        self._note_problems(parsed.problems, given, rows)
        if column.type is TEXT and column.vocabulary is None:
            self._warn(odd_words(given), given, rows)
        values = parsed.values.rename(column.name)
        if (scale := self._layout.factors.get(column.name, 1.0)) != 1.0:
            values = values * scale
        self._check_bounds(column, values, given, rows)
        if column.vocabulary is None or column.vocabulary not in self._vocabularies:
            return {column.name: values}
        columns = {column.name: self._in_vocabulary(column, values, rows)}
        source = SOURCE_OF.get(column.name)
        if source is not None and source in self._table.column and source not in self._layout.by_role[Role.PLAIN]:
            columns[source] = values
        return columns

    def _read_point(self, term: str, given: pl.Series, rows: pl.Series) -> dict[str, pl.Series]:
        parsed = parse_point(self._numerals.split_point(given), self._source.config.axes)
        self._note_problems(parsed.problems, given, rows)
        columns = {}
        for axis in "xyz":
            name = f"{term}_{axis}"
            columns[name] = parsed.values.struct.field(axis) * self._layout.factors.get(name, 1.0)
        return columns

    def _read_id(self, given: pl.Series, rows: pl.Series) -> pl.Series:
        parsed = parse_id(given)
        self._note_problems(parsed.problems, given, rows)
        self._warn(odd_ids(given), given, rows)
        return parsed.values

    def _read_table_name(self, reference: Reference, given: pl.Series, rows: pl.Series) -> dict[str, pl.Series]:
        assert reference.table is not None
        words = given.cast(pl.String)
        known: dict[str, str | None] = {}
        for word in words.unique().drop_nulls():
            found = self._table_names.get(_fold(word))
            known[word] = found if found in reference.targets else None
        unknown = words.is_in([word for word, found in known.items() if found is None]).fill_null(value=False)
        if unknown.any():
            first = str(words.filter(unknown)[0])
            allowed = ", ".join(reference.targets)
            self._note(
                Problem(
                    "unknown-table",
                    unknown,
                    f"'{{value}}' is no table {reference.name} may lie in.{nearest(_fold(first), reference.targets)}",
                    f"The tables are {allowed}.",
                ),
                given,
                rows,
            )
        return {reference.table: words.replace_strict(known, default=None, return_dtype=pl.String)}

    def _read_source(self, frame: pl.DataFrame, columns: Mapping[str, pl.Series], rows: pl.Series) -> pl.Series:
        """The contributor's id of each row, or what stands for it: the row's key."""
        if self._layout.source is None:
            source, where = self._compose_source(columns)
            message, column = "One of the row's ends is missing.", "cid"
        else:
            given = frame[self._layout.source]
            source = self._read_id(given, rows)
            where = (
                source.is_null() & given.str.strip_chars().fill_null("").eq("")
                if given.dtype == pl.String
                else given.is_null()
            )
            message, column = "The row has no id.", self._layout.source
        if where.any():
            shown = pl.Series([""]).new_from_index(0, len(rows))
            problem = Problem("missing-id", where, message, "Give every row an id, or leave the row out.")
            self._note(problem, shown, rows, column=column)
        self._source.origins.count(
            "source_id", given=len(rows) if self._layout.source else 0, derived=0 if self._layout.source else len(rows)
        )
        return source.rename("source_id")

    def _compose_source(self, columns: Mapping[str, pl.Series]) -> tuple[pl.Series, pl.Series]:
        """`pre/post/type`, or `pre/post/type/region`, each part percent-encoded; null where a part that is a reference is missing."""
        names = [
            self._table.references[part].source if part in self._table.references else part for part in self._table.key
        ]
        height = len(next(iter(columns.values())))
        empty = pl.Series([""]).new_from_index(0, height)
        parts = [columns.get(name, empty).rename(name) for name in names]
        frame = pl.DataFrame([_percent_encoded(part.cast(pl.String)) for part in parts])
        joined = frame.select(pl.concat_str([pl.col(name).fill_null("") for name in names], separator="/")).to_series()
        if KEY_WHERE_GIVEN in columns:
            region = _percent_encoded(columns[KEY_WHERE_GIVEN])
            joined = joined.zip_with(region.is_null(), joined + "/" + region)
        ends = [self._table.references[part].source for part in self._table.key if part in self._table.references]
        missing = frame.select(pl.any_horizontal(pl.col(ends).is_null())).to_series()
        nothing = pl.Series([None], dtype=pl.String).new_from_index(0, height)
        return joined.zip_with(~missing, nothing), missing

    def _fill_individual(self, columns: Mapping[str, pl.Series], height: int) -> dict[str, pl.Series]:
        """The animal of the data set's sample, where the row states none."""
        name = "individual_id"
        if self._individual_id is None or name not in self._table.column:
            return {}
        stated = columns.get(name, pl.Series([None], dtype=pl.String).new_from_index(0, height))
        self._source.origins.count(name, derived=stated.null_count())
        return {name: stated.fill_null(self._individual_id)}

    # ── What is wrong ──
    def _check_bounds(self, column: Column, values: pl.Series, given: pl.Series, rows: pl.Series) -> None:
        below = (values < column.minimum) if column.minimum is not None else None
        above = (values > column.maximum) if column.maximum is not None else None
        for outside, bound in (
            (below, f"at least {column.minimum or 0:g}"),
            (above, f"at most {column.maximum or 0:g}"),
        ):
            if outside is not None and outside.any():
                problem = Problem(
                    "out-of-bounds", outside.fill_null(value=False), f"{column.name} is {bound}.", "Correct the value."
                )
                self._note(problem, given, rows)

    def _in_vocabulary(self, column: Column, values: pl.Series, rows: pl.Series) -> pl.Series:
        """Terms by their canonical names; unknown ones are kept, with a warning."""
        assert column.vocabulary is not None
        vocabulary = self._vocabularies[column.vocabulary]
        known = self._terms.setdefault(column.vocabulary, {})
        for word in values.unique().drop_nulls():
            if word not in known:
                found = vocabulary.find(word)
                known[word] = found.name if found else None
        unknown = values.is_in([word for word, name in known.items() if name is None]).fill_null(value=False)
        if unknown.any():
            message = f"'{{value}}' is no known {column.vocabulary.replace('_', ' ')}; it is kept as it is."
            problem = Problem("unknown-term", unknown, message, "Use a term of the vocabulary if one is meant.")
            self._note(problem, values, rows, severity=Severity.WARNING, column=column.name)
        renamed = {word: name for word, name in known.items() if name is not None and name != word}
        return values.replace(renamed) if renamed else values

    def _note_problems(self, problems: Sequence[Problem], given: pl.Series, rows: pl.Series) -> None:
        for problem in problems:
            numbers = problem.rule in ("not-a-number", "not-a-whole-number")
            for part in explain_numbers(problem, given) if numbers else (problem,):
                self._note(part, given, rows)

    def _warn(self, problems: Sequence[Problem], given: pl.Series, rows: pl.Series) -> None:
        for problem in problems:
            self._note(problem, given, rows, severity=Severity.WARNING)

    def _note(
        self,
        problem: Problem,
        given: pl.Series,
        rows: pl.Series,
        *,
        severity: Severity = Severity.ERROR,
        column: str | None = None,
    ) -> None:
        note(
            self._report,
            rule=problem.rule,
            file=self._source.name,
            column=column or given.name,
            where=problem.where,
            rows=rows,
            values=given,
            message=problem.message,
            remedy=problem.remedy,
            severity=severity,
        )


def _percent_encoded(values: pl.Series) -> pl.Series:
    odd = values.str.contains(_PLAIN_KEY).fill_null(value=False)
    if not odd.any():
        return values
    words = values.filter(odd).unique()
    return values.replace({word: quote(word, safe="") for word in words})


def _table_names(model: Model) -> dict[str, str]:
    """Folded spelling of a table → its name: `NEURON`, `DendriticSpine`, `dendritic spines`."""
    names = {}
    for table in model.tables.values():
        for word in itertools.chain((table.name, table.type_name, table.field, table.fields)):
            names[_fold(word)] = names[_fold(snake(word))] = table.name
    return names


def _fold(word: str) -> str:
    return word.strip().casefold().replace(" ", "_").replace("-", "_")
