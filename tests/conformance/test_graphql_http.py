"""The reference suite of GraphQL over HTTP (npm `graphql-http`, 61 audits) against a server in a process of its own.

It needs Node, and npm's registry the first time; without them it is skipped in so many words, and fails where CI is set.
What is installed lies beside this file, in a folder that git ignores.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.embedded

HERE = Path(__file__).parent
AUDITS = 61
INSTALL_SECONDS, AUDIT_SECONDS = 120, 60


def refuse(reason: str) -> None:
    """No test may be left out unseen."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def node() -> str:
    """The Node program, with the suite installed as the lock says."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if not found or not npm:
        refuse("Node.js is not there, so GraphQL over HTTP is not audited: install Node.js 20 or newer.")
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules" / ".installed"
    if not stamp.is_file() or stamp.read_text() != wanted:
        command = [npm, "ci", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=20000"]
        try:
            subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=True)
        except subprocess.SubprocessError as error:
            said = getattr(error, "stderr", None) or error
            refuse(f"npm could not install the audits of GraphQL over HTTP: {str(said)[-500:]}")
        stamp.write_text(wanted)
    return found


def test_all_audits_of_graphql_over_http_are_passed(node, demo_server):
    run = subprocess.run(
        [node, "audit.mjs", f"{demo_server.url}/graphql"],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=AUDIT_SECONDS,
    )
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS
