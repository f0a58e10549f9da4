"""The embedded store's SQL that depends on what is asked: of relations, read by the key of their rows."""

from collections.abc import Iterable, Sequence

from syndb_graphql.spec.model import Model, Relation
from syndb_graphql.store.protocol import Window


def name_list(columns: Iterable[str]) -> str:
    return ", ".join(columns)


def version_keys(model: Model) -> dict[str, tuple[str, ...]]:
    """Every table that has a part in each version, with its key within one; what leads to rows before the rows."""
    keys: dict[str, tuple[str, ...]] = {
        f"{relation.table}_{relation.name}": relation.key for relation in model.relations
    }
    return keys | {"related_count": ("key", "relation", '"table"')} | dict.fromkeys(model.tables, ("cid",))


def keys_sql(relation: Relation) -> str:
    """The keys of a version's rows that the relation has, as a query."""
    component = relation.component
    if component is None:
        computed = ""
    elif relation.order == component:
        # A part of nothing is nobody's child.
        computed = f"{component}, "
    else:
        computed = f"coalesce({component}, {relation.owner}), "
    where = f"dataset_id = ? AND version = ? AND {relation.owner} IS NOT NULL"
    if component is not None and relation.order == component:
        where += f" AND {component} IS NOT NULL"
    return f"SELECT {relation.owner}, {computed}cid FROM {relation.table} WHERE {where}"


def related_sql(relation: Relation, columns: Sequence[str], window: Window, *, one_component: bool) -> str:
    where = f"key.dataset_id = ?1 AND key.version = ?2 AND key.{relation.owner} = ?3"
    if one_component:
        where += f" AND key.{relation.order} = ?"
    order = [f"key.{name}" for name in relation.key_within(one_component=one_component)]
    for edge, sign in ((window.after, ">"), (window.before, "<")):
        if edge is not None:
            where += f" AND ({name_list(order)}) {sign} ({name_list('?' * len(order))})"
    direction = "DESC" if window.backwards else "ASC"
    ordered = name_list(f"{name} {direction}" for name in order)
    selected = name_list(f"key.{name}" if name in relation.key else f"rows.{name}" for name in columns)
    source = f"{relation.table}_{relation.name} AS key"
    if not set(columns) <= set(relation.key):
        # CROSS: keys first, and then the row of each, however few rows SQLite takes the table for.
        source += f" CROSS JOIN {relation.table} AS rows"
        # What is known of a row's key beforehand SQLite need not read from the other table: a fifth of the time.
        where += " AND rows.dataset_id = ?1 AND rows.version = ?2 AND rows.cid = key.cid"
    return f"SELECT {selected} FROM {source} WHERE {where} ORDER BY {ordered} LIMIT ?"
