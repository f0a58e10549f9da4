"""Files behind TLS with a certificate of one's own authority; whoever does not trust it is told which setting is wrong."""

import asyncio
import hashlib
import ssl
import subprocess
import sys

import httpx
import pytest

from syndb_graphql.cli import run
from syndb_graphql.errors import RawDataUnavailable, SettingsError
from syndb_graphql.settings import Settings
from syndb_graphql.spec.load import load_default_model
from syndb_graphql.stores import open_stores
from tests.conftest import environment_of, on_s3
from tests.ingest.conftest import settings_of, write_folder
from tests.servers.certificates import Authority

pytestmark = pytest.mark.servers
MODEL = load_default_model()
SKELETON = b"1 1 0 0 0 1 -1\n2 3 0 0 5 1 1\n"
QUERY = "{ datasets { nodes { neurons { nodes { skeleton { url sha256 } } } } } }"
UNTRUSTED = "its certificate is not to be trusted: expired, or signed by none of those in SYNDB_S3_CA_FILE."
REFUSALS = {
    "no file of certificates": UNTRUSTED,
    "an authority that did not sign the certificate": UNTRUSTED,
    "an address that is not in the certificate": "its certificate does not name the address in SYNDB_S3_ENDPOINT.",
    "a store that speaks no TLS": "it speaks no TLS, though SYNDB_S3_ENDPOINT begins with https.",
    "no TLS": "if it speaks TLS, SYNDB_S3_ENDPOINT must begin with https.",
}


@pytest.fixture
def settings(guarded_s3_server, tmp_path) -> Settings:
    server = guarded_s3_server
    guarded = {"s3_prefix": f"{tmp_path.name}/", "s3_ca_file": str(server.authority.ca_file), "start_timeout_s": 1}
    return on_s3(settings_of(tmp_path / "data"), server).model_copy(update=guarded)


def test_files_are_put_linked_and_read_in_part_over_tls(settings, use_settings, start_server, tmp_path):
    files = {"neuron.csv": "cid,swc_path\n1,a.swc\n", "a.swc": SKELETON}
    folder = write_folder(tmp_path / "folder", files, rest="[files.skeleton]\nunit = 'um'\n")
    use_settings(settings)
    assert run(["load", str(folder)]) == 0
    trusted = ssl.create_default_context(cafile=settings.s3_ca_file)
    with (
        start_server(settings, tmp_path / "log", SYNDB_START_TIMEOUT_S="10") as server,
        httpx.Client(verify=trusted) as browser,
    ):
        answer = browser.post(f"{server.url}/graphql", json={"query": QUERY}).json()
        (neuron,) = answer["data"]["datasets"]["nodes"][0]["neurons"]["nodes"]
        url = neuron["skeleton"]["url"]
        assert url.startswith(f"{settings.s3_endpoint}/")
        assert url.startswith("https://")
        whole = browser.get(url)
        assert (whole.status_code, whole.content) == (200, SKELETON)
        assert hashlib.sha256(whole.content).hexdigest() == neuron["skeleton"]["sha256"]
        part = browser.get(url, headers={"Range": "bytes=3-7"})
        assert (part.status_code, part.content) == (206, SKELETON[3:8])
        with httpx.Client() as stranger, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            stranger.get(url)


async def test_a_file_that_is_put_by_a_link_is_read_in_part(settings):
    stores = open_stores(settings, MODEL)
    trusted = ssl.create_default_context(cafile=settings.s3_ca_file)
    async with httpx.AsyncClient(verify=trusted) as browser:
        link = stores.objects.upload_link("ds/up.swc")
        assert (await browser.put(link.url, content=SKELETON)).status_code == 200
    pieces = [piece async for piece in stores.objects.read("ds/up.swc", start=3, end=8)]
    assert b"".join(pieces) == SKELETON[3:8]
    await stores.close()


@pytest.mark.parametrize("wrong", REFUSALS)
async def test_whoever_starts_with_a_wrong_setting_is_told_which(wrong, settings, s3_server, tmp_path):
    strangers = await asyncio.to_thread(Authority, tmp_path / "strangers")
    changes = {
        "no file of certificates": {"s3_ca_file": ""},
        "an authority that did not sign the certificate": {"s3_ca_file": str(strangers.ca_file)},
        "an address that is not in the certificate": {
            "s3_endpoint": settings.s3_endpoint.replace("127.0.0.1", "localhost")
        },
        "a store that speaks no TLS": {"s3_endpoint": s3_server.endpoint.replace("http:", "https:")},
        "no TLS": {"s3_endpoint": settings.s3_endpoint.replace("https:", "http:")},
    }
    changed = settings.model_copy(update=changes[wrong])
    said: list[str] = []
    stores = open_stores(changed, MODEL)
    with pytest.raises(RawDataUnavailable) as at_start:
        await stores.wait(changed.start_timeout_s, said.append)
    with pytest.raises(RawDataUnavailable) as at_call:
        await stores.objects.stat("ds/x.swc")
    await stores.close()
    assert f"Waiting for the files in S3 ({changed.s3_endpoint}, bucket syndb), at most" in said[0]
    for told in (said[0], str(at_start.value), str(at_call.value)):
        assert REFUSALS[wrong] in told
    assert changed.s3_endpoint not in str(at_call.value)


def test_a_file_that_holds_no_certificates_is_told_at_once(settings, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    for path in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        changed = settings.model_copy(update={"s3_ca_file": str(path)})
        with pytest.raises(SettingsError, match=r"^SYNDB_S3_CA_FILE: .* holds no certificates: "):
            open_stores(changed, MODEL)


def test_a_server_that_does_not_trust_the_store_ends_and_says_so(settings, tmp_path):
    environment = environment_of(settings) | {"SYNDB_S3_CA_FILE": "", "SYNDB_PORT": "0"}
    command = [sys.executable, "-m", "syndb_graphql", "serve"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd=tmp_path)
    assert ended.returncode == 1
    assert UNTRUSTED in ended.stdout
    assert UNTRUSTED in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
