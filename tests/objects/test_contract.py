"""What every store of files promises; each test runs on each store."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from syndb_graphql.errors import BadInput, Conflict, RawDataUnavailable

DATASET = "6f0c1ed2-8f2c-5d0e-9d9f-0f6c8a9d1b77"
MESH = f"{DATASET}/files/{'ab' * 32}.glb"
GLB = "model/gltf-binary"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def put(objects, tmp_path):
    async def put(key, content):
        source = tmp_path / "source"
        source.write_bytes(content)
        await objects.put_file(key, source, content_type=GLB, sha256=sha256(content))

    return put


def is_open(path):
    """In this process."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("no /proc here, which tells the open files")
    return str(path) in {os.path.realpath(each) for each in descriptors.iterdir()}


async def content_of(objects, key, **span):
    return b"".join([piece async for piece in objects.read(key, **span)])


async def keys_of(objects, prefix):
    return [key async for key in objects.list_keys(prefix)]


async def test_a_file_put_is_read_back_and_described(objects, put):
    await put(MESH, b"glTF and so on")
    assert await content_of(objects, MESH) == b"glTF and so on"
    info = await objects.stat(MESH)
    assert (info.key, info.size) == (MESH, 14)
    assert info.etag
    assert info.modified.utcoffset().total_seconds() == 0


async def test_an_empty_file_is_a_file(objects, put):
    await put(MESH, b"")
    assert (await objects.stat(MESH)).size == 0
    assert await content_of(objects, MESH) == b""


async def test_a_large_file_comes_in_pieces_of_at_most_a_mebibyte(objects, put):
    content = bytes(range(256)) * 12_345
    await put(MESH, content)
    pieces = [piece async for piece in objects.read(MESH)]
    assert b"".join(pieces) == content
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 1_048_576


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 4), (3, 9), (9, None), (0, None), (5, 5), (8, 10**30), (10, None), (999, None), (10**30, None)],
)
async def test_a_part_of_a_file_is_the_slice(objects, put, start, end):
    await put(MESH, b"0123456789")
    assert await content_of(objects, MESH, start=start, end=end) == b"0123456789"[start:end]


@pytest.mark.parametrize(("start", "end"), [(-1, None), (5, 4), (-3, -1)])
async def test_a_part_that_is_none_is_refused(objects, put, start, end):
    await put(MESH, b"0123456789")
    with pytest.raises(BadInput):
        await content_of(objects, MESH, start=start, end=end)


async def test_a_file_that_is_not_there(objects):
    assert await objects.stat(MESH) is None
    with pytest.raises(RawDataUnavailable, match="not in the store"):
        await content_of(objects, MESH)
    await objects.delete(MESH)
    assert await keys_of(objects, "") == []


async def test_what_lies_above_a_file_is_no_file(objects, put):
    await put(MESH, b"mesh")
    assert await objects.stat(DATASET) is None
    await objects.delete(DATASET)
    with pytest.raises(RawDataUnavailable):
        await content_of(objects, f"{DATASET}/files")
    assert await content_of(objects, MESH) == b"mesh"


async def test_what_lies_below_a_file_is_not_there(objects, put):
    await put(MESH, b"mesh")
    assert await objects.stat(f"{MESH}/more") is None
    await objects.delete(f"{MESH}/more")


async def test_a_file_that_differs_from_its_checksum_is_not_stored(objects, tmp_path):
    source = tmp_path / "changed.glb"
    source.write_bytes(b"changed since it was measured")
    with pytest.raises(BadInput, match="changed meanwhile"):
        await objects.put_file(MESH, source, content_type=GLB, sha256=sha256(b"measured"))
    assert await objects.stat(MESH) is None
    assert await keys_of(objects, "") == []


async def test_a_source_that_is_not_there_is_named(objects, tmp_path):
    with pytest.raises(BadInput, match=r"missing\.glb cannot be read: No such file"):
        await objects.put_file(MESH, tmp_path / "missing.glb", content_type=GLB, sha256=sha256(b""))


async def test_a_put_that_is_cancelled_stores_nothing_afterwards(objects, tmp_path):
    """Its thread is over when it is: nobody reads the file any more."""
    source = tmp_path / "large.glb"
    content = bytes(64 * 2**20)
    source.write_bytes(content)
    storing = asyncio.create_task(objects.put_file(MESH, source, content_type=GLB, sha256=sha256(content)))
    async with asyncio.timeout(10):
        while not is_open(source):  # noqa: ASYNC110 - nobody tells that a thread has begun
            await asyncio.sleep(0)
    storing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await storing
    assert not is_open(source)
    assert await objects.stat(MESH) is None
    assert await keys_of(objects, "") == []
    assert await objects.remove_leftovers() == 0


