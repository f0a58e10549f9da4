"""The engine, for requests that no plan can answer whole, with plans for what is most of them: long lists of rows.

The engine completes a list value by value, half a second for 10,000 rows of ten columns, in which nobody else is
answered; and one value that the schema does not allow, or a mistake in another part of the question, is enough to need
it. So lists of rows whose fields are made of columns alone are answered by the columns here too. Where that fails the
list is cut into parts, until only rows with something wrong are left to the engine, whose errors, paths and nulls are
then its own. All of that happens where the engine would complete the list, without waiting, so the order of errors is its
own as well.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from graphql import Executor, GraphQLError, GraphQLList, GraphQLObjectType, get_named_type
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path

from syndb_graphql.api.plan.compile import Compiler
from syndb_graphql.api.plan.connections import EdgePlan
from syndb_graphql.api.plan.rows import Batch, ColumnCell, RowPlan, make_each
from syndb_graphql.api.plan.values import Unplanned, Values
from syndb_graphql.api.sources import EdgeSource, RowSource
from syndb_graphql.spec.model import Table

PARTS = 16
"""A list with something wrong is cut into so many parts, and those again; a list no longer than this is the engine's."""
Answer = Callable[[Sequence[Any]], list[Any]]
"""Items of a list to their answers. Raises whatever is wrong with one of them."""


class RowsExecutor(Executor[Any]):
    """graphql-core's executor; `context_value` is the request's Context, which bounds what is answered row by row."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        model = self.context_value.backend.model
        self._tables: dict[str, Table] = {table.type_name: table for table in model.tables.values()}
        self._compiler = Compiler(self.schema, model, self.fragments, self.operation, self.variable_values)
        self._answers: dict[tuple[str, int], tuple[list[FieldDetails], Answer | None]] = {}

    def complete_list_value(
        self,
        return_type: GraphQLList[Any],
        field_details_list: list[FieldDetails],
        info: Any,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        if not _is_of_rows(result):
            return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)
        answer = self._find_answer(get_named_type(return_type), field_details_list)
        if answer is None:
            self.context_value.leave_rows(len(result))
            return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)
        completed: list[Any] = []

        def complete(items: Sequence[Any], start: int) -> None:
            answers = _try(answer, items)
            if answers is not None:
                completed.extend(answers)
            elif len(items) > PARTS:
                step = -(-len(items) // PARTS)
                for begin in range(0, len(items), step):
                    complete(items[begin : begin + step], start + begin)
            else:
                self.context_value.leave_rows(len(items))
                for number, item in enumerate(items, start):
                    item_path = path.add_key(number, None)
                    self.complete_list_item_value(
                        item, completed, return_type.of_type, field_details_list, info, item_path, position_context
                    )

        complete(result, 0)
        return completed

    def _find_answer(self, type_: Any, details: list[FieldDetails]) -> Answer | None:
        """None where a field of the rows is not made of columns alone. Found once for a selection, which is kept with it."""
        key = (type_.name, id(details))
        if key not in self._answers:
            try:
                self._answers[key] = (details, self._compile(type_, details))
            except (Unplanned, GraphQLError):
                self._answers[key] = (details, None)
        return self._answers[key][1]

    def _compile(self, type_: GraphQLObjectType, details: Iterable[FieldDetails]) -> Answer | None:
        nodes = [detail.node for detail in details]
        if type_.name in self._tables:
            rows = self._compiler.rows(self._tables[type_.name], nodes, within=True)
            return self._answer_rows(rows) if _is_of_columns(rows) else None
        table = self._tables.get(type_.name.removesuffix("Edge"))
        if table is None:
            return None
        edges = self._compiler.edges(table, nodes)
        return self._answer_edges(edges) if all(map(_is_of_columns, edges.nodes)) else None

    def _answer_rows(self, plan: RowPlan) -> Answer:
        def answer(sources: Sequence[RowSource]) -> list[Any]:
            first = sources[0]
            rows = [source.values for source in sources]
            batch = Batch(first.table, first.dataset, first.snapshot, self.context_value, first.index, rows)
            return make_each(plan.shape, [cell.answer(batch) for cell in plan.cells], len(rows))

        return answer

    def _answer_edges(self, plan: EdgePlan) -> Answer:
        answers = [self._answer_rows(node) for node in plan.nodes]

        def answer(sources: Sequence[EdgeSource]) -> list[Any]:
            columns: list[Values] = []
            nodes = iter(answers)
            for name in plan.fields:
                if name == "cursor":
                    columns.append([source.cursor for source in sources])
                elif name == "node":
                    columns.append(next(nodes)([source.node for source in sources]))
                else:
                    columns.append([plan.type_name] * len(sources))
            return make_each(plan.shape, columns, len(sources))

        return answer


def _is_of_rows(items: Any) -> bool:
    if not isinstance(items, list) or not items:
        return False
    first = items[0].node if isinstance(items[0], EdgeSource) else items[0]
    return isinstance(first, RowSource)


def _try(answer: Answer, items: Sequence[Any]) -> list[Any] | None:
    try:
        return answer(items)
    except Exception:  # noqa: BLE001 - whatever it is, the engine meets it as well, and says so in its own words
        return None


def _is_of_columns(plan: RowPlan) -> bool:
    return all(isinstance(cell, ColumnCell) for cell in plan.cells)
