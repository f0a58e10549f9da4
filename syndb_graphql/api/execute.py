"""One GraphQL request: text and variables in, an answer as plain data out, every error with a code, the unexpected masked."""

import asyncio
import inspect
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute,
)

from syndb_graphql.api.context import Backend, ClientGone, Context
from syndb_graphql.api.documents import Document, Documents
from syndb_graphql.api.limits import ROWS_PER_POINT, Cost, check_variables, measure_cost
from syndb_graphql.api.plan.compile import Plan, compile_plan
from syndb_graphql.api.plan.engine import RowsExecutor
from syndb_graphql.api.plan.values import Unplanned
from syndb_graphql.errors import BadInput, RequestTimeout, SyndbError

MAX_MESSAGE = 2000
"""Characters of a message: a client's own value may be in it."""
MAX_INTROSPECTIONS = 16
"""Answers kept about the schema itself: some 600 kB each, where all of it was asked for."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    request_id: str
    base_url: str
    read_only: bool = False
    """Asked by GET, which must change nothing."""
    is_gone: Callable[[], bool] | None = None
    """Whether the client has left; asked between slices of work."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` and `errors` as in the specification; `refused` when nothing was run, so there is no `data` at all."""

    body: Mapping[str, Any]
    refused: bool
    code: str | None = None
    """Of the first error of a refused request."""


