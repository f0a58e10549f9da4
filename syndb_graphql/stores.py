"""Which store of rows and which store of files: with app.py the only place that names the implementations."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from syndb_graphql.errors import RawDataUnavailable, SettingsError, StoreUnavailable
from syndb_graphql.objects.keys import load_secret_keys
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.objects.minio import Bucket, MinioObjects
from syndb_graphql.objects.protocol import Objects, ServedObjects
from syndb_graphql.settings import Settings
from syndb_graphql.spec.model import Model
from syndb_graphql.store.cassandra.door import ClusterOptions
from syndb_graphql.store.cassandra.keyspace import Difference, check_keyspace, init_keyspace
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.store.protocol import Store
from syndb_graphql.store.sqlite import SqliteStore

WAIT_BETWEEN_S = 0.5


@dataclass(frozen=True, slots=True)
class Stores:
    rows: Store
    objects: Objects
    secret_keys: tuple[bytes, ...]
    """The first signs cursors and links, all verify."""
    remote: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """The stores that are servers of their own: what each is and where, and how to ask whether it answers."""

    @property
    def served(self) -> ServedObjects | None:
        """The files, where links to them lead to this server."""
        return self.objects if isinstance(self.objects, LocalObjects) else None

    async def wait(self, seconds: float, say: Callable[[str], None]) -> None:
        """Return when every server answers; `say` is told what is waited for, and why, whenever that changes.

        Raises StoreUnavailable or RawDataUnavailable with the last reason when one does not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        for name, check in self.remote.items():
            said = ""
            while True:
                try:
                    await check()
                    break
                except (StoreUnavailable, RawDataUnavailable) as error:
                    if time.monotonic() + WAIT_BETWEEN_S > deadline:
                        waited = f"{name}: no answer within {seconds:g} s of the start. {error}"
                        raise type(error)(
                            f"{waited} See to it that it runs, or raise SYNDB_START_TIMEOUT_S."
                        ) from error
                    if str(error) != said:
                        said = str(error)
                        say(f"Waiting for {name}, at most {deadline - time.monotonic():.0f} s more: {said}")
                    await asyncio.sleep(WAIT_BETWEEN_S)

    async def close(self) -> None:
        await self.rows.close()
        await self.objects.close()


def open_stores(settings: Settings, model: Model, *, patient: bool = False) -> Stores:
    """By default SQLite and a folder, both in `settings.data`. Raises StoreUnavailable or SettingsError.

    Servers are not asked yet: a cluster is connected to by the first call. `patient`: for a command, whose calls wait for
    nodes that restart; a server's end with their limit of time.
    """
    keys = load_secret_keys(settings.secret_keys, settings.data)
    objects = _open_objects(settings, keys)  # first, since it may refuse a setting, and has nothing open yet
    rows = _open_rows(settings, model, patient=patient)
    remote: dict[str, Callable[[], Awaitable[None]]] = {}
    if settings.store == "cassandra":
        hosts = ", ".join(settings.cassandra_hosts)
        remote[f"the rows in Cassandra ({hosts}, keyspace {settings.cassandra_keyspace})"] = rows.check
    if settings.files == "s3":
        remote[f"the files in S3 ({settings.s3_endpoint}, bucket {settings.s3_bucket})"] = objects.check
    return Stores(rows, objects, keys, remote)


def init_database(settings: Settings, model: Model) -> list[str]:
    """Make what is missing of keyspace and tables; what was made. Raises StoreUnavailable or SettingsError."""
    return init_keyspace(_cluster_options(settings), model, settings.cassandra_replication)


def check_database(settings: Settings, model: Model) -> list[Difference]:
    """What differs from what is asked for. Raises StoreUnavailable or SettingsError."""
    return check_keyspace(_cluster_options(settings), model, settings.cassandra_replication)


def _open_rows(settings: Settings, model: Model, *, patient: bool) -> Store:
    if settings.store == "sqlite":
        return SqliteStore(settings.data / "syndb.sqlite", model, timeout_s=settings.store_timeout_s)
    return CassandraStore(
        replace(_cluster_options(settings), no_delay=patient),
        model,
        rows_per_bucket=settings.cassandra_bucket_rows,
        load_in_flight=settings.cassandra_load_in_flight,
        patient=patient,
    )


def _open_objects(settings: Settings, keys: tuple[bytes, ...]) -> Objects:
    if settings.files == "folder":
        return LocalObjects(settings.data / "files", keys, settings.link_lifetime_s)
    if not settings.s3_access_key or not settings.s3_secret_key:
        raise SettingsError("SYNDB_FILES is s3, which needs SYNDB_S3_ACCESS_KEY and SYNDB_S3_SECRET_KEY.")
    bucket = Bucket(
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        name=settings.s3_bucket,
        region=settings.s3_region,
        prefix=settings.s3_prefix,
        ca_file=settings.s3_ca_file,
        timeout_s=settings.s3_timeout_s,
        connections=settings.s3_connections,
    )
    return MinioObjects(bucket, settings.link_lifetime_s)


def _cluster_options(settings: Settings) -> ClusterOptions:
    if settings.store != "cassandra":
        raise SettingsError(
            "SYNDB_STORE is sqlite, whose tables are made by whatever first opens it: nothing to do here."
        )
    return ClusterOptions(
        hosts=settings.cassandra_hosts,
        port=settings.cassandra_port,
        keyspace=settings.cassandra_keyspace,
        datacenter=settings.cassandra_datacenter,
        username=settings.cassandra_username,
        password=settings.cassandra_password,
        tls=_tls(settings) if settings.cassandra_tls else None,
        consistency=settings.cassandra_consistency,
        timeout_s=settings.store_timeout_s,
        max_in_flight=settings.cassandra_max_in_flight,
    )


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.cassandra_ca_file or None)
        if settings.cassandra_certificate_file:
            context.load_cert_chain(settings.cassandra_certificate_file, settings.cassandra_key_file or None)
    except OSError as error:
        raise SettingsError(
            "The certificates in SYNDB_CASSANDRA_CA_FILE, SYNDB_CASSANDRA_CERTIFICATE_FILE and SYNDB_CASSANDRA_KEY_FILE "
            f"cannot be read: {error}"
        ) from error
    return context
