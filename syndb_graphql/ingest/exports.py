"""Tables as well-known programs export them, read from schema/exports.toml, which says what each key means."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache

import msgspec

from syndb_graphql.errors import SchemaError
from syndb_graphql.spec.load import SCHEMA_DIR

FACTS = "exports.toml"


class Export(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of table of one program. Names of its columns are folded (`fold`)."""

    program: str
    needs: tuple[str, ...]
    columns: dict[str, str]
    table: str | None = None
    length_unit: str | None = None
    voxel_nm: tuple[float, float, float] | None = None
    passed_over: tuple[str, ...] = ()
    unmapped: dict[str, str] = {}
    notes: tuple[str, ...] = ()

    def why_not(self, column: str) -> str | None:
        """Why a column of the file is left out: it looks like ours and is not, or is none of ours. None: it is not."""
        name = fold(column)
        for pattern, reason in self.unmapped.items():
            if re.fullmatch(pattern, name):
                return reason
        if any(re.fullmatch(pattern, name) for pattern in self.passed_over):
            return "is none of ours"
        return None


class _Facts(msgspec.Struct, forbid_unknown_fields=True):
    exports: tuple[Export, ...]
    names: dict[str, str]
    neurons: tuple[str, ...]


def fold(name: str) -> str:
    """The form in which names of columns are compared, as the loader does."""
    return re.sub(r"[\s\-_.]+", "_", name.strip()).casefold()


def find_export(columns: Sequence[str], table: str | None = None) -> Export | None:
    """The export with this header, where one is stated of this table; of several the one that needs most columns."""
    there = {fold(column) for column in columns}
    found = [
        export
        for export in load_exports()
        if there.issuperset(export.needs) and (table is None or export.table in (None, table))
    ]
    return max(found, key=lambda export: len(export.needs), default=None)


@cache
def load_exports() -> tuple[Export, ...]:
    """Every export that is known. Raises SchemaError."""
    return tuple(
        msgspec.structs.replace(
            export,
            needs=tuple(fold(name) for name in export.needs),
            columns={fold(name): ours for name, ours in export.columns.items()},
            passed_over=tuple(_fold_pattern(pattern) for pattern in export.passed_over),
            unmapped={_fold_pattern(pattern): reason for pattern, reason in export.unmapped.items()},
        )
        for export in _load_facts().exports
    )


@cache
def load_names(table: str) -> Mapping[str, str]:
    """Names that mean one thing in this table, whatever program wrote it (folded) → ours. Raises SchemaError."""
    facts = _load_facts()
    neurons = dict.fromkeys(facts.neurons, "cid" if table == "neuron" else "neuron_id")
    return {fold(name): ours for name, ours in (neurons | facts.names).items()}


@cache
def _load_facts() -> _Facts:
    path = SCHEMA_DIR / FACTS
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), _Facts)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise SchemaError(f"{path}: {error}") from error


def _fold_pattern(pattern: str) -> str:
    return re.sub(r"[\s\-]+", "_", pattern).casefold()
