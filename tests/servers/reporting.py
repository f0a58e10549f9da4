"""Says at the end of a run which tests on real servers were not run, and how to run them."""

from typing import Any

import pytest

NOT_ASKED_FOR = pytest.StashKey[int]()


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("servers"):
            item.config.stash[NOT_ASKED_FOR] = item.config.stash.get(NOT_ASKED_FOR, 0) + 1


# Tests on several cores: each worker leaves the same ones out, and tells.
def pytest_sessionfinish(session: pytest.Session) -> None:
    told: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["not_asked_for"] = session.config.stash.get(NOT_ASKED_FOR, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[NOT_ASKED_FOR] = getattr(node, "workeroutput", {}).get("not_asked_for", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left = config.stash.get(NOT_ASKED_FOR, 0)
    if left:
        terminalreporter.write_line(
            f"{left} tests on real servers (Cassandra, S3) were not run. `make test-servers` runs them.", yellow=True
        )
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        if "servers" in report.keywords and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            reasons[reason] = reasons.get(reason, 0) + 1
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} tests on real servers were SKIPPED: {reason}.", red=True, bold=True)