class Executor:
    """Runs requests against one schema and one backend: by a plan where there is one and all goes well, else by the engine."""

    def __init__(self, schema: GraphQLSchema, backend: Backend, *, planned: bool = True) -> None:
        """`planned` False leaves everything to the engine; the answers are the same."""
        self._schema = schema
        self._backend = backend
        self._documents = Documents(schema, backend.bounds)
        self._planned = planned
        self._introspections: OrderedDict[Any, msgspec.Raw] = OrderedDict()
        self.unplanned: Counter[str] = Counter()
        """How often the engine answered instead of a plan, by reason; a reason's first time is logged."""

    async def run(self, request: GraphQLRequest) -> Answer:
        document = self._documents.get(request.query)
        if document.errors or document.ast is None:
            return self._refuse(document.errors, request)
        try:
            operation = document.operation(request.operation_name)
            if request.read_only and operation.node.operation is not OperationType.QUERY:
                raise BadInput("Only queries may be asked by GET; send this one by POST.")
            check_variables(request.variables, self._backend.bounds)
            variables = operation.variables.coerce(request.variables)
            if isinstance(variables, list):
                return self._refuse([_coded(error, BadInput.code) for error in variables], request)
            cost = self._cost(document, operation.node, variables.coerced)
        except SyndbError as error:
            return self._refuse([GraphQLError(str(error), original_error=error)], request)
        if operation.introspects:
            return self._answer(self._introspect(document.ast, request, variables.coerced), request, cost, 0)
        context = Context(self._backend, request.request_id, request.base_url, variables, is_gone=request.is_gone)
        limit = self._backend.bounds.request_timeout_s
        try:
            async with asyncio.timeout(limit):
                data = await self._run_plan(document, operation.node, context) if self._planned else None
                result = ExecutionResult(data)
                if data is None:
                    context = Context(
                        self._backend, request.request_id, request.base_url, variables,
                        rows_limit=cost.engine_rows if self._planned else None, late=context.late, is_gone=request.is_gone,
                    )  # fmt: skip
                    result = await self._run_engine(document.ast, request, context)
                await context.check_readable()
        except SyndbError as error:
            return self._refuse([GraphQLError(str(error), original_error=error)], request)
        except TimeoutError:
            late = RequestTimeout(f"The request took longer than {limit:g} s. Ask for smaller pages or fewer levels.")
            return self._refuse([GraphQLError(str(late), original_error=late)], request)
        return self._answer(result, request, cost, context.rows_read)

    def _introspect(self, ast: DocumentNode, request: GraphQLRequest, variables: Mapping[str, Any]) -> ExecutionResult:
        """What the schema says of itself never changes: the engine answers once, and the text is kept."""
        key = (request.query, request.operation_name, repr(sorted(variables.items())))
        if known := self._introspections.get(key):
            self._introspections.move_to_end(key)
            return ExecutionResult(known)  # type: ignore[arg-type]  # data that are encoded already
        result = execute(
            self._schema, ast, variable_values=dict(request.variables), operation_name=request.operation_name
        )
        assert isinstance(result, ExecutionResult)  # nothing in it waits
        if not result.errors:
            self._introspections[key] = msgspec.Raw(msgspec.json.encode(result.data))
            if len(self._introspections) > MAX_INTROSPECTIONS:
                self._introspections.popitem(last=False)
        return result

    async def _run_plan(
        self, document: Document, operation: OperationDefinitionNode, context: Context
    ) -> dict[str, Any] | None:
        """The data; None where there is no plan or it ended, so that the engine must begin anew."""
        coerced = context.variables.coerced
        key = (operation.name and operation.name.value, *(coerced.get(name) for name in document.deciding))
        plan = document.plans.get(key, lambda: self._compile(document, operation, context.variables))
        if isinstance(plan, str):
            self._leave_to_engine(plan)
            return None
        try:
            data: dict[str, Any] = await plan.answer(context)
        except ClientGone:
            raise
        except Unplanned as reason:
            self._leave_to_engine(str(reason))
        except (SyndbError, GraphQLError) as error:
            self._leave_to_engine(f"an error, {type(error).__name__}")
        except Exception as error:
            log.warning("A plan failed where the engine may not.", exc_info=error)
            self._leave_to_engine(f"a mistake, {type(error).__name__}")
        else:
            return data
        return None

    def _cost(self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> Cost:
        """Worked out anew only for other sizes: numbers, and lengths of lists, are all that a cost looks at."""
        assert document.ast
        ast = document.ast
        sizes = [
            (name, len(value) if isinstance(value, list) else value)
            for name, value in variables.items()
            if isinstance(value, int | list)
        ]
        key = (operation.name and operation.name.value, *sizes)
        return document.costs.get(
            key, lambda: measure_cost(self._schema, ast, operation, variables, self._backend.bounds)
        )

    def _compile(self, document: Document, operation: OperationDefinitionNode, variables: Any) -> Plan | str:
        """A plan, or the reason why there is none."""
        assert document.ast
        try:
            return compile_plan(self._schema, self._backend.model, document.ast, operation, variables)
        except Unplanned as reason:
            return str(reason)
        except RecursionError:
            return "a document nested too deep"

    def _leave_to_engine(self, reason: str) -> None:
        self.unplanned[reason] += 1
        if self.unplanned[reason] == 1:
            log.info("The engine answers instead of a plan: %s. Said once; counted from now on.", reason)

    async def _run_engine(self, ast: DocumentNode, request: GraphQLRequest, context: Context) -> ExecutionResult:
        result = execute(
            self._schema,
            ast,
            context_value=context,
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
            executor_class=RowsExecutor if self._planned else None,
        )
        return await result if inspect.isawaitable(result) else result

    def _answer(self, result: ExecutionResult, request: GraphQLRequest, cost: Cost, rows_read: int) -> Answer:
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = self._format(result.errors, request)
        actual = -(-rows_read // ROWS_PER_POINT)
        body["extensions"] = {"cost": {"requested": cost.requested, "actual": actual, "limit": cost.limit}}
        return Answer(body, refused=False)

    def _refuse(self, errors: Sequence[GraphQLError], request: GraphQLRequest) -> Answer:
        formatted = self._format(errors, request)
        return Answer({"errors": formatted}, refused=True, code=formatted[0]["extensions"]["code"])

    def _format(self, errors: Sequence[GraphQLError], request: GraphQLRequest) -> list[dict[str, Any]]:
        """At most `max_errors`, the same message only once for the same place in the document; what is masked is logged."""
        formatted: dict[Any, dict[str, Any]] = {}
        for error in errors:
            entry, fault = _format_error(error, request.request_id)
            key = (entry["message"], str(entry.get("locations")))
            if key in formatted:
                continue
            if len(formatted) == self._backend.bounds.max_errors:
                break
            formatted[key] = entry
            if fault is not None:
                log.error("Request %s failed at %s", request.request_id, _path_text(error), exc_info=fault)
        return list(formatted.values())


def _format_error(error: GraphQLError, request_id: str) -> tuple[dict[str, Any], Exception | None]:
    """What the client is told, and what it is not told: a fault of ours."""
    fault = None
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error:
        cause = cause.original_error
    message = error.message
    if isinstance(cause, SyndbError):
        code = cause.code
    elif cause is None or isinstance(cause, GraphQLError):
        code = str((error.extensions or {}).get("code", BadInput.code))
    else:
        code, message = SyndbError.code, "Something went wrong here. The request's id helps us to find it."
        fault = cause
    entry: dict[str, Any] = {"message": message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"}
    if error.locations:
        entry["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        entry["path"] = error.path
    entry["extensions"] = {"code": code, "requestId": request_id}
    return entry, fault


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {"code": code}
    return error


def _path_text(error: GraphQLError) -> str:
    return ".".join(str(part) for part in (error.path or ())[:30])
