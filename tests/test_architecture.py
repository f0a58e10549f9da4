"""The house's rules, read from the source: which room may know which, where a library may be used, how large things grow.

The rules and their reasons are in docs/development.md. A new room needs a line in ROOMS; the failure says so.
"""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
PACKAGE = "syndb_graphql"

CONTRACTS = {"store.protocol", "objects.protocol", "spec", "errors"}
ROOMS: dict[str, set[str]] = {
    # room or module: what of the package it may import; a room's name stands for all that is in it
    "errors": set(),
    "held": set(),
    "spec": {"errors"},
    "settings": {"spec.naming", "errors"},
    "emit": {"spec", "errors"},
    "store": {"emit", "spec", "errors"},
    "objects": {"held", "errors"},
    "catalog": CONTRACTS,
    "reads": CONTRACTS,
    "ingest": CONTRACTS | {"catalog", "emit", "held"},
    "demo": {"errors"},
    "api": CONTRACTS | {"reads", "catalog"},
    "stores": {"store", "objects", "settings", "spec", "errors"},
    "app": CONTRACTS | {"api", "catalog", "stores", "settings", ""},
    "cli": CONTRACTS | {"catalog", "ingest", "stores", "settings", ""},
    "cli.serve": {"app", "stores", "settings", "spec", "errors"},
    "cli.schema": {"api", "emit", "spec", "errors"},
    "__main__": {"cli"},
    "": set(),
}
"""Only `serve` and `schema` know the graph: the other commands start without HTTP and Strawberry."""

LIBRARIES = {
    "strawberry": {"api"},
    "graphql": {"api"},
    "starlette": {"api", "app"},
    "uvicorn": {"cli.serve"},
    "apsw": {"store.sqlite"},
    "cassandra": {"store.cassandra"},
    "minio": {"objects.minio"},
    "trimesh": {"ingest"},
    "fastexcel": {"ingest", "demo"},
    "rich": {"cli"},
    "tantivy": {"catalog.search"},
    "pydantic": {"settings"},
    "pydantic_settings": {"settings"},
}
"""A library that is named here is imported nowhere else. `store.sqlite` stands for every module whose name begins so."""

MAX_MODULE_LINES = 450
MAX_FUNCTION_LINES = 70
"""More is a sign that two things live in one place."""
NAMES_THAT_SAY_NOTHING = re.compile(r"(managers?|utils?|utilities|helpers?|common|misc|shared)$")
MAX_FILE_BYTES = 5_000_000


@dataclass(frozen=True)
class Import:
    importer: str
    imported: str
    line: int
    late: bool
    """Within a function."""
    typing: bool
    """For names of types alone, never run."""

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@cache
def sources() -> dict[str, ast.Module]:
    """Modules by their name without the package's: `api.http`, `` for the package itself."""
    found = {}
    for path in sorted((REPOSITORY / PACKAGE).rglob("*.py")):
        parts = path.relative_to(REPOSITORY / PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text("utf-8"), str(path))
    return found


@cache
def imports() -> list[Import]:
    return [each for name, tree in sources().items() for each in _imports_of(name, tree)]


def _imports_of(name: str, node: ast.AST, *, late: bool = False, typing: bool = False) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(name, alias.name, child.lineno, late, typing) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{name}:{child.lineno}: imports are absolute here"
            for alias in child.names:
                below = f"{child.module}.{alias.name}"
                is_module = below.removeprefix(f"{PACKAGE}.") in sources()
                yield Import(name, below if is_module else str(child.module), child.lineno, late, typing)
        else:
            in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            yield from _imports_of(name, child, late=late or in_function, typing=typing or for_types)


def own_imports() -> list[tuple[Import, str]]:
    """Imports of the package's own modules, with the name of what they import."""
    prefix = f"{PACKAGE}."
    return [
        (each, each.imported.removeprefix(PACKAGE).removeprefix("."))
        for each in imports()
        if each.imported == PACKAGE or each.imported.startswith(prefix)
    ]


def rule_of(module: str) -> str:
    """The entry of ROOMS a module goes by: its own, or that of its room."""
    return module if module in ROOMS else module.partition(".")[0]


def test_each_room_imports_only_what_it_may_know():
    unknown = sorted({rule_of(name) for name in sources()} - set(ROOMS))
    assert not unknown, f"Say in ROOMS (and docs/development.md) what these may import: {unknown}"
    wrong = []
    for each, target in own_imports():
        room = each.importer.partition(".")[0]
        allowed = ROOMS[rule_of(each.importer)] | {room}
        if not any(target == name or (name and target.startswith(f"{name}.")) for name in allowed):
            wrong.append(str(each))
    assert not wrong, "\n".join(wrong)


