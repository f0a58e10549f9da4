"""Plans of what is in memory: the same resolvers the engine calls, without the engine around them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syndb_graphql.api.context import Context
from syndb_graphql.api.plan.arguments import Given
from syndb_graphql.api.plan.connections import ConnectionPlan
from syndb_graphql.api.plan.rows import RowPlan, Shape, read_rows
from syndb_graphql.api.plan.values import Unplanned

Complete = Callable[[Any, "PlanInfo"], Any]
"""A resolved value to its answer; raises Unplanned for a value the type does not allow."""


@dataclass(frozen=True, slots=True)
class PlanInfo:
    """What a resolver in memory needs of the engine's Info."""

    context: Context


@dataclass(frozen=True, slots=True)
class Field:
    """One selected field: from its object to its answer; `waits` where the answer must be awaited."""

    answer: Callable[[Any, PlanInfo], Any]
    waits: bool


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    fields: Sequence[Field]
    shape: Shape

    @property
    def waits(self) -> bool:
        return any(field.waits for field in self.fields)

    def answer(self, source: Any, info: PlanInfo) -> Any:
        return self.shape(*[field.answer(source, info) for field in self.fields])

    async def answer_waiting(self, source: Any, info: PlanInfo) -> Any:
        values = []
        for field in self.fields:
            value = field.answer(source, info)
            values.append(await value if field.waits else value)
        return self.shape(*values)


def constant_field(value: Any) -> Field:
    return Field(lambda _source, _info: value, waits=False)


def resolved_field(resolve: Callable[..., Any], given: Given, complete: Complete, *, waits: bool) -> Field:
    """A field had by a resolver in memory."""
    return Field(lambda source, info: complete(resolve(source, info, **given(info.context)), info), waits)


def table_field(plan: ConnectionPlan) -> Field:
    """All rows of a table of a data set."""
    return Field(lambda dataset, info: plan.answer_table(dataset, info.context), waits=True)


def look_up_field(cid: Callable[[Any, Mapping[str, Any]], bytes], given: Given, plan: RowPlan, table: Any) -> Field:
    """One row of a data set, by what it is known by."""

    async def answer(dataset: Any, info: PlanInfo) -> Any:
        key = cid(dataset, given(info.context)["by"])
        found = await read_rows(plan, table, dataset, dataset.snapshot, [key], info.context)
        return found.get(key)

    return Field(answer, waits=True)


# ── Completion: what the engine calls so, for values in memory ──
def leaf(serialize: Callable[[Any], Any]) -> Complete:
    return lambda value, _info: None if value is None else serialize(value)


def nested_object(plan: ObjectPlan) -> Complete:
    return lambda value, info: None if value is None else plan.answer(value, info)


def waiting_object(plan: ObjectPlan) -> Callable[[Any, PlanInfo], Awaitable[Any]]:
    async def complete(value: Any, info: PlanInfo) -> Any:
        return None if value is None else await plan.answer_waiting(value, info)

    return complete


def listed(complete: Complete, *, waits: bool) -> Complete:
    if not waits:
        return lambda values, info: None if values is None else [complete(value, info) for value in values]

    async def complete_each(values: Any, info: PlanInfo) -> Any:
        return None if values is None else [await complete(value, info) for value in values]

    return complete_each


def required(complete: Complete, *, waits: bool) -> Complete:
    def check(answer: Any) -> Any:
        if answer is None:
            raise Unplanned("a missing value where the schema allows none")
        return answer

    if not waits:
        return lambda value, info: check(complete(value, info))

    async def complete_checked(value: Any, info: PlanInfo) -> Any:
        return check(await complete(value, info))

    return complete_checked
