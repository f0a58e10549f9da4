"""The schema: every type of the graph, made from the model. A second model gives a second schema."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from syndb_graphql.api.build import Type, make_enum, make_field, make_interface
from syndb_graphql.api.connections import make_page_info
from syndb_graphql.api.context import Bounds
from syndb_graphql.api.dataset_filters import add_dataset_filters
from syndb_graphql.api.dataset_types import add_dataset_types, add_model_types, add_row_by
from syndb_graphql.api.file_types import add_file_types
from syndb_graphql.api.metric_types import MetricTypes
from syndb_graphql.api.query_type import add_dataset_by, add_query_type
from syndb_graphql.api.scalars import SCALARS
from syndb_graphql.api.term_types import add_term_connection, add_term_type
from syndb_graphql.spec.model import Model


def build_schema(model: Model, bounds: Bounds, version: str) -> strawberry.Schema:
    types: dict[str, Type] = {}
    node = {"id": make_field(lambda source, _: source.id, strawberry.ID, "Opaque and global.")}
    types["Node"] = make_interface("Node", node, "Anything that has an id.")
    types["PageInfo"] = make_page_info()
    names = {table.name.upper(): (table.name, table.description) for table in model.tables.values()}
    types["TableName"] = make_enum("TableName", names, "The tables of the data model. More may come.")
    add_term_type(types, model.vocabularies)
    add_term_connection(types)
    add_model_types(types)
    metrics = MetricTypes(model, types)
    add_file_types(types)
    add_row_by(types)
    add_dataset_types(types, metrics)
    add_dataset_filters(types)
    add_dataset_by(types)
    add_query_type(types, metrics, bounds, version)
    shown = [type_ for name, type_ in types.items() if name not in ("Query", "DatasetBy", "DatasetFilter")]
    return strawberry.Schema(
        query=types["Query"],
        types=shown,
        config=StrawberryConfig(scalar_map=SCALARS, auto_camel_case=False),
    )


def emit_sdl(schema: strawberry.Schema) -> str:
    return "# Written by `syndb-graphql schema write` from schema/. Do not edit.\n\n" + schema.as_str() + "\n"