async def test_a_checksum_in_capitals_is_the_same_checksum(objects, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"mesh")
    await objects.put_file(MESH, source, content_type=GLB, sha256=sha256(b"mesh").upper())
    assert await content_of(objects, MESH) == b"mesh"


async def test_the_same_file_again_changes_nothing(objects, put):
    await put(MESH, b"mesh")
    before = await objects.stat(MESH)
    await put(MESH, b"mesh")
    assert await objects.stat(MESH) == before


async def test_another_file_under_a_taken_key_is_a_conflict(objects, put):
    await put(MESH, b"mesh")
    with pytest.raises(Conflict, match="never changed"):
        await put(MESH, b"Mesh")
    assert await content_of(objects, MESH) == b"mesh"


async def test_keys_are_listed_by_prefix_in_the_order_of_their_text(objects, put):
    keys = ["a/b/1.glb", "a/b-c", "a/b.swc", "a/c/v1/neuron/part-00000.parquet", "ab", "b"]
    for key in reversed(keys):
        await put(key, key.encode())
    assert await keys_of(objects, "") == sorted(keys)
    assert await keys_of(objects, "a/") == sorted(keys)[:4]
    assert await keys_of(objects, "a/b") == ["a/b-c", "a/b.swc", "a/b/1.glb"]
    assert await keys_of(objects, "a/b/1.glb") == ["a/b/1.glb"]
    assert await keys_of(objects, "a/c/v1/neuron/part-00000.") == ["a/c/v1/neuron/part-00000.parquet"]
    assert await keys_of(objects, "z") == []
    assert await keys_of(objects, "b/") == []


async def test_a_listing_may_be_left_early_and_outlives_deletes(objects, put):
    for number in range(5):
        await put(f"d{number}/file", b"")
    async for key in objects.list_keys(""):
        await objects.delete(key)
    assert await keys_of(objects, "") == []


async def test_a_deleted_file_is_gone_and_may_be_put_again(objects, put):
    await put(MESH, b"mesh")
    await put(f"{DATASET}/v1/neuron/part-00000.parquet", b"PAR1")
    await objects.delete(MESH)
    assert await keys_of(objects, "") == [f"{DATASET}/v1/neuron/part-00000.parquet"]
    await put(MESH, b"another")
    assert await content_of(objects, MESH) == b"another"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        ".hidden",
        "a/.b",
        "a.",
        "a\0b",
        "a b",
        "a\\b",
        "a\n",
        "é.glb",
        "c:/x",
        "~root",
        "%2e%2e/x",
        "a?b",
        "a#b",
        "*",
        "x" * 201,
        "/".join(["x" * 99] * 6),
    ],
)
async def test_a_key_that_is_none_is_refused_everywhere(objects, put, key):
    calls = [
        lambda: put(key, b""),
        lambda: objects.stat(key),
        lambda: content_of(objects, key),
        lambda: objects.delete(key),
    ]
    for call in calls:
        with pytest.raises(BadInput, match="is no key of a file"):
            await call()
    with pytest.raises(BadInput, match="is no key of a file"):
        objects.link(key, filename="mesh.glb", content_type=GLB)


@pytest.mark.parametrize("prefix", ["/", "../", "a/../", ".", "a//", "x" * 513, "é", "a\0"])
async def test_a_prefix_that_no_key_has_is_refused(objects, prefix):
    with pytest.raises(BadInput, match="begins no key"):
        await keys_of(objects, prefix)


async def test_anyone_with_the_link_fetches_the_file_under_its_name(objects, put, browser):
    await put(MESH, b"glTF")
    link = objects.link(MESH, filename="neuron 720575940.glb", content_type=GLB)
    answer = await browser.get(link.url)
    assert (answer.status_code, answer.content) == (200, b"glTF")
    assert answer.headers["content-type"] == GLB
    assert 'filename="neuron 720575940.glb"' in answer.headers["content-disposition"]
    part = await browser.get(link.url, headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"lT")


async def test_a_link_is_made_without_asking_the_store(objects):
    link = objects.link(MESH, filename="mesh.glb", content_type=GLB)
    assert link.expires_at.utcoffset().total_seconds() == 0


async def test_a_working_store_answers(objects, put):
    await objects.check()
    await put(MESH, b"mesh")
    await objects.check()
    assert await keys_of(objects, "") == [MESH]


async def test_removing_leftovers_leaves_every_file(objects, put):
    await put(MESH, b"mesh")
    assert await objects.remove_leftovers(dry_run=True) == 0
    assert await objects.remove_leftovers() == 0
    assert await keys_of(objects, "") == [MESH]
