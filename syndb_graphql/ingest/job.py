"""What all steps of one load share: the folder, what it says, what was found wrong, and who is told how far it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from syndb_graphql.ingest.config import LoadConfig
from syndb_graphql.ingest.files import FileStage
from syndb_graphql.ingest.report import Finding, Report, Severity
from syndb_graphql.ingest.survey import Survey
from syndb_graphql.ingest.tables import TableInput
from syndb_graphql.spec.model import Model


class Progress(Protocol):
    """Told of each step and how far it has come."""

    def begin(self, step: str, total: int, unit: str) -> None:
        """A step of `total` units ("B" for bytes, else a word such as "rows") begins; the one before has ended."""
        ...

    def reach(self, done: int) -> None:
        """So many units of the step are done."""
        ...


@dataclass(slots=True)
class Job:
    """One load."""

    folder: Path
    scratch: Path
    """For temporary files; removed when the load ends."""
    model: Model
    config: LoadConfig
    inputs: dict[str, TableInput]
    files: FileStage
    report: Report
    progress: Progress | None
    survey: Survey | None = None
    """Where there is one, it sees every row that is checked or written."""

    @property
    def dataset_id(self) -> bytes:
        return self.config.record.uuid.bytes

    def begin(self, step: str, total: int, unit: str) -> None:
        if self.progress:
            self.progress.begin(step, total, unit)

    def reach(self, done: int) -> None:
        if self.progress:
            self.progress.reach(done)

    def note(self, severity: Severity, rule: str, file: str, message: str, remedy: str) -> None:
        """Report something that is wrong with a file as a whole."""
        self.report.add(Finding(severity=severity, rule=rule, file=file, message=message, remedy=remedy))
