"""Files with mistakes that nobody thought of: each is answered for, in bounded time and memory, and leaves nothing.

FUZZ says how many broken files are made (150 if it is not set), of every format that is read; number 7 is the same
whenever it is made. They are checked by a process of their own, so that one that ends the process is known for it.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syndb_graphql.ingest.load import load_folder
from syndb_graphql.ingest.result import LoadResult
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.store.sqlite import SqliteStore

from .conftest import write_folder

FILES = int(os.environ.get("FUZZ", "150"))
SECONDS_A_FILE = 20
"""What the slowest may take on a busy machine. All are some kB."""
GROWTH_MB = 300
"""Of the memory, over all files: a batch of rows, a mesh and what the libraries keep."""
ENDINGS = {".csv", ".tsv", ".xlsx", ".parquet", ".arrow", ".swc", ".obj", ".ply", ".stl", ".off", ".glb"}


def test_whatever_is_wrong_with_a_file_it_is_answered_for_and_leaves_nothing(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, str(Path(__file__).with_name("fuzzing.py")), str(tmp_path), "0", str(FILES)]
    with (tmp_path / "said").open("wb") as said:
        ended = subprocess.run(
            command,
            stdout=said,
            stderr=subprocess.PIPE,
            env=os.environ | {"TMPDIR": str(scratch)},
            timeout=60 + 2 * FILES,
            check=False,
        )
    lines = (tmp_path / "said").read_text().splitlines()
    assert ended.returncode == 0, f"after '{lines[-1] if lines else ''}':\n{ended.stderr.decode()[-3000:]}"
    summary = json.loads(lines[-1])
    assert summary["wrong"] == []
    assert summary["slowest"][0] < SECONDS_A_FILE, summary["slowest"]
    assert summary["grown_mb"] < GROWTH_MB
    answers = summary["answers"]
    assert {answer.split()[0] for answer in answers} == ENDINGS
    assert sum(count for answer, count in answers.items() if answer.endswith("failed")) > FILES / 2


CELLS = st.one_of(
    st.text(max_size=12),
    st.floats().map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(
        ["", '"', '""', "\r", "\n", ";", ",", "\t", "=1+1", "../x", "1,5", "1e400", "NULL", "\x00", "\ufeff"]
    ),
)


@pytest.fixture(scope="module")
def check(tmp_path_factory) -> Iterator[Callable[[dict[str, str | bytes]], LoadResult]]:
    home, model = tmp_path_factory.mktemp("fuzz"), load_default_model()
    rows = SqliteStore(home / "syndb.sqlite", model, timeout_s=5)
    objects = LocalObjects(home / "files", (b"k" * 32,), 3600)

    def check_files(files: dict[str, str | bytes]) -> LoadResult:
        folder = write_folder(home / "folder", files, rest="[tables.neuron]\nlength_unit = 'um'\n")
        loading = load_folder(folder, model=model, rows=rows, objects=objects, owner="local", check_only=True)
        return asyncio.run(loading)

    yield check_files
    asyncio.run(rows.close())


@settings(derandomize=True, database=None, max_examples=max(60, FILES // 10))
@given(
    header=st.lists(
        st.sampled_from(["cid", "name", "cable_length", "centroid_x", "complete", "parent_id", "Ω", ""]), max_size=5
    ),
    rows=st.lists(st.lists(CELLS, max_size=5), max_size=4),
    separator=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_text_is_a_table_or_a_finding(check, header, rows, separator, end):
    text = end.join(separator.join(cells) for cells in [header, *rows])
    result = check({"neuron.csv": text.encode("utf-8", "surrogatepass")})
    assert result.status == ("failed" if result.errors else "checked")
    assert all(finding.remedy for finding in result.findings)


@settings(derandomize=True, database=None, max_examples=max(60, FILES // 10))
@given(
    text=st.one_of(st.text(max_size=60), st.text("[]{}=.\"'#\n\tabc019-", max_size=60)),
    key=st.sampled_from(["", "[dataset]\n", "[tables.neuron]\n", "[files.mesh]\n"]),
)
def test_any_dataset_toml_is_read_or_refused(check, text, key):
    result = check({"dataset.toml": (key + text).encode("utf-8", "surrogatepass"), "neuron.csv": "cid\n1\n"})
    assert result.status == "failed"
    assert result.errors
