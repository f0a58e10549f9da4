"""The model as an Arrow schema: what a published table's Parquet looks like, with units and terms in the fields' metadata."""

import pyarrow as pa

from syndb_graphql.spec.model import Column, Table

_ARROW = {
    "float64": pa.float64(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "binary(16)": pa.binary(16),
}


def emit_arrow(table: Table) -> pa.Schema:
    """One field a column, in order. Metadata of a field: unit (UCUM), description, term (CURIE), vocabulary."""
    metadata = {"table": table.name, "description": table.description}
    if table.ontology:
        metadata["term"] = table.ontology.curie
    return pa.schema([_emit_field(column) for column in table.columns], metadata=metadata)


def _emit_field(column: Column) -> pa.Field:
    facts = {
        "unit": column.unit,
        "description": column.description,
        "term": column.ontology.curie if column.ontology else None,
        "vocabulary": column.vocabulary,
    }
    return pa.field(
        column.name, _ARROW[column.type.arrow], column.nullable, {key: value for key, value in facts.items() if value}
    )
