"""Every exception of the driver is one of ours, with the code that a client is told: none gets out as it is."""

import importlib
import pkgutil
from collections.abc import Iterator

import cassandra
import cassandra.cluster
import pytest
from cassandra import protocol

from syndb_graphql.errors import StoreTimeout, StoreUnavailable
from syndb_graphql.store.cassandra import failures
from syndb_graphql.store.cassandra.failures import is_of_driver, may_pass, translate

# An object mapper, graphs, encryption, measuring and other event loops: not used here, and some cannot be imported.
NOT_USED = tuple(
    f"cassandra.{name}" for name in ("cqlengine", "datastax", "graph", "column_encryption", "io", "metrics")
)
LATE = {
    "cassandra.OperationTimedOut",
    "cassandra.Timeout",
    "cassandra.ReadTimeout",
    "cassandra.WriteTimeout",
    "cassandra.protocol.ReadTimeoutErrorMessage",
    "cassandra.protocol.WriteTimeoutErrorMessage",
}


@pytest.fixture(autouse=True)
def nothing_logged(monkeypatch) -> None:
    monkeypatch.setattr(failures, "_logged", {})


def exceptions() -> Iterator[type[BaseException]]:
    """Every class of an exception that a module of the driver defines."""
    walk = pkgutil.walk_packages(cassandra.__path__, "cassandra.", onerror=lambda name: None)
    names = [found.name for found in walk if not found.name.startswith(NOT_USED)]
    modules = [cassandra, *map(importlib.import_module, names)]
    seen = set()
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, BaseException) and value not in seen:
                seen.add(value)
                if value.__module__.partition(".")[0] == "cassandra":
                    yield value


ALL = sorted(exceptions(), key=lambda kind: f"{kind.__module__}.{kind.__name__}")


def made(kind: type[BaseException]) -> BaseException:
    """One of it, however it is made: what it carries does not count."""
    if issubclass(kind, protocol.ErrorMessage):
        return kind(0, "as a node says it", {})
    return kind.__new__(kind)


def test_the_driver_s_exceptions_are_found():
    names = {kind.__name__ for kind in ALL}
    assert {"NoHostAvailable", "ReadTimeout", "Unavailable", "OperationTimedOut", "ConnectionShutdown"} <= names
    assert len(ALL) > 40


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_each_is_told_as_a_store_that_is_late_or_not_there(kind, caplog):
    error = made(kind)
    assert is_of_driver(error)
    found = translate(error, 5)
    late = f"{kind.__module__}.{kind.__name__}" in LATE
    assert type(found) is (StoreTimeout if late else StoreUnavailable)
    assert found.code == ("STORE_TIMEOUT" if late else "STORE_UNAVAILABLE")
    assert found.__cause__ is error
    assert kind.__name__ in caplog.text  # whoever runs the server is told the rest
    assert str(found).endswith(".")


def test_a_load_waits_for_nodes_that_are_late_or_missing_and_for_nothing_else():
    passing = (
        cassandra.Unavailable("too few"),
        cassandra.OperationTimedOut(),
        cassandra.cluster.NoHostAvailable("none", {}),
        cassandra.WriteFailure("a replica that goes down"),
        cassandra.Unauthorized("Unable to perform authorization of permissions: Cannot achieve consistency level"),
    )
    final = (
        cassandra.InvalidRequest("unconfigured table"),
        cassandra.Unauthorized("User lab has no MODIFY permission"),
        cassandra.AuthenticationFailed("bad credentials"),
    )
    assert all(may_pass(translate(error, 5)) for error in passing)
    assert not any(may_pass(translate(error, 5)) for error in final)
    assert not may_pass(StoreUnavailable("The version was removed while it was written."))


def test_no_client_is_told_where_the_nodes_are():
    error = cassandra.cluster.NoHostAvailable("Unable to connect", {"10.1.2.3:9042": OSError("refused")})
    assert "10.1.2.3" not in str(translate(error, 5))


def test_ours_stay_what_they_are():
    error = StoreTimeout("late")
    assert translate(error, 5) is error
    assert not is_of_driver(ValueError("of python"))


def test_a_store_that_is_down_does_not_fill_the_log(caplog):
    for _ in range(100):
        translate(cassandra.cluster.NoHostAvailable("Unable to connect", {}), 5)
        translate(cassandra.OperationTimedOut(), 5)
    assert [record.message.partition(":")[0] for record in caplog.records] == ["NoHostAvailable", "OperationTimedOut"]
