"""The keyspace and its tables: made, and compared with what the model asks for. Blocks; run before or beside the loop."""

from collections.abc import Iterator
from dataclasses import dataclass

from cassandra.cluster import Session
from cassandra.query import SimpleStatement

from syndb_graphql.emit.cql import CqlTable, emit_table, list_tables, quoted
from syndb_graphql.errors import StoreUnavailable
from syndb_graphql.spec.model import Model
from syndb_graphql.store.cassandra.door import ClusterOptions, make_cluster
from syndb_graphql.store.cassandra.failures import is_of_driver, translate

DDL_TIMEOUT_S = 60.0
"""All nodes agree on a table before the next one is made."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not as the model asks for. `mendable`: `init_keyspace` makes it so."""

    text: str
    mendable: bool


def init_keyspace(options: ClusterOptions, model: Model, replication: int) -> list[str]:
    """Make what is missing of keyspace, tables and columns; what was made, in words. Again: nothing.

    Raises StoreUnavailable, also where something is there that cannot be changed.
    """
    with _connected(options) as session:
        made = []
        if not _rows(session, "SELECT * FROM system_schema.keyspaces WHERE keyspace_name = %s", options.keyspace):
            _run(
                session,
                f"CREATE KEYSPACE IF NOT EXISTS {options.keyspace} WITH replication = "
                f"{{'class': 'NetworkTopologyStrategy', '{options.datacenter}': {replication}}}",
            )
            made.append(f"keyspace {options.keyspace}, {replication} times in {options.datacenter}")
        found = _columns(session, options.keyspace)
        for table in list_tables(model):
            if table.name not in found:
                _run(session, emit_table(table, options.keyspace))
                made.append(f"table {table.name}")
                continue
            for name, kind in table.columns.items():
                if name not in found[table.name] and name not in (*table.partition, *table.clustering):
                    _run(session, f"ALTER TABLE {options.keyspace}.{table.name} ADD {quoted(name)} {kind}")
                    made.append(f"column {table.name}.{name}")
        left = list(_differences(session, options, model, None))
        if left:
            raise StoreUnavailable("This cannot be changed: " + "; ".join(each.text for each in left))
        return made


def check_keyspace(options: ClusterOptions, model: Model, replication: int) -> list[Difference]:
    """All that differs from the model and the settings. Raises StoreUnavailable where nobody answers."""
    with _connected(options) as session:
        return list(_differences(session, options, model, replication))


def refuse_other_schema(session: Session, options: ClusterOptions, model: Model) -> None:
    """Raises StoreUnavailable unless all tables and columns are there."""
    found = list(_differences(session, options, model, None))
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise StoreUnavailable(
            f"The keyspace {options.keyspace} is not as it must be: {found[0].text}{more}. "
            "`syndb-graphql db check` lists what differs, `syndb-graphql db init` makes what is missing."
        )


def _differences(
    session: Session, options: ClusterOptions, model: Model, replication: int | None
) -> Iterator[Difference]:
    keyspace = options.keyspace
    found = _rows(session, "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s", keyspace)
    if not found:
        yield Difference(f"there is no keyspace {keyspace}", mendable=True)
        return
    if replication is not None:
        kept = dict(found[0][0])
        if kept.get(options.datacenter) != str(replication):
            shown = ", ".join(f"{name} {count}" for name, count in sorted(kept.items()) if name != "class")
            yield Difference(
                f"the keyspace keeps each row {shown} times, not {options.datacenter} {replication}: "
                f"ALTER KEYSPACE {keyspace}, then repair it",
                mendable=False,
            )
    tables = _columns(session, keyspace)
    for table in list_tables(model):
        if table.name in tables:
            yield from _table_differences(table, tables[table.name])
        else:
            yield Difference(f"there is no table {table.name}", mendable=True)


def _table_differences(table: CqlTable, found: dict[str, tuple[str, str, int]]) -> Iterator[Difference]:
    for name, kind in table.columns.items():
        if name not in found:
            key = name in (*table.partition, *table.clustering)
            yield Difference(f"{table.name} has no column {name}", mendable=not key)
        elif found[name][0] != kind:
            yield Difference(f"{table.name}.{name} is {found[name][0]}, not {kind}", mendable=False)
    for kind, wanted in (("partition_key", table.partition), ("clustering", table.clustering)):
        places = sorted((place, name) for name, (_, role, place) in found.items() if role == kind)
        if tuple(name for _, name in places) != wanted:
            yield Difference(f"the key of {table.name} is another one", mendable=False)


def _columns(session: Session, keyspace: str) -> dict[str, dict[str, tuple[str, str, int]]]:
    """By table and column: type, role in the key, place in it."""
    found: dict[str, dict[str, tuple[str, str, int]]] = {}
    cql = "SELECT table_name, column_name, type, kind, position FROM system_schema.columns WHERE keyspace_name = %s"
    for table, column, kind, role, place in _rows(session, cql, keyspace):
        found.setdefault(table, {})[column] = (kind, role, place)
    return found


def _rows(session: Session, cql: str, keyspace: str) -> list[tuple]:  # type: ignore[type-arg]
    asked = SimpleStatement(cql, is_idempotent=True)  # so that a node that stands still just then is overtaken
    return list(session.execute(asked, (keyspace,), timeout=DDL_TIMEOUT_S))


def _run(session: Session, cql: str) -> None:
    session.execute(cql, timeout=DDL_TIMEOUT_S)


class _connected:  # noqa: N801 - used as a function
    """A session of its own, closed at the end; failures as ours."""

    def __init__(self, options: ClusterOptions) -> None:
        self._options = options
        self._cluster = make_cluster(options)

    def __enter__(self) -> Session:
        try:
            return self._cluster.connect()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._cluster.shutdown()
        if error is not None and (is_of_driver(error) or isinstance(error, OSError)):
            raise translate(error, self._options.connect_timeout_s) from error
