"""An S3 server: SeaweedFS from its wheel. It checks signatures as S3 does, also those of presigned links."""

import contextlib
import io
import json
import secrets
import ssl
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from minio import Minio
from minio.error import S3Error
from urllib3 import PoolManager

from .certificates import Authority
from .processes import KillableServer, ServerProcess, await_answer, free_ports

START_SECONDS = 60
REGION = "us-east-1"


@dataclass
class S3Server(KillableServer):
    """`endpoint` is its URL; the keys are of this run alone."""

    endpoint: str
    folder: Path
    command: list[str]
    access_key: str = field(default_factory=lambda: secrets.token_hex(8))
    secret_key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    region: str = REGION
    authority: Authority | None = None
    """Who signed its certificate, where it speaks TLS."""

    def start(self) -> None:
        if not self.alive:
            # An empty file of keys would mean that everyone may do everything.
            identity = {
                "name": "tests",
                "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            }
            (self.folder / "keys.json").write_text(json.dumps({"identities": [identity]}), "utf-8")
            self.process = ServerProcess(self.command, self.folder, self.folder / "out.log")
        assert self.process
        await_answer(self.answers, self.process, START_SECONDS, f"the S3 server at {self.endpoint}")

    def answers(self) -> bool:
        """Whether it refuses a stranger, and keeps a file of ours: its parts come up one after the other."""
        try:
            with urllib.request.urlopen(self.endpoint, timeout=2, context=self._trusted()):
                return False
        except urllib.error.HTTPError as refusal:
            with refusal:
                if refusal.code != 403:
                    return False
        address = urlsplit(self.endpoint)
        pool = PoolManager(ssl_context=self._trusted()) if self.authority else None
        client = Minio(
            address.netloc,
            self.access_key,
            self.secret_key,
            secure=address.scheme == "https",
            region=self.region,
            http_client=pool,
        )
        try:
            if not client.bucket_exists("answers"):
                client.make_bucket("answers")
            client.put_object("answers", "yes", io.BytesIO(b"yes"), 3)
        except S3Error:
            return False
        return True

    def _trusted(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.authority.ca_file) if self.authority else None


@contextlib.contextmanager
def run_s3(authority: Authority | None = None) -> Iterator[S3Server]:
    """A server that answers, with no bucket yet, in a temporary folder that goes with it.

    With an `authority` it speaks TLS alone, with a certificate for 127.0.0.1 that this has signed.
    """
    with tempfile.TemporaryDirectory(prefix="s3-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        roles = ("master", "volume", "filer", "s3")
        ports = iter(free_ports(2 * len(roles)))
        options = {f"{role}.port": next(ports) for role in roles}
        options |= {f"{role}.port.grpc": next(ports) for role in roles}
        port = options["s3.port"]
        flags = {
            "dir": folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
            "master.volumePreallocate": "false",
            "master.electionTimeout": "1s",  # a lone master elects itself when it is started again
            "volume.max": 100,
            "volume.preStopSeconds": 0,
            "volume.minFreeSpace": "100MiB",
            "filer.localSocket": folder / "filer.sock",
            "s3.localSocket": folder / "s3.sock",
            "s3.config": folder / "keys.json",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.autoCreateBucket": "false",
            **options,
        }
        if authority:
            certificate, key = authority.issue_files("s3", "127.0.0.1")
            flags |= {"s3.cert.file": certificate, "s3.key.file": key}
        command = [str(Path(sys.executable).with_name("weed")), "server", "-filer", "-s3"]
        server = S3Server(
            f"{'https' if authority else 'http'}://127.0.0.1:{port}",
            folder,
            [*command, *(f"-{flag}={value}" for flag, value in flags.items())],
            authority=authority,
        )
        try:
            server.start()
            yield server
        finally:
            server.kill()
