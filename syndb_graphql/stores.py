"""Which store of rows and which store of files: with app.py the only place that names the implementations."""

import ssl
from dataclasses import dataclass

from syndb_graphql.errors import SettingsError
from syndb_graphql.objects.keys import load_secret_keys
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.settings import Settings
from syndb_graphql.spec.model import Model
from syndb_graphql.store.cassandra.door import ClusterOptions
from syndb_graphql.store.cassandra.keyspace import Difference, check_keyspace, init_keyspace
from syndb_graphql.store.cassandra.store import CassandraStore
from syndb_graphql.store.protocol import Store
from syndb_graphql.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class Stores:
    rows: Store
    objects: LocalObjects
    secret_keys: tuple[bytes, ...]
    """The first signs cursors and links, all verify."""

    async def close(self) -> None:
        await self.rows.close()


def open_stores(settings: Settings, model: Model) -> Stores:
    """By default SQLite and a folder, both in `settings.data`. Raises StoreUnavailable or SettingsError.

    A cluster is not asked yet: it is connected to by the first call.
    """
    keys = load_secret_keys(settings.secret_keys, settings.data)
    rows = _open_rows(settings, model)
    return Stores(rows, LocalObjects(settings.data / "files", keys, settings.link_lifetime_s), keys)


def init_database(settings: Settings, model: Model) -> list[str]:
    """Make what is missing of keyspace and tables; what was made. Raises StoreUnavailable or SettingsError."""
    return init_keyspace(_cluster_options(settings), model, settings.cassandra_replication)


def check_database(settings: Settings, model: Model) -> list[Difference]:
    """What differs from what is asked for. Raises StoreUnavailable or SettingsError."""
    return check_keyspace(_cluster_options(settings), model, settings.cassandra_replication)


def _open_rows(settings: Settings, model: Model) -> Store:
    if settings.store == "sqlite":
        return SqliteStore(settings.data / "syndb.sqlite", model, timeout_s=settings.store_timeout_s)
    return CassandraStore(
        _cluster_options(settings),
        model,
        rows_per_bucket=settings.cassandra_bucket_rows,
        load_in_flight=settings.cassandra_load_in_flight,
    )


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