def test_a_contract_does_not_know_its_implementations():
    for name in ("store.protocol", "objects.protocol"):
        known = {target for each, target in own_imports() if each.importer == name}
        assert all(target.partition(".")[0] in ("spec", "errors") for target in known), (name, known)


def test_no_two_modules_import_each_other_in_a_circle():
    below: dict[str, set[str]] = {name: set() for name in sources()}
    for each, target in own_imports():
        if not each.typing:
            below[each.importer].add(target)
    left = dict(below)
    while free := [name for name, targets in left.items() if not targets & set(left)]:
        for name in free:
            del left[name]
    assert not left, f"these import each other: {sorted(left)}"


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_library_stays_in_its_place(library):
    wrong = [
        str(each)
        for each in imports()
        if each.imported.partition(".")[0] == library
        and not any(f"{each.importer}.".startswith((f"{place}.", f"{place}_")) for place in LIBRARIES[library])
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_imports_its_own_package_within_a_function():
    """But for the table of commands: there importlib brings a command's module when it is used."""
    wrong = [str(each) for each, _ in own_imports() if each.late]
    assert not wrong, "\n".join(wrong)
    assert {each.importer for each in imports() if each.imported.partition(".")[0] == "importlib"} <= {"cli"}


def test_names_say_what_is_in_a_module():
    wrong = [name for name in sources() if any(NAMES_THAT_SAY_NOTHING.search(part) for part in name.split("."))]
    assert not wrong


def test_every_module_says_what_it_is():
    silent = [name for name, tree in sources().items() if tree.body and not ast.get_docstring(tree)]
    assert not silent


def test_modules_and_functions_stay_small():
    large = []
    for name, tree in sources().items():
        lines = max((node.end_lineno or 0 for node in tree.body), default=0)
        if lines > MAX_MODULE_LINES:
            large.append(f"{name} has {lines} lines, more than {MAX_MODULE_LINES}")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    large.append(f"{name}.{node.name} has {lines} lines, more than {MAX_FUNCTION_LINES}")
    assert not large, "\n".join(large)


# ── The repository ──
@cache
def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, timeout=30, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout, so nobody knows which files belong to it")
    paths = [REPOSITORY / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def tracked_texts() -> Iterator[tuple[str, str]]:
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" not in content:
            yield str(path.relative_to(REPOSITORY)), content.decode("utf-8")


def test_no_tracked_file_is_over_5_mb():
    large = {path.name: path.stat().st_size for path in tracked_files() if path.stat().st_size > MAX_FILE_BYTES}
    assert not large


def test_no_file_names_a_path_of_one_persons_machine():
    machine = re.compile(r"(?<![\w.~/])/(?:home|root|Users|work)/\w")
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in tracked_texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if machine.search(line)
    ]
    assert not found, "\n".join(found)


def test_lock_files_name_hashes_and_no_host():
    """So that they install from whatever index or mirror a machine is set up with."""
    host = re.compile(
        r'^--(index-url|extra-index-url|find-links|trusted-host)|"resolved"|^registry *=|@ https?://', re.M
    )
    locks = {name: text for name, text in tracked_texts() if name.endswith((".lock", "package-lock.json", ".npmrc"))}
    assert len(locks) >= 5
    assert not [name for name, text in locks.items() if host.search(text)]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_has_what_pyproject_asks_for(lock):
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (REPOSITORY / lock).read_text("utf-8"), re.M))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    asked = project["dependencies"] + (project["optional-dependencies"]["dev"] if "dev" in lock else [])
    missing = [
        each
        for each in map(Requirement, asked)
        if not each.specifier.contains(locked.get(canonicalize_name(each.name), "0"))
    ]
    assert not missing, f"run `make lock-new`: {missing}"


def test_nothing_that_is_built_or_installed_is_tracked():
    parts = {part for path in tracked_files() for part in path.relative_to(REPOSITORY).parts}
    assert not parts & {"node_modules", "__pycache__", ".venv", "dist"}
    built = [path for path in tracked_files() if path.is_relative_to(REPOSITORY / PACKAGE / "web")]
    assert not built


def test_no_secret_is_tracked():
    secret = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b")
    assert not [name for name, text in tracked_texts() if secret.search(text)]
