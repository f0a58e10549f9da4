"""The model as a reference for people: every table, column, unit and vocabulary."""

from syndb_graphql.spec.model import Column, Model, Table


def emit_markdown(model: Model) -> str:
    parts = [
        "# Tables\n\nWritten by `syndb-graphql schema write` from `schema/`. Lengths are nm, areas nm², volumes nm³ as stored; "
        "in a query `unit: MICROMETER` converts.\n"
    ]
    parts += [_emit_table(table) for table in model.tables.values()]
    parts.append("\n# Vocabularies\n\n| vocabulary | terms | what it holds |\n|---|---|---|\n")
    parts += [f"| {name} | {len(terms)} | {model.descriptions[name]} |\n" for name, terms in model.vocabularies.items()]
    return "".join(parts)


def _emit_table(table: Table) -> str:
    term = f" ({table.ontology.curie} {table.ontology.name})" if table.ontology else ""
    lines = [f"\n## {table.name}\n\n{table.description}{term} In the graph: `{table.type_name}`, `{table.fields}`."]
    if table.parents:
        lines.append(f" Its parent may be a row of: {', '.join(table.parents)}.")
    if table.interfaces:
        lines.append(f" Interfaces: {', '.join(table.interfaces)}.")
    lines.append("\n\n| column | in the graph | type | unit | what it is | example |\n|---|---|---|---|---|---|\n")
    lines += [_emit_column(column) for column in table.shown_columns]
    return "".join(lines)


def _emit_column(column: Column) -> str:
    notes = column.description
    if column.ontology:
        notes += f" {column.ontology.curie} ({column.ontology.name})."
    if column.vocabulary:
        notes += f" Vocabulary: {column.vocabulary}."
    return f"| {column.name} | `{column.selection}` | {column.type.name} | {column.unit or ''} | {notes} | {column.example} |\n"
