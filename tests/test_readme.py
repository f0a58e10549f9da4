"""The README does what it says: its queries, commands, programs and tables are run or compared with what is there.

Its answers are shortened in three ways, which the README states: numbers rounded to three decimals, "…" for text that
differs each time, and "…" at the end of a list that goes on.
"""

import ast
import asyncio
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from packaging.requirements import Requirement

from syndb_graphql import errors
from syndb_graphql.cli import COMMANDS, run
from syndb_graphql.ingest import sections
from syndb_graphql.ingest.load import load_folder
from syndb_graphql.ingest.mesh import MESH_SUFFIXES
from syndb_graphql.ingest.readers import READERS
from syndb_graphql.spec.load import SCHEMA_DIR, load_model
from syndb_graphql.stores import open_stores

REPOSITORY = Path(__file__).parents[1]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
README = (REPOSITORY / "README.md").read_text("utf-8")
SERVER = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
NAMED_FILE = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.M | re.S)
MISTAKE = ("s3,n2,0.081", "s3,n3,n/a")
"""What the README says was written wrong in its second csv."""


@dataclass
class Question:
    query: str
    answers: list[dict] = field(default_factory=list)
    """Of page after page, where there are several."""


def questions() -> list[Question]:
    found: list[Question] = []
    for language, text in BLOCK.findall(README):
        if language == "graphql":
            found.append(Question(text))
        elif language == "json":
            found[-1].answers.append(json.loads(text))
    return found


def as_shown(answer: Any, shown: Any) -> Any:
    """The answer shortened as the README's is."""
    if shown == "…" and isinstance(answer, str):
        return shown
    if isinstance(answer, float):
        return round(answer, 3)
    if isinstance(answer, dict) and isinstance(shown, dict):
        return {key: as_shown(value, shown.get(key)) for key, value in answer.items()}
    if isinstance(answer, list) and isinstance(shown, list):
        cut = shown[-1:] == ["…"] and len(answer) >= len(shown)
        kept = answer[: len(shown) - 1] if cut else answer
        wanted = [*shown, *[None] * len(kept)]
        return [*(as_shown(value, wanted[at]) for at, value in enumerate(kept)), *(["…"] if cut else [])]
    return answer


def end_cursor(answer: Any) -> str | None:
    found = re.search(r'"endCursor": "([^"]+)"', json.dumps(answer))
    return found[1] if found else None


@pytest.mark.parametrize("question", questions(), ids=lambda question: " ".join(question.query.split())[:40])
async def test_each_query_of_the_tour_is_answered_as_shown(question, client):
    assert question.answers, "the query has no answer below it"
    variables: dict = {}
    for shown in question.answers:
        data = await client.ask(question.query, variables)
        assert as_shown({"data": data}, shown) == shown
        variables = {"after": end_cursor(data)}


async def test_the_tour_s_links_are_followed_and_renewed_as_it_says(client):
    (page,) = [question for question in questions() if "FileLink" in question.query]
    neuron = (await client.ask(page.query))["dataset"]["neuron"]
    for kind in ("mesh", "skeleton"):
        response = await client.http.get(neuron[kind]["url"])
        assert len(response.content) == neuron[kind]["size"]
    again = await client.ask(
        "query($ids: [ID!]!) { nodes(ids: $ids) { ... on File { url sha256 } } }",
        {"ids": [neuron["mesh"]["id"], neuron["skeleton"]["id"]]},
    )
    assert [node["sha256"] for node in again["nodes"]] == [neuron["mesh"]["sha256"], neuron["skeleton"]["sha256"]]
    assert all(node["url"].startswith("http") for node in again["nodes"])


async def test_the_cost_of_the_example_in_limits_is_what_is_charged(client):
    said = "`neurons(first: 10)` with `outgoingSynapses(first: 1000)` inside may read 10,010 rows, which is 101 points."
    assert said in " ".join(README.split())
    answer = await client.answer(
        '{ dataset(by: {label: "Hemibrain DA1 projection neurons"}) '
        "{ neurons(first: 10) { nodes { outgoingSynapses(first: 1000) { totalCount } } } } }"
    )
    assert answer["extensions"]["cost"]["requested"] == 101


# ── From a shell, from Python ──
def consoles() -> list[tuple[str, str]]:
    """Command and what it prints, of each console block."""
    found = []
    for language, text in BLOCK.findall(README):
        if language == "console":
            for part in text.split("$ ")[1:]:
                command, _, printed = part.replace("\\\n", "").partition("\n")
                found.append((command, printed.rstrip("\n")))
    return found


def test_the_curl_command_prints_what_is_shown(demo_server):
    ((command, shown),) = [(command, shown) for command, shown in consoles() if command.startswith("curl ")]
    words = shlex.split(command.replace(SERVER, demo_server.url))
    if shutil.which("curl"):
        printed = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout
    else:
        header = dict([words[words.index("-H") + 1].split(": ")])
        url = next(word for word in words if word.startswith("http"))
        printed = httpx.post(url, headers=header, content=words[words.index("-d") + 1]).text
    assert printed == shown


