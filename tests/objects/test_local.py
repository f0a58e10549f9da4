"""What is the local folder's alone: what lies on the disk, and that no key leads out of it."""

import asyncio
import hashlib
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from syndb_graphql.errors import BadInput, RawDataUnavailable
from syndb_graphql.held import create_held
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.objects.paths import is_key, path_of

KEYS = (b"key",)
OPEN_FILES = Path("/proc/self/fd")


def count_open_files():
    return len(list(OPEN_FILES.iterdir()))


async def put(objects, tmp_path, key, content=b"mesh"):
    source = tmp_path / f"source-{random.random()}"
    source.write_bytes(content)
    await objects.put_file(key, source, content_type="text/plain", sha256=hashlib.sha256(content).hexdigest())


async def content_of(objects, key):
    return b"".join([piece async for piece in objects.read(key)])


async def test_a_file_lies_under_its_key_and_nothing_is_left_beside_it(local, folder, tmp_path):
    await put(local, tmp_path, "ds/files/x.glb")
    assert (folder / "ds/files/x.glb").read_bytes() == b"mesh"
    assert list((folder / ".incoming").iterdir()) == []


async def test_an_emptied_folder_goes_with_its_last_file(local, folder, tmp_path):
    await put(local, tmp_path, "ds/v1/neuron/part-00000.parquet")
    await put(local, tmp_path, "ds/v2/neuron/part-00000.parquet")
    await local.delete("ds/v1/neuron/part-00000.parquet")
    assert [path.name for path in (folder / "ds").iterdir()] == ["v2"]
    await local.delete("ds/v2/neuron/part-00000.parquet")
    assert [path.name for path in folder.iterdir()] == [".incoming"]


async def test_puts_and_deletes_at_the_same_time_lose_nothing(local, tmp_path):
    async def put_and_delete(key):
        for _ in range(10):
            await put(local, tmp_path, key)
            await local.delete(key)
        await put(local, tmp_path, key)

    keys = [f"ds/v1/{name}" for name in "abcd"]
    await asyncio.gather(*map(put_and_delete, keys))
    assert [key async for key in local.list_keys("")] == keys


async def test_many_put_the_same_file_at_once(local, folder, tmp_path):
    await asyncio.gather(*(put(local, tmp_path, "ds/same.glb", b"same" * 1000) for _ in range(8)))
    assert await content_of(local, "ds/same.glb") == b"same" * 1000
    assert list((folder / ".incoming").iterdir()) == []


async def test_what_a_killed_load_left_is_removed_and_what_is_being_written_is_not(folder, tmp_path):
    incoming = folder / ".incoming"
    incoming.mkdir(parents=True)
    (incoming / "left").write_bytes(b"half a mesh")
    objects = LocalObjects(folder, KEYS, 60)
    assert [key async for key in objects.list_keys("")] == []
    with create_held(incoming / "being-written"):
        assert await objects.remove_leftovers(dry_run=True) == 1
        assert (incoming / "left").exists()
        assert await objects.remove_leftovers() == 1
        assert await objects.remove_leftovers() == 0
        assert [path.name for path in incoming.iterdir()] == ["being-written"]
    assert await objects.remove_leftovers() == 1
    assert list(incoming.iterdir()) == []


async def test_a_folder_that_is_not_there_yet_has_no_leftovers(folder):
    assert await LocalObjects(folder, KEYS, 60).remove_leftovers() == 0


async def test_a_file_being_read_may_be_deleted(local, tmp_path):
    content = random.Random(1).randbytes(1_000_000)
    await put(local, tmp_path, "ds/x.glb", content)
    pieces = local.read("ds/x.glb")
    first = await anext(pieces)
    await local.delete("ds/x.glb")
    assert first + b"".join([piece async for piece in pieces]) == content


async def test_a_file_cut_while_it_is_read_is_a_failure_and_no_shorter_file(local, folder, tmp_path):
    await put(local, tmp_path, "ds/x.glb", bytes(1_000_000))
    pieces = local.read("ds/x.glb")
    await anext(pieces)
    os.truncate(folder / "ds/x.glb", 300_000)
    with pytest.raises(RawDataUnavailable, match=r"ends at byte 300000, though it had 1000000 bytes"):
        async for _ in pieces:
            pass


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="this system does not list the files a process has open")
async def test_a_reader_that_leaves_closes_the_file(local, tmp_path):
    await put(local, tmp_path, "ds/x.glb", bytes(1_000_000))
    before = count_open_files()
    pieces = local.read("ds/x.glb")
    await anext(pieces)
    assert count_open_files() == before + 1
    await pieces.aclose()
    assert count_open_files() == before


async def test_a_folder_that_cannot_be_used_is_said_without_its_path(tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")
    objects = LocalObjects(tmp_path / "taken" / "files", KEYS, 60)
    with pytest.raises(RawDataUnavailable, match="does not answer: Not a directory") as caught:
        await objects.check()
    assert str(tmp_path) not in str(caught.value)


async def test_a_folder_lost_while_in_use_is_a_failure_to_put(local, folder, tmp_path):
    await local.check()
    (folder / ".incoming").rmdir()
    (folder / ".incoming").write_text("in the way")
    with pytest.raises(RawDataUnavailable):
        await put(local, tmp_path, "ds/x.glb")
    with pytest.raises(RawDataUnavailable):
        await local.check()


async def test_the_folder_itself_may_be_a_link_to_another_disk(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "files").symlink_to(tmp_path / "disk")
    objects = LocalObjects(tmp_path / "files", KEYS, 60)
    await put(objects, tmp_path, "ds/x.glb")
    assert (tmp_path / "disk/ds/x.glb").read_bytes() == b"mesh"


async def test_a_symbolic_link_out_of_the_folder_is_not_followed(local, folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    await put(local, tmp_path, "ds/x.glb")
    (folder / "ds" / "out").symlink_to(outside)
    (folder / "ds" / "file").symlink_to(outside / "secret")
    (folder / "ds" / "loop").symlink_to(folder / "ds" / "loop")
    for key in ("ds/out/secret", "ds/file", "ds/out"):
        calls = [lambda k=key: local.stat(k), lambda k=key: content_of(local, k), lambda k=key: local.delete(k)]
        calls += [lambda k=key: put(local, tmp_path, k)]
        for call in calls:
            with pytest.raises(RawDataUnavailable, match="leads out of the folder"):
                await call()
    with pytest.raises(RawDataUnavailable, match="does not answer: Too many levels of symbolic links"):
        await local.stat("ds/loop")
    assert [key async for key in local.list_keys("")] == ["ds/x.glb"]
    assert [path.name for path in outside.iterdir()] == ["secret"]


NASTY = st.lists(
    st.sampled_from(
        ["..", ".", "/", "\\", "%2e%2e", "%2f", "\0", "out", "a", "~", " ", "\n", "．．", "∕", "C:", "", "secret"]
    ),
    max_size=12,
).map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.text(max_size=60) | NASTY | st.from_regex(r"[a-z./]{1,30}", fullmatch=True))
@example("/etc/passwd")
@example("a/../../secret")
@example("out/secret")
def test_no_key_whatever_leads_out_of_the_folder(tmp_path, key):
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)
    if not (root / "out").is_symlink():
        (root / "out").symlink_to(tmp_path)
    try:
        path = path_of(root, key)
    except BadInput:
        assert not is_key(key)
    except RawDataUnavailable:
        assert key.partition("/")[0] == "out"
    else:
        assert path != root
        assert path.resolve().is_relative_to(root)
