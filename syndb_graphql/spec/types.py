"""The types a column may have, and what each is in every language the data are spoken in: one table, nothing else.

Python values are what a store returns: a uuid is its 16 bytes, a boolean is True or False, a missing value None.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ColumnType:
    name: str
    """As in columns.toml and, upper-cased, in the enum ColumnType of the graph."""
    python: type
    graphql: str
    cql: str
    sqlite: str
    arrow: str
    """Name of the type in pyarrow; `binary(16)` is fixed-size."""


FLOAT = ColumnType("float", float, "Float", "double", "REAL", "float64")
INT = ColumnType("int", int, "Int", "int", "INTEGER", "int32")
BIGINT = ColumnType("bigint", int, "BigInt", "bigint", "INTEGER", "int64")
TEXT = ColumnType("text", str, "String", "text", "TEXT", "string")
BOOLEAN = ColumnType("boolean", bool, "Boolean", "boolean", "INTEGER", "bool")
UUID = ColumnType("uuid", bytes, "UUID", "uuid", "BLOB", "binary(16)")

COLUMN_TYPES = {type_.name: type_ for type_ in (FLOAT, INT, BIGINT, TEXT, BOOLEAN, UUID)}

DIMENSIONS = {"nm": 1, "nm2": 2, "nm3": 3, "nm-1": -1}
"""The stored units, and the power of a length each stands for."""
