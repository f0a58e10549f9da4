"""A process that checks folders with one broken file each, and says what became of them.

python fuzzing.py HOME FIRST COUNT: files number FIRST and on, the same whenever they are made. The last line is a summary
as JSON. A file that is not answered for in order is kept in HOME/bad.
"""

import asyncio
import faulthandler
import io
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from meshes import CUBE, CUBE_POINTS, binary_ply, glb, glb_tree, obj, stl, stl_text
from workbooks import workbook

from syndb_graphql.ingest.html_report import HtmlReport
from syndb_graphql.ingest.load import load_folder
from syndb_graphql.ingest.survey import Survey
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.sqlite import SqliteStore

TOML = """
[dataset]
label = "Broken"
animal = "mouse"
microscopy = "FIB-SEM"
license = "CC-BY-4.0"
brain_regions = [{ structure = "primary visual cortex" }]
[tables.neuron]
length_unit = "um"
[files.mesh]
unit = "nm"
[files.skeleton]
unit = "um"
"""
HANGS_S = 120
"""Nobody waits so long for a file of some kB; where it hangs is printed then."""
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
WORDS = (
    b"-1 nan inf 1e999 99999999999999999999 9223372036854775807 -0 0x7f 1e-400 \xff\xfe \x00 \xc3 \xe2\x80\xae \r \n "
    b'" "" ; , \t \' = ../../etc/passwd /etc/passwd =1+1 -- {{ <!DOCTYPE &a; \xf0\x9f\x92\xa3 1,5 1.000,5 TRUE None'
).split(b" ")


# ── Sound files ──
def _frame() -> pl.DataFrame:
    n = np.arange(40)
    return pl.DataFrame(
        {
            "cid": n + 720575940600000000,
            "name": [f"cell {i} Ω" for i in n],
            "cable_length": n * 1.5 + 100,
            "mesh_volume": n * 2.5 + 900,
            "n_branches": n % 7,
            "complete": n % 2 == 0,
            "centroid_x": n * 10.5,
            "centroid_y": n * 11.5,
            "centroid_z": n * 12.5,
        }
    )


def _text(separator: str) -> bytes:
    return _frame().write_csv(separator=separator).encode()


