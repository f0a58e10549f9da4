"""Files over HTTP: what browsers, wget, curl -C, DuckDB and three.js do with the links they are given."""

import hashlib
import json
import random
from email.utils import format_datetime
from urllib.parse import quote, unquote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from syndb_graphql.api.files import files_routes
from syndb_graphql.objects.keys import sign
from syndb_graphql.objects.links import make_link
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.objects.protocol import content_disposition

KEYS = (b"a secret key for these tests alone",)
NOW = 1_790_000_000
SWC = b"# a soma and one point\n1 1 0 0 0 5 -1\n2 3 0 0 9 1 1\n"
KEY = f"ds/files/{hashlib.sha256(SWC).hexdigest()}.swc"


class Clock:
    now = float(NOW)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def objects(tmp_path, clock):
    return LocalObjects(tmp_path / "files", KEYS, 3600, clock)


@pytest.fixture
async def client(objects):
    app = Starlette(routes=files_routes(objects))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        yield client


@pytest.fixture
def share(objects, tmp_path):
    """Put a file and return a link to it."""

    async def share(content=SWC, key=KEY, filename="neuron.swc", content_type="text/plain"):
        source = tmp_path / "source"
        source.write_bytes(content)
        await objects.put_file(key, source, content_type=content_type, sha256=hashlib.sha256(content).hexdigest())
        return objects.link(key, filename=filename, content_type=content_type).url

    return share


def error_of(answer):
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert list(answer.json()) == ["error"]
    assert list(answer.json()["error"]) == ["code", "message"]
    return answer.json()["error"]


async def test_a_link_downloads_the_file(client, share):
    answer = await client.get(await share())
    assert (answer.status_code, answer.content) == (200, SWC)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-length"] == str(len(SWC))
    assert answer.headers["content-disposition"] == 'attachment; filename="neuron.swc"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=3600"
    assert answer.headers["etag"].startswith('"')


@pytest.mark.parametrize(
    ("key", "content_type"),
    [("ds/files/m.glb", "model/gltf-binary"), ("ds/v1/neuron/part-00000.parquet", "application/vnd.apache.parquet")],
)
async def test_meshes_and_tables_come_as_what_they_are(client, share, key, content_type):
    answer = await client.get(await share(key=key, content_type=content_type))
    assert answer.headers["content-type"] == content_type


async def test_a_large_mesh_comes_whole(client, share):
    content = random.Random(1).randbytes(3_000_001)
    answer = await client.get(await share(content))
    assert answer.content == content


async def test_an_empty_file_comes_empty(client, share):
    url = await share(b"")
    answer = await client.get(url)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert (await client.get(url, headers={"Range": "bytes=0-"})).status_code == 416


async def test_head_says_all_but_the_content(client, share):
    url = await share()
    get, head = await client.get(url), await client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers
    ranged = await client.head(url, headers={"Range": "bytes=0-3"})
    assert (ranged.status_code, ranged.headers["content-length"]) == (200, str(len(SWC)))


async def test_nothing_but_get_and_head_is_allowed(client, share):
    url = await share()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = await client.request(method, url)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_max_age_ends_with_the_link(client, share, clock):
    url = await share()
    clock.now += 2999.5
    assert (await client.get(url)).headers["cache-control"] == "private, max-age=600"


# Links that are not good


async def test_an_expired_link_says_so_and_how_to_get_another(client, share, clock):
    url = await share()
    clock.now += 3600
    answer = await client.get(url)
    assert answer.status_code == 403
    error = error_of(answer)
    assert error["code"] == "FORBIDDEN"
    assert "expired at 2026-09-21T" in error["message"]
    assert "Ask for the file's `url` again" in error["message"]


async def test_foreign_changed_and_unsigned_links_look_alike(client, share):
    url = await share()
    foreign = make_link((b"another server's key",), KEY, "neuron.swc", "text/plain", NOW + 3600).url
    answers = [
        await client.get(bad)
        for bad in (
            foreign,
            url.split("?")[0],
            url.split("&signature")[0],
            url.replace("neuron.swc", "other.swc"),
            url.replace("expires=1", "expires=2"),
            url.replace("text%2Fplain", "text%2Fhtml"),
            url.replace(KEY, "ds/files/other.swc"),
            "/files/",
            "/files/nothing/there",
        )
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1
    assert error_of(answers[0])["code"] == "FORBIDDEN"


async def test_a_refused_head_has_no_body(client):
    answer = await client.head("/files/ds/x.swc")
    assert (answer.status_code, answer.content) == (403, b"")


async def test_a_signature_for_another_purpose_opens_no_file(client, share):
    url = await share()
    signed = json.dumps([KEY, str(NOW + 3600), "neuron.swc", "text/plain"]).encode()
    assert url.endswith("signature=" + sign(KEYS, "link", signed))
    cursor = sign(KEYS, "cursor", signed)
    assert (await client.get(url.split("&signature")[0] + f"&signature={cursor}")).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "%2e%2e/secret",
        "ds/%2e%2e/%2e%2e/secret",
        "%2e%2e%2fsecret",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "..%5Csecret",
        "%00",
    ],
)
async def test_a_path_that_leaves_the_folder_is_refused_even_when_signed(client, share, tmp_path, path):
    await share()
    (tmp_path / "secret").write_text("secret")
    signed = sign(KEYS, "link", json.dumps([unquote(path), str(NOW + 60), "x", "text/plain"]).encode())
    answer = await client.get(f"/files/{path}?expires={NOW + 60}&name=x&type=text%2Fplain&signature={signed}")
    assert answer.status_code == 403
    assert b"secret" not in answer.content


