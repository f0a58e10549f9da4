"""What the S3 store does beyond the contract, on a real server: signatures, parts, a server that is down, slow or strange."""

import asyncio
import hashlib
import io
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from minio import Minio

from syndb_graphql.errors import BadInput, Conflict, RawDataUnavailable, SettingsError
from syndb_graphql.objects.minio import PART_BYTES, Bucket, MinioObjects

GLB = "model/gltf-binary"
NOWHERE = Bucket("http://127.0.0.1:1", "who", "s3cr3t-of-nobody", name="syndb", region="eu-west-1", timeout_s=0.5)
servers = pytest.mark.servers


async def put(objects, tmp_path, key, content, content_type=GLB):
    source = tmp_path / "source"
    source.write_bytes(content)
    await objects.put_file(key, source, content_type=content_type, sha256=hashlib.sha256(content).hexdigest())


async def content_of(objects, key, **span):
    return b"".join([piece async for piece in objects.read(key, **span)])


@pytest.fixture
def sdk(bucket):
    """The same bucket, seen by somebody else with the same keys."""
    return Minio(
        urlsplit(bucket.endpoint).netloc, bucket.access_key, bucket.secret_key, secure=False, region=bucket.region
    )


# ── Links ──
async def test_a_link_leads_to_the_public_address_and_is_made_without_the_store():
    objects = MinioObjects(replace(NOWHERE, prefix="lab/", public_endpoint="https://files.example.org"), 600)
    link = objects.link("ds/files/ab.glb", filename="Nervenzelle ü.glb", content_type=GLB)
    url = urlsplit(link.url)
    assert (url.scheme, url.netloc, url.path) == ("https", "files.example.org", "/syndb/lab/ds/files/ab.glb")
    query = {name: value for name, (value,) in parse_qs(url.query).items()}
    assert query["response-content-type"] == GLB
    assert "filename*=UTF-8''Nervenzelle%20%C3%BC.glb" in query["response-content-disposition"]
    assert query["X-Amz-Expires"] == "600"
    assert "/eu-west-1/s3/" in query["X-Amz-Credential"]
    signed = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert link.expires_at == signed + timedelta(seconds=600)
    assert "s3cr3t" not in link.url
    await objects.close()


async def test_a_link_to_no_key_or_of_no_content_type_is_refused():
    objects = MinioObjects(NOWHERE, 600)
    with pytest.raises(BadInput, match="is no key of a file"):
        objects.link("../x", filename="x", content_type=GLB)
    with pytest.raises(BadInput, match="is no key of a file"):
        objects.upload_link("a//b")
    with pytest.raises(BadInput, match="is no content type"):
        objects.link("a", filename="x", content_type="text/html\r\nSet-Cookie: a=b")
    await objects.close()


