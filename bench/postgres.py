"""PostgreSQL for PostGraphile: a cluster of its own in a temporary folder, reached through a socket file, gone afterwards."""

import contextlib
import csv
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.paths import LOGS, SERVERS

SETTINGS = """
listen_addresses = ''
shared_buffers = 512MB
effective_cache_size = 2GB
random_page_cost = 1.1
synchronous_commit = off
"""
START_S = 30


class PostgresFailed(Exception):
    """The cluster could not be made or filled."""


def find_binaries() -> Path | None:
    """The folder with `initdb` and `postgres`, of the newest version there is."""
    on_path = shutil.which("initdb")
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


@contextlib.contextmanager
def run_postgres(binaries: Path, rows: Path) -> Iterator[str]:
    """The address of a database with the rows of the SQLite file. Raises PostgresFailed."""
    # PostgreSQL refuses to run as root, and its user could not enter root's home: so all lies in the temporary folder.
    user = {"user": pwd.getpwnam("postgres").pw_uid, "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="syndb-bench-") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, "postgres")
        _call(
            [
                binaries / "initdb",
                "-D",
                folder / "cluster",
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-locale",
            ],
            **user,
        )
        with (folder / "cluster/postgresql.conf").open("a") as file:
            file.write(f"{SETTINGS}unix_socket_directories = '{folder}'\n")
        LOGS.mkdir(parents=True, exist_ok=True)
        with (LOGS / "postgres.log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "cluster"], stdout=log, stderr=log, cwd=folder, **user
            )
        try:
            _wait(binaries, folder, process)
            _fill(binaries, folder, rows)
            yield f"postgres:///postgres?host={folder}&user=postgres"
        finally:
            process.send_signal(signal.SIGINT)  # its "fast" shutdown
            process.wait(60)


def _wait(binaries: Path, folder: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while subprocess.run([binaries / "pg_isready", "-q", "-h", folder], check=False, timeout=10).returncode:
        if process.poll() is not None or time.monotonic() > until:
            raise PostgresFailed(f"PostgreSQL did not start; see {LOGS / 'postgres.log'}.")
        time.sleep(0.05)


def _fill(binaries: Path, folder: Path, rows: Path) -> None:
    source = sqlite3.connect(f"file:{rows}?mode=ro", uri=True)
    for table in ("dataset", "neuron", "synapse"):
        with (folder / f"{table}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(source.execute(f"SELECT * FROM {table}"))
    source.close()
    psql = [binaries / "psql", "-q", "-h", folder, "-U", "postgres", "-v", "ON_ERROR_STOP=1"]
    _call([*psql, "-f", SERVERS / "postgres.sql"], cwd=folder)


def _call(command: list[str | Path], **options) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)
    if done.returncode:
        raise PostgresFailed(f"{Path(command[0]).name}: {done.stderr.strip()[-1000:]}")
