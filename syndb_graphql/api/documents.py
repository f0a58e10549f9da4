"""Documents, read once: parsed, bounded and validated, kept by their text. Validation is most of what a small query costs."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    validate,
    visit,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError

from syndb_graphql.api.context import Bounds
from syndb_graphql.api.limits import Cost, check_shape
from syndb_graphql.api.variables import Variables
from syndb_graphql.errors import BadInput, LimitExceeded, SyndbError

MAX_KEPT = 16
"""Plans of one document: one for each operation and each set of values its directives look at. Costs likewise."""
Value = TypeVar("Value")
MAX_DOCUMENTS = 1000
"""With documents of 32 KiB at most, some 100 MB where every one is as large and as odd as it may be; far less in life."""
# Work that validation may spend on fields of one name, in its own units: 20,000 take some 50 ms. The largest of our
# examples needs 500; the library's default, 500,000, is a second for a document of 5 kB.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 20_000


@dataclass(frozen=True, slots=True)
class Operation:
    node: OperationDefinitionNode
    variables: Variables
    introspects: bool
    """Whether nothing but the schema is asked for."""


@dataclass(slots=True)
class Document:
    """A document that may be run, or the errors it was refused with."""

    ast: DocumentNode | None
    errors: Sequence[GraphQLError] = ()
    operations: Mapping[str | None, Operation] = field(default_factory=dict)
    """By name."""
    deciding: tuple[str, ...] = ()
    """Variables that directives look at: another value of theirs is another selection, and so another plan."""
    plans: "Kept[Any]" = field(default_factory=lambda: Kept())
    costs: "Kept[Cost]" = field(default_factory=lambda: Kept())

    def operation(self, name: str | None) -> Operation:
        """The operation to run. Raises BadInput where the name does not tell."""
        if name is None:
            if len(self.operations) == 1:
                return next(iter(self.operations.values()))
            raise BadInput(f"The document has {len(self.operations)} operations; say which one with `operationName`.")
        if name not in self.operations:
            raise BadInput(f"The document has no operation named '{name[:100]}'.")
        return self.operations[name]


class Kept(Generic[Value]):
    """What was worked out for a document, by what it depends on: the last few."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Value] = {}

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        if key not in self._values:
            made = make()
            if len(self._values) >= MAX_KEPT:
                self._values.pop(next(iter(self._values)))
            self._values[key] = made
        return self._values[key]

    def __len__(self) -> int:
        return len(self._values)


class Documents:
    """The documents last used, with what was found out about them."""

    def __init__(self, schema: GraphQLSchema, bounds: Bounds) -> None:
        self._schema = schema
        self._bounds = bounds
        self._known: OrderedDict[str, Document] = OrderedDict()

    def get(self, text: str) -> Document:
        document = self._known.get(text)
        if document is None:
            document = self._read(text)
            self._known[text] = document
            if len(self._known) > MAX_DOCUMENTS:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(text)
        return document

    def _read(self, text: str) -> Document:
        size = len(text.encode("utf-8", "surrogatepass"))
        try:
            if size > self._bounds.max_document_bytes:
                raise LimitExceeded(
                    f"The document has {size:,} bytes; {self._bounds.max_document_bytes:,} is the limit. "
                    "Move values into variables, or split the query."
                )
            ast = parse(text, no_location=False, max_tokens=self._bounds.max_tokens)
            check_shape(ast, self._bounds)
            errors = validate(self._schema, ast, max_errors=self._bounds.max_errors)
        except RecursionError:
            deep = LimitExceeded(f"The document is nested far too deep; {self._bounds.max_depth} fields is the limit.")
            return Document(None, [_refusal(deep)])
        except SyndbError as error:
            return Document(None, [_refusal(error)])
        except GraphQLError as error:
            limited = any(words in error.message for words in _LIMIT_WORDS)
            code = LimitExceeded.code if limited else "GRAPHQL_PARSE_FAILED"
            error.extensions = {"code": code}
            return Document(None, [error])
        if errors:
            return Document(ast, [_finding(found) for found in errors])
        operations = {
            node.name.value if node.name else None: Operation(
                node, Variables(self._schema, node, self._bounds.max_errors), _is_introspection(node)
            )
            for node in ast.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        return Document(ast, (), operations, _deciding_variables(ast))


def _is_introspection(operation: OperationDefinitionNode) -> bool:
    return all(
        isinstance(node, FieldNode) and node.name.value in ("__schema", "__type", "__typename")
        for node in operation.selection_set.selections
    )


class _DirectiveVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, None] = {}

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names[argument.value.name.value] = None


def _deciding_variables(ast: DocumentNode) -> tuple[str, ...]:
    visitor = _DirectiveVariables()
    visit(ast, visitor)
    return tuple(visitor.names)


def _refusal(error: SyndbError) -> GraphQLError:
    return GraphQLError(str(error), extensions={"code": error.code})


_LIMIT_WORDS = ("tokens. Parsing aborted", "nested too deeply", "introspection depth exceeded")


def _finding(error: GraphQLError) -> GraphQLError:
    """What validation found, under our codes. Its cause is left out: that would be logged as a failure of ours."""
    if isinstance(error, ValidationAbortedError) and "Too many" not in error.message:
        aborted = (
            "The document takes too long to check: fields of one name are selected too often. Select each field once."
        )
        return _refusal(LimitExceeded(aborted))
    limited = any(words in error.message for words in _LIMIT_WORDS)
    code = LimitExceeded.code if limited else "GRAPHQL_VALIDATION_FAILED"
    return GraphQLError(error.message, error.nodes, extensions={"code": code})