@servers
async def test_whoever_changes_a_link_is_refused(minio, tmp_path, browser):
    await put(minio, tmp_path, "ds/one.glb", b"one")
    await put(minio, tmp_path, "ds/two.glb", b"two")
    url = minio.link("ds/one.glb", filename="one.glb", content_type=GLB).url
    assert (await browser.get(url)).content == b"one"
    changes = [
        ("ds/one.glb", "ds/two.glb"),
        ("one.glb%22", "two.exe%22"),
        ("gltf-binary", "html"),
        ("X-Amz-Expires=3600", "X-Amz-Expires=360000"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ]
    for old, new in changes:
        assert url.count(old) == 1
        answer = await browser.get(url.replace(old, new))
        assert answer.status_code == 403, (old, answer.text)
    assert (await browser.get(url.partition("?")[0])).status_code == 403
    assert (await browser.put(url, content=b"mine now")).status_code == 403
    assert (await browser.delete(url)).status_code == 403


@servers
async def test_a_link_ends(bucket, tmp_path, browser):
    past = MinioObjects(bucket, 60, clock=lambda: time.time() - 61)
    await put(past, tmp_path, "ds/one.glb", b"one")
    link = past.link("ds/one.glb", filename="one.glb", content_type=GLB)
    assert link.expires_at < datetime.now(UTC)
    assert (await browser.get(link.url)).status_code == 403
    await past.close()


@servers
async def test_a_page_of_another_origin_may_read_parts_of_a_file(minio, tmp_path, browser):
    await put(minio, tmp_path, "ds/one.glb", b"0123456789")
    url = minio.link("ds/one.glb", filename="one.glb", content_type=GLB).url
    origin = {"Origin": "https://viewer.example.org"}
    answer = await browser.get(url, headers=origin | {"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")
    assert answer.headers["content-range"] == "bytes 2-4/10"
    assert answer.headers["access-control-allow-origin"] in ("*", origin["Origin"])
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
    before = await browser.options(url, headers=origin | asked)
    assert before.status_code in (200, 204)
    assert before.headers["access-control-allow-origin"] in ("*", origin["Origin"])


@servers
async def test_a_file_is_uploaded_by_a_link_and_then_has_to_be_what_was_promised(minio, tmp_path, browser):
    link = minio.upload_link("ds/up.glb")
    assert (await browser.put(link.url, content=b"uploaded")).status_code == 200
    assert await content_of(minio, "ds/up.glb") == b"uploaded"
    assert (await browser.put(link.url.replace("up.glb", "other.glb"), content=b"x")).status_code == 403
    assert (await browser.get(link.url)).status_code == 403
    await put(minio, tmp_path, "ds/up.glb", b"uploaded")
    with pytest.raises(Conflict):
        await put(minio, tmp_path, "ds/up.glb", b"promised")


# ── Files ──
@servers
async def test_a_large_file_goes_in_parts_and_comes_back_whole(minio, bucket, sdk, tmp_path):
    content = hashlib.shake_256(b"a mesh").digest(2 * PART_BYTES + 12_345)
    await put(minio, tmp_path, "ds/large.glb", content)
    found = sdk.stat_object(bucket.name, bucket.prefix + "ds/large.glb")
    assert found.etag.endswith("-3")
    assert found.content_type == GLB
    assert await content_of(minio, "ds/large.glb") == content
    middle = await content_of(minio, "ds/large.glb", start=PART_BYTES - 2, end=PART_BYTES + 3)
    assert middle == content[PART_BYTES - 2 : PART_BYTES + 3]
    await put(minio, tmp_path, "ds/large.glb", content)
    with pytest.raises(Conflict, match="never changed"):
        await put(minio, tmp_path, "ds/large.glb", content + b".")


@servers
async def test_a_large_file_that_was_changed_leaves_nothing_behind(minio, bucket, sdk, tmp_path):
    source = tmp_path / "changed"
    source.write_bytes(b"x" * (PART_BYTES + 1))
    with pytest.raises(BadInput, match="changed meanwhile"):
        await minio.put_file("ds/large.glb", source, content_type=GLB, sha256="0" * 64)
    assert await minio.stat("ds/large.glb") is None
    assert sdk._list_multipart_uploads(bucket.name, prefix=bucket.prefix).uploads == []


@servers
async def test_an_upload_that_was_killed_a_day_ago_is_removed_and_one_of_today_is_not(
    minio, bucket, sdk, monkeypatch, tmp_path
):
    await put(minio, tmp_path, "ds/kept.glb", b"kept")
    sdk._create_multipart_upload(bucket.name, bucket.prefix + "ds/killed.glb", {})
    assert await minio.remove_leftovers() == 0
    monkeypatch.setattr("syndb_graphql.objects.minio.LEFTOVER_S", -60)
    assert await minio.remove_leftovers(dry_run=True) == 1
    assert await minio.remove_leftovers() == 1
    assert await minio.remove_leftovers() == 0
    assert await content_of(minio, "ds/kept.glb") == b"kept"


@servers
async def test_what_others_keep_in_the_bucket_is_not_ours(minio, bucket, sdk, tmp_path):
    await put(minio, tmp_path, "ds/ours.glb", b"ours")
    for name in ("elsewhere/file", bucket.prefix + "no key!", bucket.prefix + ".hidden"):
        sdk.put_object(bucket.name, name, io.BytesIO(b"theirs"), 6)
    assert [key async for key in minio.list_keys("")] == ["ds/ours.glb"]


@servers
async def test_more_keys_than_a_page_are_listed(minio, bucket, sdk):
    names = [f"ds/files/{number:04}.swc" for number in range(1005)]
    for name in names:
        sdk.put_object(bucket.name, bucket.prefix + name, io.BytesIO(b""), 0)
    assert [key async for key in minio.list_keys("ds/")] == names


@servers
@pytest.mark.parametrize("first", ["check", "put", "neither"])
async def test_a_bucket_that_is_missing_is_made(bucket, tmp_path, first):
    objects = MinioObjects(replace(bucket, name=f"made-{first}-{uuid4().hex[:8]}"), 60)
    if first == "check":
        await objects.check()
    elif first == "neither":
        assert await objects.stat("ds/x.glb") is None
        assert [key async for key in objects.list_keys("")] == []
        assert await objects.remove_leftovers() == 0
        await objects.delete("ds/x.glb")
    await put(objects, tmp_path, "ds/x.glb", b"mesh")
    assert await content_of(objects, "ds/x.glb") == b"mesh"
    await objects.close()


# ── Failures ──
CALLS = {
    "stat": lambda objects, source: objects.stat("ds/x.glb"),
    "read": lambda objects, source: content_of(objects, "ds/x.glb"),
    "put": lambda objects, source: objects.put_file("ds/x.glb", source, content_type=GLB, sha256="0" * 64),
    "delete": lambda objects, source: objects.delete("ds/x.glb"),
    "list": lambda objects, source: anext(objects.list_keys("")),
    "leftovers": lambda objects, source: objects.remove_leftovers(),
    "check": lambda objects, source: objects.check(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_store_that_is_not_there_is_a_coded_error_that_names_nothing(call, tmp_path):
    (tmp_path / "x").write_bytes(b"")
    objects = MinioObjects(NOWHERE, 60)
    with pytest.raises(RawDataUnavailable) as refused:
        await call(objects, tmp_path / "x")
    assert str(refused.value) == "The store of files does not answer: it cannot be reached."
    await objects.close()


@servers
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_keys_that_the_store_does_not_know_are_a_coded_error(bucket, call, tmp_path):
    (tmp_path / "x").write_bytes(b"")
    objects = MinioObjects(replace(bucket, secret_key="another"), 60)
    with pytest.raises(RawDataUnavailable, match="it refuses this server's credentials"):
        await call(objects, tmp_path / "x")
    await objects.close()


@servers
async def test_a_paused_server_costs_each_call_its_time_and_holds_up_nobody_else(bucket, s3_server, tmp_path):
    objects = MinioObjects(replace(bucket, timeout_s=1, connections=2), 60)
    await put(objects, tmp_path, "ds/x.glb", b"mesh")
    s3_server.pause()
    began = time.monotonic()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    beside = asyncio.create_task(others())
    failed = await asyncio.gather(*(objects.stat("ds/x.glb") for _ in range(20)), return_exceptions=True)
    beside.cancel()
    took = time.monotonic() - began
    assert {str(each) for each in failed} == {"The store of files does not answer: it took too long."}
    assert 0.5 < took < 5  # one after the other they would take ten
    assert turns > 30
    s3_server.resume()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            assert (await objects.stat("ds/x.glb")).size == 4
            break
        except RawDataUnavailable:
            continue
    else:
        pytest.fail("it does not answer again")
    await objects.close()


@servers
async def test_while_the_store_is_down_nobody_is_given_a_link_to_it(bucket, s3_server, tmp_path, monkeypatch):
    monkeypatch.setattr("syndb_graphql.objects.minio.PROBE_EVERY_S", 0.05)
    objects = MinioObjects(bucket, 60)
    await put(objects, tmp_path, "ds/x.glb", b"mesh")
    watching = asyncio.create_task(objects.follow())

    async def link_until(*, given: bool) -> str:
        async with asyncio.timeout(30):
            while True:
                try:
                    found = objects.link("ds/x.glb", filename="x.glb", content_type=GLB).url
                except RawDataUnavailable as error:
                    found = str(error)
                if found.startswith("http") is given:
                    return found
                await asyncio.sleep(0.02)

    assert await link_until(given=True)
    s3_server.kill()
    assert (await link_until(given=False)).startswith("The store of files does not answer: ")
    await asyncio.to_thread(s3_server.start)
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(await link_until(given=True))).content == b"mesh"
    watching.cancel()
    await objects.close()


# ── Settings ──
@pytest.mark.parametrize("address", ["minio:9000", "ftp://minio", "http://minio/path", "http://", "http://minio:port"])
def test_an_address_that_is_none_is_refused(address):
    for field in ("endpoint", "public_endpoint"):
        with pytest.raises(SettingsError, match="SYNDB_S3_"):
            MinioObjects(replace(NOWHERE, **{field: address}), 60)


def test_the_secret_is_not_shown():
    assert "s3cr3t" not in repr(NOWHERE)
