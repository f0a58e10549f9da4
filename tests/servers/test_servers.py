"""The servers of the tests themselves: they come, bear what tests do to them, and never outlive the tests."""

import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[2]


def test_a_node_answers_and_says_how_it_is(cassandra_node):
    assert cassandra_node.answers()
    assert f"UN  {cassandra_node.host}" in cassandra_node.nodetool("status")


def test_the_s3_server_refuses_strangers_and_comes_back_after_a_kill(s3_server):
    assert s3_server.answers()
    s3_server.kill()
    assert not s3_server.alive
    with pytest.raises(OSError):
        s3_server.answers()
    s3_server.heal()
    s3_server.pause()
    s3_server.heal()
    assert s3_server.answers()


def test_a_server_does_not_outlive_tests_that_are_killed():
    program = """
        import signal, time
        from tests.servers.s3 import run_s3
        with run_s3() as server:
            print(server.process.pid, flush=True)
            signal.pause()
    """
    tests = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, cwd=ROOT)
    assert tests.stdout
    with tests.stdout:
        pid = int(tests.stdout.readline())
    watched = os.pidfd_open(pid)  # readable once the process has ended
    try:
        tests.send_signal(signal.SIGKILL)
        tests.wait(10)
        assert select.select([watched], [], [], 10)[0], f"the server {pid} still runs"
    finally:
        os.close(watched)