async def test_a_file_that_was_deleted_is_404(client, share, objects):
    url = await share()
    await objects.delete(KEY)
    answer = await client.get(url)
    assert answer.status_code == 404
    assert error_of(answer)["code"] == "RAW_DATA_UNAVAILABLE"
    assert (await client.head(url)).content == b""


async def test_a_store_that_does_not_answer_is_503(client, share, tmp_path):
    url = await share()
    path = tmp_path / "files" / KEY
    path.unlink()
    path.symlink_to(path)
    answer = await client.get(url)
    assert answer.status_code == 503
    assert error_of(answer)["code"] == "RAW_DATA_UNAVAILABLE"
    assert str(tmp_path) not in answer.text


# Ranges

TEN = b"0123456789"


@pytest.mark.parametrize(
    ("asked", "expected", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=9-9", b"9", "bytes 9-9/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=0-", TEN, "bytes 0-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", TEN, "bytes 0-9/10"),
        ("bytes=7-99", b"789", "bytes 7-9/10"),
        ("Bytes= 1-2 ", b"12", "bytes 1-2/10"),
    ],
)
async def test_a_range_is_answered_with_that_part(client, share, asked, expected, content_range):
    answer = await client.get(await share(TEN), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["content-range"] == content_range
    assert answer.headers["content-length"] == str(len(expected))


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0"])
async def test_a_range_beyond_the_end_cannot_be_met(client, share, asked):
    answer = await client.get(await share(TEN), headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */10"
    assert "has 10 bytes" in error_of(answer)["message"]


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,3-4",
        "bytes=" + ",".join(["0-"] * 5000),
        "bytes=5-2",
        "bytes=-",
        "bytes=",
        "bytes",
        "lines=1-2",
        "bytes=a-b",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=0-" + "9" * 5000,
        "bytes=--1",
    ],
)
async def test_several_ranges_and_what_is_none_get_the_whole_file(client, share, asked):
    answer = await client.get(await share(TEN), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, TEN)
    assert "content-range" not in answer.headers


async def test_a_broken_download_resumes_only_into_the_same_file(client, share):
    url = await share(TEN)
    whole = await client.get(url)
    for validator in (whole.headers["etag"], whole.headers["last-modified"]):
        answer = await client.get(url, headers={"Range": "bytes=5-", "If-Range": validator})
        assert (answer.status_code, answer.content) == (206, b"56789")
    for validator in ('"other"', "W/" + whole.headers["etag"], "Thu, 01 Jan 1970 00:00:00 GMT", "x"):
        answer = await client.get(url, headers={"Range": "bytes=5-", "If-Range": validator})
        assert (answer.status_code, answer.content) == (200, TEN)


# Validators


async def test_who_has_the_file_is_not_sent_it_again(client, share):
    url = await share()
    first = await client.get(url)
    etag = first.headers["etag"]
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        for method in ("GET", "HEAD"):
            answer = await client.request(method, url, headers={"If-None-Match": tags})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == etag
            assert answer.headers["cache-control"] == "private, max-age=3600"
    for tags in ('"other"', etag.strip('"'), ""):
        assert (await client.get(url, headers={"If-None-Match": tags})).status_code == 200


async def test_the_date_counts_where_no_tag_is_given(client, share, objects):
    url = await share()
    modified = (await objects.stat(KEY)).modified
    since = {"If-Modified-Since": format_datetime(modified, usegmt=True)}
    assert (await client.get(url, headers=since)).status_code == 304
    assert (await client.get(url, headers=since | {"If-None-Match": '"other"'})).status_code == 200
    for date in ("Thu, 01 Jan 1970 00:00:00 GMT", "yesterday", "Thu, 01 Jan 2099 00:00:00 -0000", ""):
        assert (await client.get(url, headers={"If-Modified-Since": date})).status_code == 200


async def test_a_file_put_anew_has_another_tag(client, share, objects):
    url = await share(b"first")
    before = (await client.get(url)).headers["etag"]
    await objects.delete(KEY)
    await share(b"second, longer")
    answer = await client.get(url, headers={"If-None-Match": before})
    assert (answer.status_code, answer.content) == (200, b"second, longer")


async def test_no_header_whatever_breaks_the_server(client, share):
    url = await share(TEN)
    names = st.sampled_from(["Range", "If-Range", "If-None-Match", "If-Modified-Since"])
    texts = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30)
    texts |= st.from_regex(r"bytes=[0-9,-]{0,9}", fullmatch=True)
    cases = []

    @settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(st.dictionaries(names, texts))
    def collect(headers):
        cases.append(headers)

    collect()
    for headers in cases:
        answer = await client.get(url, headers=[(k.encode(), v.strip().encode("latin-1")) for k, v in headers.items()])
        assert answer.status_code in (200, 206, 304, 416)


# Names


@pytest.mark.parametrize(
    ("filename", "plain"),
    [
        ("νευρώνας.swc", "________.swc"),
        ("神经元 1.glb", "___ 1.glb"),
        ('cell "A".swc', "cell _A_.swc"),
        ("100%25.swc", "100_25.swc"),
        ("Müller's cell; v=2.swc", "M_ller's cell; v=2.swc"),
    ],
)
async def test_a_name_arrives_in_full_and_in_ascii_for_old_clients(client, share, filename, plain):
    answer = await client.get(await share(filename=filename))
    assert answer.status_code == 200
    expected = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
    assert answer.headers["content-disposition"] == expected
    assert unquote(answer.headers["content-disposition"].partition("UTF-8''")[2]) == filename


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40))
def test_no_name_escapes_its_quotes(filename):
    header = content_disposition(filename)
    assert header.isascii()
    assert header.count('"') == 2
    assert "\\" not in header
