"""What is measured of one mesh or skeleton: here in this process, or run as a process of its own for many of them.

As a program it reads a `Task` a line from standard input, and answers each with an `Outcome` on standard output, as
JSON; it ends when its input does, and so with the load that started it, however that ended.
"""

import signal
import sys
from pathlib import Path

import msgspec

from syndb_graphql.ingest.mesh import MeshMeasures, convert_mesh
from syndb_graphql.ingest.parquet import file_sha256
from syndb_graphql.ingest.raw_file import Scale
from syndb_graphql.ingest.report import BadFile
from syndb_graphql.ingest.skeleton import SkeletonMeasures, measure_skeleton


class Task(msgspec.Struct, frozen=True):
    source: str
    scale: Scale
    """nm in one unit of the file."""
    target: str | None = None
    """Where a mesh is written as .glb; None for a skeleton."""


class Refusal(msgspec.Struct, frozen=True):
    """A `BadFile`, in words that can be sent."""

    rule: str
    message: str
    remedy: str
    row: int | None = None
    value: str | None = None

    def error(self) -> BadFile:
        return BadFile(self.rule, self.message, self.remedy, row=self.row, value=self.value)


class Outcome(msgspec.Struct, frozen=True):
    """One of them."""

    mesh: MeshMeasures | None = None
    skeleton: SkeletonMeasures | None = None
    refusal: Refusal | None = None
    errno: int | None = None
    """Of the system, such as a full disk."""
    sha256: str = ""
    """Of the target."""


def measure_file(task: Task) -> Outcome:
    try:
        if task.target is None:
            return Outcome(skeleton=measure_skeleton(Path(task.source), task.scale))
        target = Path(task.target)
        return Outcome(mesh=convert_mesh(Path(task.source), target, task.scale), sha256=file_sha256(target))
    except BadFile as error:
        return Outcome(refusal=Refusal(error.rule, error.message, error.remedy, error.row, error.value))
    except OSError as error:
        if error.errno is None:
            raise
        return Outcome(errno=error.errno)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the load, which then ends this
    decode, encode = msgspec.json.Decoder(Task).decode, msgspec.json.Encoder().encode
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(encode(measure_file(decode(line))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