def _parquet(**options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(_frame().to_arrow(), sink, **options)
    return sink.getvalue()


def _arrow(compression: str | None, *, as_stream: bool) -> bytes:
    sink, table = io.BytesIO(), _frame().to_arrow()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    new = pa.ipc.new_stream if as_stream else pa.ipc.new_file
    with new(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=16)
    return sink.getvalue()


def _sheet() -> bytes:
    frame = _frame().with_columns(pl.col("cid").cast(pl.String), pl.col("complete").cast(pl.Int8))
    return workbook([frame.columns, *frame.rows()])


def _swc() -> bytes:
    return b"# made up\n1 1 0 0 0 1 -1\n" + b"".join(
        f"{n} 3 {n}.5 {n % 7} {n % 5} 0.5 {n // 2}\n".encode() for n in range(2, 60)
    )


def _ascii_ply() -> bytes:
    head = "ply\nformat ascii 1.0\nelement vertex 8\nproperty float x\nproperty float y\nproperty float z\n"
    head += "element face 12\nproperty list uchar int vertex_indices\nend_header\n"
    points = "".join("{} {} {}\n".format(*point) for point in CUBE_POINTS)
    return (head + points + "".join("3 {} {} {}\n".format(*face) for face in CUBE)).encode()


def _off() -> bytes:
    points = "".join("{} {} {}\n".format(*point) for point in CUBE_POINTS)
    faces = "".join("3 {} {} {}\n".format(*face) for face in CUBE)
    return f"OFF\n8 12 0\n{points}{faces}".encode()


def sound_files() -> dict[str, list[bytes]]:
    """Files a load takes, by ending."""
    faces = CUBE.tolist()
    return {
        ".csv": [_text(","), _text(";"), b"\xef\xbb\xbf" + _text(",")],
        ".tsv": [_text("\t")],
        ".xlsx": [_sheet()],
        ".parquet": [_parquet(), _parquet(compression="zstd", use_dictionary=False), _parquet(compression="gzip")],
        ".arrow": [_arrow(None, as_stream=False), _arrow("lz4", as_stream=False), _arrow("zstd", as_stream=True)],
        ".swc": [_swc()],
        ".obj": [obj(CUBE_POINTS, CUBE).encode()],
        ".ply": [_ascii_ply(), binary_ply(faces), binary_ply(faces, order=">"), binary_ply([[0, 1, 3, 2], *faces])],
        ".stl": [stl(CUBE_POINTS[CUBE]), stl_text(CUBE_POINTS[CUBE]).encode()],
        ".off": [_off()],
        ".glb": [glb(*glb_tree())],
    }


# ── Breaking them ──
def broken(chance: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """The content with one to six mistakes in it."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(10):
            case 0 | 1 if data:
                place = at % len(data)
                data[place] ^= 1 << chance.randrange(8)
            case 2:
                data[at : at + chance.randrange(1, 9)] = chance.randbytes(chance.randrange(9))
            case 3:
                width = chance.choice((1, 2, 4, 8))
                number = chance.choice(NUMBERS) % 256**width
                data[at : at + width] = number.to_bytes(width, chance.choice(("little", "big")))
            case 4 | 5:
                data[at : at + chance.randrange(6)] = chance.choice(WORDS)
            case 6:
                del data[at : at + chance.randrange(1, max(2, len(data) // 3))]
            case 7:
                piece = bytes(data[at : at + chance.randrange(1, 200)])
                data[at:at] = piece * chance.choice((1, 2, 50))
            case 8:
                other = chance.choice(others)
                start = chance.randrange(len(other))
                data[at:at] = other[start : start + chance.randrange(1, 500)]
            case _:
                del data[at:]
    return bytes(data)


def broken_part(chance: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """A packed folder with mistakes in one of its parts, whose checksum is right."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as packed, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as again:
        names = packed.namelist()
        chosen = chance.choice([*names, "xl/worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"])
        for name in names:
            part = packed.read(name)
            again.writestr(name, broken(chance, part, others) if name == chosen else part)
    return sink.getvalue()


def make_file(number: int, sound: dict[str, list[bytes]]) -> tuple[str, bytes]:
    """Ending and content of the so manieth broken file."""
    chance = random.Random(number)
    # A spreadsheet is read by a process of its own, which takes a hundred times as long as a mesh.
    endings = [ending for ending in sound for _ in range(1 if ending == ".xlsx" else 4)]
    ending = chance.choice(endings)
    content = chance.choice(sound[ending])
    others = [file for files in sound.values() for file in files]
    breaks = broken_part if ending == ".xlsx" and chance.random() < 0.7 else broken
    content = breaks(chance, content, others)
    if chance.random() < 0.02:
        ending = chance.choice(endings)
    return ending, content


def write_folder(folder: Path, ending: str, content: bytes) -> Path:
    """A data set with this file in it; the file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "dataset.toml").write_text(TOML)
    if ending in (".swc", ".obj", ".ply", ".stl", ".off", ".glb"):
        column = "swc_path" if ending == ".swc" else "mesh_path"
        (folder / "neuron.csv").write_text(f"cid,{column}\n1,a{ending}\n")
        path = folder / f"a{ending}"
    else:
        path = folder / f"neuron{ending}"
    path.write_bytes(content)
    return path


# ── Loading them ──
class Trial:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._model = load_default_model()
        self._rows = SqliteStore(home / "syndb.sqlite", self._model, timeout_s=5)
        self._objects = LocalObjects(home / "files", (b"k" * 32,), 3600)
        self.answers: Counter[str] = Counter()
        self.slowest: tuple[float, int, str] = (0, -1, "")
        self.wrong: list[str] = []

    async def check(self, number: int, ending: str, content: bytes) -> None:
        path = write_folder(self._home / "folder", ending, content)
        began, survey = time.monotonic(), Survey()
        faulthandler.dump_traceback_later(HANGS_S, exit=True)
        try:
            result = await load_folder(
                self._home / "folder",
                model=self._model,
                rows=self._rows,
                objects=self._objects,
                owner="local",
                survey=survey,
                check_only=True,
            )
            HtmlReport().add(result, survey)
            self.answers[f"{ending} {result.status}"] += 1
        except Exception:  # noqa: BLE001 - whatever it is, it should have been a finding
            self._keep(number, path, traceback.format_exc())
        faulthandler.cancel_dump_traceback_later()
        self.slowest = max(self.slowest, (round(time.monotonic() - began, 3), number, ending))
        left = os.listdir(tempfile.gettempdir())  # noqa: PTH208 - iterdir is refused in what is async
        if left:
            self._keep(number, path, f"temporary files are left: {left}")

    def _keep(self, number: int, path: Path, reason: str) -> None:
        (self._home / "bad").mkdir(exist_ok=True)
        shutil.copy(path, self._home / "bad" / f"{number}{path.suffix}")
        self.wrong.append(f"file {number} ({path.suffix}): {reason}")
        print(self.wrong[-1], file=sys.stderr, flush=True)


async def main(home: Path, first: int, count: int) -> None:
    trial, sound = Trial(home), sound_files()
    for ending, files in sound.items():  # what is not broken is read, or nothing is tested
        for content in files:
            await trial.check(-1, ending, content)
    assert not [answer for answer in trial.answers if not answer.endswith("checked")], trial.answers
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, first + count):
        print(f"file {number}", flush=True)
        await trial.check(number, *make_file(number, sound))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    summary = {"answers": trial.answers, "slowest": trial.slowest, "grown_mb": grown / 1024, "wrong": trial.wrong}
    print(json.dumps(summary))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
