"""Sets up what is compared with: one library for the limits always, the peers when asked. What cannot be had is said, not fatal.

All goes into the cache folder, but for PostgreSQL, which the system's packages bring (by apt-get, when run as root).
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from bench.paths import CACHE, LIBRARIES, PEERS, SERVERS
from bench.postgres import find_binaries

REQUIREMENTS = Path(__file__).parent / "requirements.lock"
NODE_NEEDED, NODE = 22, "22.23.3"
"""PostGraphile 5 and better-sqlite3 13 ask for Node 22; where the machine's is older, npm's package `node` brings one."""
DATASETTE = ("datasette==0.65.5", "datasette-graphql==2.2", "uvloop==0.23.0", "httptools==0.9.0")
CQLSH = ("cqlsh==6.2.2",)
PATIENCE_S = 400


class Unavailable(Exception):
    """Something could not be installed."""


def install_libraries() -> None:
    """Raises Unavailable."""
    stamp = LIBRARIES / "installed.lock"
    if stamp.is_file() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
        return
    shutil.rmtree(LIBRARIES, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    _call([*pip, "--require-hashes", "--target", str(LIBRARIES), "--requirement", str(REQUIREMENTS)])
    shutil.copyfile(REQUIREMENTS, stamp)


def install_node() -> str:
    """The path of a Node that is new enough. Raises Unavailable."""
    own = shutil.which("node")
    if own and int(_call([own, "-p", "process.versions.node"]).split(".")[0]) >= NODE_NEEDED:
        return own
    folder = PEERS / f"node-{NODE}"
    node = folder / "node_modules/node/bin/node"
    if not node.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": {"node": NODE}}))
        _npm(folder)
    if not node.is_file():
        raise Unavailable(f"Node {NODE} was not brought by npm's package `node`")
    return str(node)


def install_node_servers(node: str) -> None:
    """Mercurius and PostGraphile with what they need. Raises Unavailable."""
    folder = PEERS / "js"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (SERVERS / "package.json").read_bytes()
    stamp = folder / "installed.json"
    if not stamp.is_file() or stamp.read_bytes() != wanted:
        (folder / "package.json").write_bytes(wanted)
        _npm(folder, path=str(Path(node).parent))
        stamp.write_bytes(wanted)
    for script in SERVERS.glob("*.mjs"):  # modules are found from where the script lies
        shutil.copyfile(script, folder / script.name)


def install_postgres() -> Path:
    """The folder of its programs. Raises Unavailable."""
    if find_binaries() is None and os.getuid() == 0 and shutil.which("apt-get"):
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        _call(["apt-get", "update", "-q"], quiet)
        _call(["apt-get", "install", "-y", "-q", "postgresql"], quiet)
    found = find_binaries()
    if found is None:
        raise Unavailable("PostgreSQL is not installed (its initdb is not to be found); install the package postgresql")
    return found


def install_datasette() -> None:
    """Raises Unavailable."""
    _install_apart(PEERS / "datasette", DATASETTE)


def install_cqlsh() -> Path:
    """The folder of its programs. Raises Unavailable."""
    _install_apart(PEERS / "cqlsh", CQLSH)
    return PEERS / "cqlsh/bin"


def _install_apart(folder: Path, packages: Sequence[str]) -> None:
    """In an environment of its own."""
    stamp = folder / "installed.txt"
    wanted = "\n".join(packages)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    venv.create(folder, with_pip=True, clear=True)
    _call([str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
    stamp.write_text(wanted)


def peer_versions() -> dict[str, str]:
    """Of the peers that are installed."""
    versions = {}
    modules = PEERS / "js/node_modules"
    for name in ("mercurius", "graphql-jit", "better-sqlite3", "postgraphile"):
        package = modules / name / "package.json"
        if package.is_file():
            versions[name] = json.loads(package.read_text())["version"]
    binaries = find_binaries()
    if "postgraphile" in versions and binaries:
        versions["PostgreSQL"] = _call([str(binaries / "postgres"), "--version"]).split()[2]
    if (PEERS / "datasette/installed.txt").is_file():
        versions["datasette-graphql"] = DATASETTE[1].partition("==")[2]
    return versions


def _npm(folder: Path, path: str = "") -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is not installed")
    environment = os.environ | {"PATH": os.pathsep.join([*filter(None, [path]), os.environ["PATH"]])}
    environment["npm_config_cache"] = str(CACHE / "npm")
    _call([npm, "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder)], environment)


def _call(command: list[str], environment: dict[str, str] | None = None) -> str:
    name = Path(command[0]).name
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{name} took longer than {PATIENCE_S} s") from None
    except OSError as error:
        raise Unavailable(f"{name}: {error}") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Unavailable(f"{name} failed: {' '.join(words)[:300]}")
    return done.stdout
