"""What a load says where a disk is full: which folder, how much it has left, about how much is needed.

Nothing is refused beforehand: the need is an estimate, and other programs use the same disk.
"""

import shutil
from contextlib import suppress
from tempfile import gettempdir

from syndb_graphql.errors import DiskFull
from syndb_graphql.ingest.job import Job

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
SCRATCH_FACTOR, STORE_FACTOR = {True: 1.5, False: 4.0}, {True: 4.0, False: 6.0}
"""Bytes of temporary files, and of rows with their Parquet, for one byte of a table that is text, or is packed.
Measured of made-up synapses with every column: 1.3 and 3.8, 1.7 and 4.9; of a text with two columns 3.5 for its rows."""


def explain_full_scratch(job: Job | None) -> DiskFull:
    """The folder for temporary files is full."""
    remedy = "Make room, or set TMPDIR to another folder. Nothing was published."
    return _explain(gettempdir(), _need(job, SCRATCH_FACTOR), f"for temporary files. {remedy}")


def explain_full_store(error: DiskFull, job: Job | None) -> DiskFull:
    """A store says that its folder is full."""
    remedy = "Make room, or set SYNDB_DATA to another folder. Nothing was published; what was before is as it was."
    return _explain(error.folder, _need(job, STORE_FACTOR), f"for its rows and files. {remedy}")


def _explain(folder: str, need: int, rest: str) -> DiskFull:
    free = 0
    with suppress(OSError):
        free = shutil.disk_usage(folder).free
    return DiskFull(folder, f"{_size(free)} are free; this load needs about {_size(need)} there {rest}")


def _need(job: Job | None, factors: dict[bool, float]) -> int:
    if job is None:
        return 0
    need = 0.0
    for source in job.inputs.values():
        for path in source.paths:
            with suppress(OSError):
                need += path.stat().st_size * factors[path.suffix.lower() in TEXT_SUFFIXES]
    for name in job.files.checksums:
        with suppress(OSError):
            need += (job.folder / name).stat().st_size
    return int(need)


def _size(number: int) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.1f} MB"