def test_the_data_frame_is_made_as_shown(demo_server, capsys):
    (program,) = [text for language, text in BLOCK.findall(README) if language == "python"]
    (shown,) = [text for language, text in BLOCK.findall(README) if language == "text"]
    assert SERVER in program
    exec(compile(program.replace(SERVER, demo_server.url), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert [line.rstrip() for line in printed.splitlines()] == shown.splitlines()


# ── Loading ──
@pytest.fixture
def lab(tmp_path, monkeypatch) -> Path:
    """The README's folder, written as it stands there."""
    files = NAMED_FILE.findall(README)
    assert len(files) == 3
    for name, text in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "my-lab"


def test_the_folder_with_a_mistake_is_reported_as_shown(lab, capsys):
    ((command, shown),) = [each for each in consoles() if "load --check" in each[0]]
    spines = lab / "dendritic_spine.csv"
    spines.write_text(spines.read_text("utf-8").replace(*MISTAKE), "utf-8")
    assert MISTAKE[1] in spines.read_text("utf-8")
    assert run(shlex.split(command)[1:]) == 1
    assert capsys.readouterr().out.rstrip("\n") == shown


def test_the_folder_is_loaded_as_shown(lab, capsys):
    ((command, shown),) = [each for each in consoles() if each[0].startswith("syndb-graphql load my-lab")]
    assert run(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out.rstrip("\n") == shown
    assert run(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out.startswith("unchanged")


def test_every_key_of_a_dataset_toml_is_in_the_page_about_loading():
    page = (REPOSITORY / "docs" / "loading.md").read_text("utf-8")
    said = set(re.findall(r"`([\w.]+)`", page))
    shapes = {
        "dataset": sections.DatasetSection,
        "dataset.brain_regions": sections.RegionSection,
        "dataset.mutations": sections.MutationSection,
        "dataset.sample": sections.SampleSection,
        "tables": sections.TableSection,
        "files": sections.FilesSection,
    }
    for where, shape in shapes.items():
        missing = {name.name for name in msgspec.structs.fields(shape)} - said
        assert not missing, f"docs/loading.md says nothing of {where}: {sorted(missing)}"


def test_every_format_that_is_read_is_in_the_page_about_loading():
    page = (REPOSITORY / "docs" / "loading.md").read_text("utf-8")
    assert [suffix for suffix in [*READERS, *MESH_SUFFIXES] if f"`{suffix}`" not in page] == []


# ── Adding a table ──
async def test_the_table_the_readme_adds_is_loaded_and_asked_for(tmp_path, make_settings, start_client):
    """Nothing but schema/ is touched: the README's two blocks go in, and the rest follows."""
    section = README.partition("## Adding a table")[2].partition("\n## ")[0]
    term, table = [text for language, text in BLOCK.findall(section) if language == "toml"]
    facts = tmp_path / "schema"
    shutil.copytree(SCHEMA_DIR, facts)
    with (facts / "columns.toml").open("a", encoding="utf-8") as columns:
        columns.write("\n" + term)
    (facts / "tables" / "spine_apparatus.toml").write_text(table, "utf-8")
    assert await asyncio.to_thread(run, ["schema", "write", "--dir", str(facts)]) == 0
    assert "type SpineApparatus implements" in (facts / "generated" / "syndb.graphql").read_text("utf-8")

    lab = tmp_path / "lab"
    lab.mkdir()
    for name, text in NAMED_FILE.findall(README):
        (lab / Path(name).name).write_text(text, "utf-8")
    (lab / "spine_apparatus.csv").write_text("cid,parent_id,cisterna_count\na1,s1,3\na2,s3,4\n", "utf-8")
    model = load_model(facts)
    settings = make_settings(model)
    stores = open_stores(settings, model)
    try:
        loaded = await load_folder(lab, model=model, rows=stores.rows, objects=stores.objects, owner="local")
    finally:
        await stores.close()
    assert (loaded.status, loaded.rows["spine_apparatus"]) == ("loaded", 2), loaded.findings
    async with start_client(settings, model) as client:
        data = await client.ask(
            """{ datasets { nodes { neurons { nodes { sourceId
              spineApparatuses { totalCount nodes { cisternaCount parent { sourceId } } } } } } } }"""
        )
    neurons = {each["sourceId"]: each["spineApparatuses"] for each in data["datasets"]["nodes"][0]["neurons"]["nodes"]}
    assert neurons["n1"] == {"totalCount": 1, "nodes": [{"cisternaCount": 3, "parent": {"sourceId": "s1"}}]}
    assert neurons["n2"] == {"totalCount": 1, "nodes": [{"cisternaCount": 4, "parent": {"sourceId": "s3"}}]}


# ── Tables that repeat what is said elsewhere ──
def table_below(heading: str) -> list[list[str]]:
    """The cells of the rows that begin with a name in code, of every table in a section of the README."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_of_errors_lists_every_code():
    codes = {cls.code for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.SyndbError)}
    for path in (REPOSITORY / "syndb_graphql").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("GRAPHQL_"):
                codes.add(node.value)
    assert {row[0].strip("`") for row in table_below("Errors")} == codes


def test_the_table_of_dependencies_is_that_of_pyproject():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    stated = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    rows = table_below("Dependencies")
    assert [row[0].strip("`") for row in rows] == [Requirement(each).name for each in stated]
    assert all(len(row[1]) > 3 for row in rows)


def test_every_command_is_named():
    assert [command.name for command in COMMANDS if f"syndb-graphql {command.name}" not in README] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page):
    text = page.read_text("utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in text.splitlines()
        if line[:1] == "#"
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        assert not path or (page.parent / path).exists(), target
        assert path or anchor in headings, target


def test_the_picture_is_small_enough_for_a_slow_line():
    picture = REPOSITORY / "docs" / "graphiql.png"
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size < 300_000


def test_make_has_the_targets_that_are_named():
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    for page in PAGES:
        named = set(re.findall(r"`make ([a-z-]+)`|^\$ make ([a-z-]+)", page.read_text("utf-8"), re.M))
        assert {one or other for one, other in named} <= targets, page.name
