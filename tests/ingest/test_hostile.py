"""Small files made to fill memory, disk or time, and folders made to lead elsewhere: refused at once, in words."""

import io
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .conftest import TOML, Lab

LONG = "x" * 1_000_000
MESH = "[files.mesh]\nunit = 'nm'\n"


def parquet(**columns) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


def arrow(**columns) -> bytes:
    sink, batch = io.BytesIO(), pa.record_batch(columns)
    with pa.ipc.new_file(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write(batch)
    return sink.getvalue()


def said_again(count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), [LONG])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("neuron.parquet", parquet(cid=np.arange(50_000), name=said_again(50_000))),
        ("neuron.arrow", arrow(cid=np.arange(50_000), name=said_again(50_000))),
        ("neuron.parquet", parquet(cid=pa.nulls(100_000_000, pa.int8()))),
    ],
    ids=["a long text in Parquet", "a long text in Arrow", "rows of nothing"],
)
async def test_a_table_that_says_the_same_again_and_again_is_refused(lab: Lab, name: str, content: bytes) -> None:
    assert len(content) < 3_000_000
    lab.fill({name: content})
    found = {finding.rule: finding.message for finding in await lab.refuse()}
    assert "times its size" in found["expands-too-far"]


@pytest.mark.parametrize(
    "broken",
    ["x = " + "[" * 100_000, "x = " + "{a=" * 20_000, "a." * 100_000 + "b = 1", "x = " + "9" * 900_000],
    ids=["lists", "tables", "keys", "a number"],
)
async def test_a_dataset_toml_without_end_is_refused(lab: Lab, broken: str) -> None:
    lab.fill({"dataset.toml": broken, "neuron.csv": "cid\n1\n"})
    assert (await lab.refuse_once()).rule == "bad-toml"


async def test_a_dataset_toml_that_lies_elsewhere_is_not_read(lab: Lab) -> None:
    (lab.home / "secret.toml").write_text("password = 'tulip'")
    lab.fill({"neuron.csv": "cid\n1\n"})
    (lab.folder / "dataset.toml").unlink()
    (lab.folder / "dataset.toml").symlink_to(lab.home / "secret.toml")
    finding = await lab.refuse_once()
    assert finding.rule == "outside-folder"
    assert "password" not in finding.message


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian"])
async def test_a_mesh_that_claims_a_million_million_corners_is_refused(lab: Lab, kind: str) -> None:
    ply = f"ply\nformat {kind} 1.0\nelement vertex 999999999999\nproperty float x\nproperty float y\nproperty float z\n"
    ply += "element face 999999999999\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n"
    lab.fill({"neuron.csv": "cid,mesh_path\n1,a.ply\n", "a.ply": ply}, rest=MESH)
    assert (await lab.refuse_once()).rule == "mesh-truncated"


async def test_a_mesh_that_claims_four_gigabytes_or_is_nested_without_end_is_refused(lab: Lab) -> None:
    deep = b'{"asset":{"version":"2.0"},"extras":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"
    lab.fill(
        {
            "neuron.csv": "cid,mesh_path\n1,a.glb\n2,b.glb\n",
            "a.glb": struct.pack("<4s4I", b"glTF", 2, 0xFFFFFFFF, 0xFFFFFFF0, 0x4E4F534A) + b"{}",
            "b.glb": struct.pack("<4s4I", b"glTF", 2, 20 + len(deep), len(deep), 0x4E4F534A) + deep,
        },
        rest=MESH,
    )
    findings = await lab.refuse()
    assert {finding.rule for finding in findings} == {"mesh-truncated", "mesh-unreadable"}


async def test_names_and_values_are_never_sql_and_never_formulas(lab: Lab) -> None:
    evil = "'; DROP TABLE neuron; --"
    formula = "=HYPERLINK(1)"
    lab.fill(
        {"dataset.toml": TOML.format(label=evil, dataset="", rest=""), "neuron.csv": f"cid,name\n{evil},{formula}\n"}
    )
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "name") == {evil: formula}
    lab.fill({"dataset.toml": TOML.format(label=evil, dataset="", rest=""), "neuron.csv": f'cid,"{evil}"\n1,2\n'})
    result = await lab.load()
    assert {finding.rule for finding in result.findings if finding.severity == "error"} >= {"unknown-column"}
