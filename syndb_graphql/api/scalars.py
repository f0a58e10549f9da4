"""Scalars of the graph. Within the server a uuid is its 16 bytes, a time an aware datetime, a 64-bit number an int."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

UUID = NewType("UUID", bytes)
DateTime = NewType("DateTime", datetime)
URL = NewType("URL", str)
BigInt = NewType("BigInt", int)
Count = NewType("Count", int)

MAX_COUNT = 2**53 - 1
MAX_BIGINT = 2**63 - 1


def format_uuid(value: bytes) -> str:
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def parse_uuid(value: Any) -> bytes:
    if not isinstance(value, str) or len(value) > 45:
        raise GraphQLError(f"A UUID is text such as 5f3ab5c1-6d0c-5b0e-9a53-0d6f3b0f5d11, not {str(value)[:60]!r}.")
    try:
        if len(value) == 36:  # as nearly all are written: a fifth of the time
            found = bytes.fromhex(value.replace("-", ""))
            if len(found) == 16 and value[8] == value[13] == value[18] == value[23] == "-":
                return found
        return uuid.UUID(value).bytes
    except ValueError:
        raise GraphQLError(f"A UUID is text such as 5f3ab5c1-6d0c-5b0e-9a53-0d6f3b0f5d11, not {value!r}.") from None


def format_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(value: Any) -> datetime:
    try:
        parsed = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise GraphQLError(f"A DateTime is text such as 2026-11-22T17:30:00Z, with its zone, not {str(value)[:60]!r}.")
    return parsed


def _parse_url(_value: Any) -> str:
    raise GraphQLError("A URL is only ever answered.")


def _parse_bigint(value: Any) -> int:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text.removeprefix("-").isdecimal() or len(text) > 20 or not -MAX_BIGINT - 1 <= int(text) <= MAX_BIGINT:
        raise GraphQLError(
            f'A BigInt is text of a 64-bit number such as "720575940379279123", not {str(value)[:60]!r}.'
        )
    return int(text)


def _parse_count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise GraphQLError(f"A Count is a whole number from 0 to 2^53-1, not {str(value)[:60]!r}.")
    return value


SCALARS: Mapping[object, ScalarDefinition] = {
    UUID: strawberry.scalar(
        name="UUID",
        description="A UUID as lower-case text.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc9562",
        serialize=format_uuid,
        parse_value=parse_uuid,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A moment as RFC 3339 text, answered in UTC.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=format_time,
        parse_value=parse_time,
    ),
    URL: strawberry.scalar(
        name="URL",
        description="An absolute address.",
        specified_by_url="https://url.spec.whatwg.org/",
        serialize=str,
        parse_value=_parse_url,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A signed 64-bit identifier as text, since a JSON number would lose digits. Not for arithmetic.",
        specified_by_url="https://syndb.example/scalars#BigInt",
        serialize=str,
        parse_value=_parse_bigint,
    ),
    Count: strawberry.scalar(
        name="Count",
        description="A count or size as a JSON number, 0 to 2^53-1.",
        specified_by_url="https://syndb.example/scalars#Count",
        serialize=int,
        parse_value=_parse_count,
    ),
}
