"""A table that lies in several files, read as one: the same columns in each, the rows of one after those of another."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from syndb_graphql.ingest.readers.batch import Batch, Remark, TableFile
from syndb_graphql.ingest.report import PART_ROWS, BadFile


class SeveralFiles:
    """Opened one by one. Rows are numbered as `PART_ROWS` says, columns named as in the first file."""

    def __init__(self, names: Sequence[str], files: Sequence[TableFile]) -> None:
        self._names, self._files = names, files
        self._done = 0
        self.columns: Sequence[str] = files[0].columns
        for name, file in zip(names[1:], files[1:], strict=True):
            _compare(names[0], self.columns, name, file.columns)

    @property
    def remarks(self) -> Sequence[Remark]:
        return [
            replace(remark, file=name)
            for name, file in zip(self._names, self._files, strict=True)
            for remark in file.remarks
        ]

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        self._done = 0
        for part, (name, file) in enumerate(zip(self._names, self._files, strict=True)):
            try:
                for batch in file.batches(columns):
                    yield Batch(batch.frame, part * PART_ROWS + batch.first_row, batch.spoiled)
            except BadFile as error:
                error.file = name
                raise
            self._done = part + 1

    def position(self) -> int:
        return sum(file.position() for file in self._files[: self._done + 1])


def _compare(first: str, columns: Sequence[str], name: str, others: Sequence[str]) -> None:
    """Raises BadFile where the columns are not the same, in any order."""
    missing = [column for column in columns if column not in others]
    added = [column for column in others if column not in columns]
    if not missing and not added:
        return
    wrong = f"'{missing[0]}' is missing" if missing else f"'{added[0]}' is in {name} alone"
    if missing and added:
        wrong = f"{wrong} and '{added[0]}' is new"
    error = BadFile(
        "columns-differ",
        f"The files of one table have the same columns; compared with {first}, in {name} {wrong}.",
        "Name the columns alike in all files, or leave the others out.",
        row=1,
        value=(missing or added)[0],
    )
    error.file = name
    raise error
