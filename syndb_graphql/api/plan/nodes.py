"""`node` and `nodes` planned: ids of one kind and data set are read together; a kind's selection is compiled when it is first met."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from graphql import FieldNode, GraphQLObjectType

from syndb_graphql.api.context import Context
from syndb_graphql.api.ids import GlobalId, decode_id
from syndb_graphql.api.plan.arguments import Given
from syndb_graphql.api.plan.objects import Field, ObjectPlan, PlanInfo
from syndb_graphql.api.plan.rows import RowPlan, read_rows
from syndb_graphql.api.query_type import Nodes, check_ids
from syndb_graphql.catalog.catalog import Dataset
from syndb_graphql.spec.model import Table


class Compiler(Protocol):
    """What compiles a selection when a kind is first met; compile.py has it, and knows this module."""

    def rows(self, table: Table, nodes: Sequence[FieldNode], *, within: bool) -> RowPlan: ...

    def object(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode], *, within: bool) -> ObjectPlan: ...

    def object_type(self, name: str) -> GraphQLObjectType: ...


class NodesPlan:
    def __init__(
        self, nodes: Nodes, selection: Sequence[FieldNode], given: Given, compiler: Compiler, *, within: bool
    ) -> None:
        self._nodes = nodes
        self._selection = selection
        self._given = given
        self._compiler = compiler
        self._within = within
        self._rows: dict[str, RowPlan] = {}
        self._objects: dict[str, ObjectPlan] = {}

    def field(self, *, many: bool) -> Field:
        return Field(self._answer_many if many else self._answer_one, waits=True)

    async def _answer_one(self, _root: Any, info: PlanInfo) -> Any:
        return (await self._answer([self._given(info.context)["id"]], info, within=self._within))[0]

    async def _answer_many(self, _root: Any, info: PlanInfo) -> Any:
        return await self._answer(check_ids(self._given(info.context)["ids"]), info, within=True)

    async def _answer(self, ids: Sequence[str], info: PlanInfo, *, within: bool) -> list[Any]:
        found = [decode_id(text) for text in ids]
        rows = await self._read_rows(found, info.context, within=within)
        others = [id_ for id_ in found if id_ is not None and self._nodes.table(id_) is None]
        # Files are gathered as rows are: asked for side by side they are one read.
        sources = iter(await asyncio.gather(*(self._nodes.find(id_, info.context) for id_ in others)))
        answers: list[Any] = []
        for id_ in found:
            if id_ is None:
                answers.append(None)
            elif self._nodes.table(id_) is not None:
                answers.append(rows.get((id_.kind, id_.key)))
            else:
                source = next(sources)
                plan = None if source is None else self._object(id_.kind.partition("/")[0], within=within)
                answers.append(plan and await plan.answer_waiting(source, info))
        return answers

    async def _read_rows(
        self, ids: Sequence[GlobalId | None], context: Context, *, within: bool
    ) -> dict[tuple[str, bytes], Any]:
        """Answers to the rows among the ids, by kind and key: one read for each kind and data set."""
        wanted: dict[tuple[str, bytes], dict[bytes, None]] = {}
        for id_ in ids:
            if id_ is not None and self._nodes.table(id_) is not None:
                wanted.setdefault((id_.kind, id_.key[:16]), {})[id_.key[16:]] = None
        answers: dict[tuple[str, bytes], Any] = {}
        for (kind, dataset_id), cids in wanted.items():
            dataset: Dataset | None = context.dataset(dataset_id)
            table = self._nodes.tables[kind]
            if dataset is None:
                continue
            if kind not in self._rows:
                self._rows[kind] = self._compiler.rows(table, self._selection, within=within)
            found = await read_rows(self._rows[kind], table, dataset, dataset.snapshot, list(cids), context)
            answers.update({(kind, dataset_id + cid): answer for cid, answer in found.items()})
        return answers

    def _object(self, kind: str, *, within: bool) -> ObjectPlan:
        if kind not in self._objects:
            type_ = self._compiler.object_type(kind)
            self._objects[kind] = self._compiler.object(type_, self._selection, within=within)
        return self._objects[kind]
