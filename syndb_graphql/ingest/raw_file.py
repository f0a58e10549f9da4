"""A contributor's raw file, whole and within bounds: what every reader of skeletons and meshes begins with.

What the bytes mean is left to those readers. Whether the path may leave the data set's folder is checked before, by the
loader.
"""

import math
from pathlib import Path

from syndb_graphql.ingest.report import BadFile

Scale = tuple[float, float, float]
"""Nanometres in one unit of the file, on x, y and z."""

MAX_BYTES = 1 << 30
"""Default bound on a raw file: the largest neuron meshes published are some hundred MB, and a file is read whole."""
MAX_LINE = 1 << 16
"""Bytes of a line of text; a node or a vertex takes some fifty, and a line longer than this is another format."""
MAX_COORDINATE_NM = 1e12
"""A kilometre. A larger coordinate is a mistake of units, and squares and cubes of it would lose their meaning."""
MAX_SHOWN = 60
"""Characters of a line that a message quotes."""


def read_raw(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file that holds something; raises BadFile where it is not one or over `max_bytes`."""
    try:
        if not path.is_file():
            what = "is not a regular file" if path.exists() else "does not exist"
            raise BadFile("file-missing", f"{path.name} {what}", "Give the path of a file, relative to the folder.")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
            size = path.stat().st_size
    except (OSError, ValueError) as error:
        message = f"{path.name} cannot be read: {error}"
        raise BadFile("file-unreadable", message, "Check its name and its rights.") from error
    if not data:
        raise BadFile("file-empty", f"{path.name} is empty", "Export it again, or leave the cell of its path empty.")
    if len(data) > max_bytes:
        raise BadFile(
            "file-too-large",
            f"{path.name} has {max(size, len(data)):,} bytes, at most {max_bytes:,} are accepted",
            "Simplify it or split it into several rows.",
        )
    return data


def as_lines(data: bytes) -> bytes:
    """Text with its lines ended by \\n alone and no byte order mark; refuses what is no text."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in data:
        raise BadFile("file-binary", "the file is binary where text was expected", "Save it as plain text, unpacked.")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    start = 0
    while len(data) - start > MAX_LINE:  # from line end to line end, in steps as long as a line may be
        end = data.rfind(b"\n", start, start + MAX_LINE + 1)
        if end < 0:
            line = data.count(b"\n", 0, start) + 1
            message = f"line {line} has over {MAX_LINE:,} bytes"
            raise BadFile("line-too-long", message, "Check that the file is what its ending says.", row=line)
        start = end + 1
    return data


def check_scale(scale: Scale) -> None:
    """Raises ValueError unless each axis has a positive, finite number of nanometres a unit."""
    if len(scale) != 3 or not all(math.isfinite(factor) and factor > 0 for factor in scale):
        raise ValueError(f"scale {scale!r}: three positive numbers are needed, nanometres a file unit on x, y and z")


def shown(raw: bytes) -> str:
    """Bytes of a file as a message may quote them: printable, and cut."""
    text = raw[: MAX_SHOWN * 4].decode("utf-8", "replace").strip()
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
