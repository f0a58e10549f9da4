"""Which store of rows and which store of files: with app.py the only place that names the implementations."""

from dataclasses import dataclass

from syndb_graphql.objects.keys import load_secret_keys
from syndb_graphql.objects.local import LocalObjects
from syndb_graphql.settings import Settings
from syndb_graphql.spec.model import Model
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
    """The embedded default: SQLite and a folder below `settings.data`. Raises StoreUnavailable or SettingsError."""
    keys = load_secret_keys(settings.secret_keys, settings.data)
    rows = SqliteStore(settings.data / "syndb.sqlite", model, timeout_s=settings.store_timeout_s)
    return Stores(rows, LocalObjects(settings.data / "files", keys, settings.link_lifetime_s), keys)
