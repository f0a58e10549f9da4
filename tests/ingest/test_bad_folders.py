"""Folders with one mistake each, as labs make them: the report names the rule, the cell and the remedy.

One good folder, spoilt in one place a row of the table below; what a contributor would read is what is compared.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syndb_graphql.cli import run

from .workbooks import Cell, Day, Fault, workbook

TOML = """\
[dataset]
label = "Layer 4, two neighbours"
animal = "mouse"
microscopy = "SBEM"
license = "CC-BY-4.0"
brain_regions = [{ structure = "primary visual cortex" }]

[tables.neuron]
length_unit = "um"

[tables.dendrite]
length_unit = "um"

[tables.dendritic_spine]
length_unit = "um"

[tables.synapse]
length_unit = "um"

[files.mesh]
unit = "um"

[files.skeleton]
unit = "um"
"""
ANN, BOB = "720575940621039145", "720575940621039146"
GOOD: dict[str, str | bytes] = {
    "dataset.toml": TOML,
    "neuron.csv": f"""\
cid,name,cell_type,mesh_volume,mesh_surface_area,voxel_volume,mesh_sphericity,cable_length,soma_x,soma_y,soma_z,mitochondria_count,total_mitochondria_volume,mesh_path,swc_path
{ANN},Ann,pyramidal,2100,9800,2130,,,10.5,20.5,30.5,410,160,,trees/ann.swc
{BOB},Bob,pyramidal,,,,,3880.2,110.5,90.5,35.5,,,meshes/bob.obj,
""",
    "dendrite.csv": f"""\
cid,parent_id,cable_length,dendritic_spine_count,n_branches,n_leaves,n_trees,is_tree
d1,{ANN},812.5,2,7,8,1,true
d2,{BOB},640.2,1,5,6,1,true
""",
    "dendritic_spine.csv": """\
cid,parent_id,mesh_volume,mesh_surface_area,head_volume,neck_length
s1,d1,0.09,1.31,0.062,0.81
s2,d1,0.16,1.75,0.118,0.43
s3,d2,0.11,1.42,0.081,1.02
""",
    "synapse.csv": f"""\
cid,pre_neuron_id,post_neuron_id,post_id,centroid,confidence,gaba,glutamate,contact_area,neurotransmitter
8001,{BOB},{ANN},s1,[12.1 21.0 31.4],0.95,0.02,0.96,0.088,glutamate
8002,{ANN},{BOB},s3,[108.2 88.7 36.0],0.91,0.01,0.97,0.064,glutamate
""",
    "neuron_relation.csv": f"""\
pre_neuron_id,post_neuron_id,relation_type,synapse_count,directed
{BOB},{ANN},chemical,1,true
{ANN},{BOB},electrical,1,false
""",
    "trees/ann.swc": "1 1 10.5 20.5 30.5 8 -1\n2 3 60.5 20.5 30.5 1 1\n3 3 90.5 40.5 30.5 1 2\n4 3 90.5 0.5 30.5 1 2\n",
    "meshes/bob.obj": (
        "v 8 0 0\nv -8 0 0\nv 0 8 0\nv 0 -8 0\nv 0 0 8\nv 0 0 -8\n"
        "f 1 3 5\nf 3 2 5\nf 2 4 5\nf 4 1 5\nf 3 1 6\nf 2 3 6\nf 4 2 6\nf 1 4 6\n"
    ),
}
Folder = dict[str, str | bytes]


# ── How a folder is spoilt ──
@dataclass(frozen=True)
class SpoilCell:
    """A cell of a table gets another value. `row` as a spreadsheet counts: the header is row 1."""

    file: str
    row: int
    column: str
    value: str

    def __call__(self, folder: Folder) -> None:
        rows = _rows(folder[self.file])
        rows[self.row - 1][rows[0].index(self.column)] = self.value
        folder[self.file] = _text(rows)


@dataclass(frozen=True)
class SpoilColumn:
    """All cells of a column are changed, or it is added."""

    file: str
    column: str
    values: tuple[str, ...]

    def __call__(self, folder: Folder) -> None:
        rows = _rows(folder[self.file])
        if self.column not in rows[0]:
            rows = [[*row, self.column if at == 0 else ""] for at, row in enumerate(rows)]
        for row, value in zip(rows[1:], self.values, strict=True):
            row[rows[0].index(self.column)] = value
        folder[self.file] = _text(rows)


@dataclass(frozen=True)
class AddRow:
    """A row is put in before row `at`; cells that are not named stay empty."""

    file: str
    at: int
    cells: dict[str, str]

    def __call__(self, folder: Folder) -> None:
        rows = _rows(folder[self.file])
        rows.insert(self.at - 1, [self.cells.get(name, "") for name in rows[0]])
        folder[self.file] = _text(rows)


@dataclass(frozen=True)
class Replace:
    """Some text of a file is another."""

    file: str
    old: str
    new: str

    def __call__(self, folder: Folder) -> None:
        text = folder[self.file]
        assert isinstance(text, str)
        assert self.old in text
        folder[self.file] = text.replace(self.old, self.new, 1)


@dataclass(frozen=True)
class PutFile:
    """A file is there instead, or is gone."""

    file: str
    content: str | bytes | None

    def __call__(self, folder: Folder) -> None:
        if self.content is None:
            del folder[self.file]
        else:
            folder[self.file] = self.content


@dataclass(frozen=True)
class AsWorkbook:
    """A table is a workbook, some cells of which are what a spreadsheet made of them."""

    table: str
    cells: dict[tuple[int, str], Cell]

    def __call__(self, folder: Folder) -> None:
        rows: list[list[Cell]] = [list(row) for row in _rows(folder.pop(f"{self.table}.csv"))]
        header = [str(name) for name in rows[0]]
        for at, row in enumerate(rows[1:], start=2):
            rows[at - 1] = [
                self.cells.get((at, name), _number(str(cell))) for name, cell in zip(header, row, strict=True)
            ]
        for (at, name), cell in self.cells.items():
            if at == 1:
                rows[0][header.index(name)] = cell
        folder[f"{self.table}.xlsx"] = workbook(rows)


def _rows(text: str | bytes) -> list[list[str]]:
    assert isinstance(text, str)
    return list(csv.reader(io.StringIO(text)))


def _text(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _number(cell: str) -> Cell:
    try:
        return cell if len(cell) > 15 else float(cell)
    except ValueError:
        return cell


# ── The table ──
@dataclass(frozen=True)
class Story:
    """What was done to the good folder, and what the report says of it."""

    spoil: Callable[[Folder], None]
    rule: str
    file: str
    row: int | None
    column: str | None
    value: str | None
    remedy: str
    """Words of the message or the remedy."""
    severity: str = "error"
    also: tuple[str, ...] = ()
    """Other rules that the same mistake breaks."""


N, D, S, Y, R = "neuron.csv", "dendrite.csv", "dendritic_spine.csv", "synapse.csv", "neuron_relation.csv"
WARNING = "warning"
STORIES: dict[str, Story] = {
    # ── units ──
    "voxels given as nm": Story(
        Replace("dataset.toml", '[tables.neuron]\nlength_unit = "um"', '[tables.neuron]\nlength_unit = "nm"'),
        "implausible", N, 2, "mesh_volume", "2100", "Are these voxels, or um3? State length_unit in [tables.neuron]",
        WARNING, ("points-close-together",),
    ),
    "a neuron of 3 nm": Story(
        SpoilCell(N, 3, "cable_length", "0.003"),
        "implausible", N, 3, "cable_length", "0.003", "3 nm; of a neuron it is 10 µm to 5 m. Are these voxels, or m?", WARNING,
    ),
    "nm in a column of µm": Story(
        SpoilCell(S, 3, "neck_length", "430"),
        "implausible", S, 3, "neck_length", "430", "of a dendritic spine it is 5 nm to 20 µm", WARNING,
    ),
    "a coordinate in nm among µm": Story(
        SpoilCell(N, 2, "soma_x", "10500000"), "implausible", N, 2, "soma_x", "10500000", "length_unit", WARNING,
    ),
    "a volume of 0 where nobody measured": Story(
        SpoilCell(S, 2, "head_volume", "0"), "implausible", S, 2, "head_volume", "0", "Leave the cell empty", WARNING,
    ),
    "a count that is an id": Story(
        SpoilCell(D, 3, "n_leaves", "62103914"), "implausible", D, 3, "n_leaves", "62103914", "what its name says", WARNING,
    ),
    "a volume below 0": Story(
        SpoilCell(S, 4, "mesh_volume", "-0.11"), "out-of-bounds", S, 4, "mesh_volume", "-0.11", "at least 0", also=("implausible",),
    ),
    "a count below 0": Story(
        SpoilCell(D, 2, "n_branches", "-1"), "out-of-bounds", D, 2, "n_branches", "-1", "at least 0",
    ),
    "a probability in per cent": Story(
        SpoilCell(Y, 2, "glutamate", "96"), "out-of-bounds", Y, 2, "glutamate", "96", "at most 1", also=("probabilities-over-1",),
    ),
    "probabilities that add up to 1.4": Story(
        SpoilCell(Y, 3, "gaba", "0.43"), "probabilities-over-1", Y, 3, "gaba", "0.43", "add up to over 1", WARNING,
    ),
    "a sphericity over 1": Story(
        SpoilCell(N, 2, "mesh_sphericity", "1.3"),
        "sphericity-over-1", N, 2, "mesh_sphericity", "1.3", "not of the same surface", WARNING, ("differs-from-computed",),
    ),
    "an area in another unit than the volume": Story(
        SpoilCell(S, 4, "mesh_surface_area", "0.142"),
        "sphericity-over-1", S, 4, "mesh_surface_area", "0.142", "not of the same surface", WARNING,
    ),
    "voxels' volume in another unit than the mesh's": Story(
        SpoilCell(N, 2, "voxel_volume", "0.00213"),
        "volumes-disagree", N, 2, "voxel_volume", "0.00213", "Check the unit of each", WARNING, ("implausible", "part-over-whole"),
    ),
    "a spine's head larger than the spine": Story(
        SpoilCell(S, 3, "head_volume", "1.18"), "part-over-whole", S, 3, "head_volume", "1.18", "larger than what they lie in",
        WARNING,
    ),
    "no mitochondria, of 160 µm³": Story(
        SpoilCell(N, 2, "mitochondria_count", "0"), "count-without-any", N, 2, "mitochondria_count", "0", "where nobody counted", WARNING,
    ),
    "a tree of three pieces": Story(
        SpoilCell(D, 3, "n_trees", "3"), "tree-contradicts-pieces", D, 3, "is_tree", "true", "contradict each other", WARNING,
    ),
    "no unit at all": Story(
        Replace("dataset.toml", '[tables.synapse]\nlength_unit = "um"\n', ""),
        "unit-missing", Y, 1, "contact_area", None, 'length_unit = "nm"',
    ),
    # ── ids and references ──
    "ids that a spreadsheet rounded": Story(
        SpoilCell(N, 3, "cid", "7.20575940621039E+17"),
        "rounded-id", N, 3, "cid", "7.20575940621039E+17", "Take the ids from the original",
        also=("missing-parent", "outside-the-data-set"),
    ),
    "ids that a spreadsheet rounded, with a decimal comma": Story(
        SpoilCell(D, 3, "parent_id", "7,20576E+17"),
        "rounded-id", D, 3, "parent_id", "7,20576E+17", "Take the ids from the original",
    ),
    "a row twice": Story(
        AddRow(S, 5, {"cid": "s1", "parent_id": "d2"}), "duplicate-id", S, 5, "cid", "s1", "that of row 2",
        also=("count-too-small",),
    ),
    "a row twice, once with a capital": Story(
        AddRow(S, 5, {"cid": "S1"}), "ids-alike", S, 5, "cid", "S1", "differs from 's1' of row 2", WARNING,
    ),
    "an id with a blank that is not seen": Story(
        SpoilCell(Y, 2, "cid", "80\u200b01"), "invisible-character", Y, 2, "cid", "80\u200b01", "Type it anew", WARNING,
    ),
    "ids marked as text": Story(
        SpoilCell(Y, 3, "cid", "'8002"), "spreadsheet-quote", Y, 3, "cid", "'8002", "without the apostrophe", WARNING,
    ),
    "a row without an id": Story(
        SpoilCell(S, 3, "cid", ""), "missing-id", S, 3, "cid", "", "Give every row an id",
    ),
    "a parent that is nowhere": Story(
        SpoilCell(S, 4, "parent_id", "d9"), "missing-parent", S, 4, "parent_id", "d9", "Add the missing row",
    ),
    "a parent written otherwise": Story(
        SpoilCell(S, 4, "parent_id", "D2"), "missing-parent", S, 4, "parent_id", "D2", "Did you mean 'd2'?",
    ),
    "a parent that lost its zeros": Story(
        Replace(D, "d2,", "002,"), "missing-parent", S, 4, "parent_id", "d2", "Add the missing row",
    ),
    "a parent that is the row itself": Story(
        SpoilCell(D, 3, "parent_id", "d2"), "missing-parent", D, 3, "parent_id", "d2", "the parent of a dendrite is a row of neuron",
    ),
    "a parent that lies lower": Story(
        SpoilCell(D, 2, "parent_id", "s3"), "missing-parent", D, 2, "parent_id", "s3", "It is the id of a row of dendritic_spine",
    ),
    "a part of another neuron than its parent": Story(
        SpoilColumn(S, "neuron_id", ("", "", ANN)), "neuron-contradicts-parent", S, 4, "neuron_id", ANN, "Correct one of the two",
        also=("neuron-contradicts-end",),
    ),
    "a synapse on a spine of another neuron": Story(
        SpoilCell(Y, 3, "post_id", "s2"), "neuron-contradicts-end", Y, 3, "post_neuron_id", BOB, "belongs to another neuron",
    ),
    "a spine that forms a synapse with itself": Story(
        SpoilColumn(S, "forms_synapse_with", ("", "s2", "")), "refers-to-itself", S, 3, "forms_synapse_with", "s2", "another structure",
    ),
    "a partner outside the data set": Story(
        SpoilCell(R, 2, "pre_neuron_id", "99"), "outside-the-data-set", R, 2, "pre_neuron_id", "99", "Nothing to do if that is so", WARNING,
    ),
    "an undirected pair with two counts": Story(
        AddRow(R, 4, {"pre_neuron_id": BOB, "post_neuron_id": ANN, "relation_type": "electrical", "directed": "false",
                      "synapse_count": "4"}),
        "sides-differ", R, 4, "synapse_count", "4", "1 in row 3, from the other side", WARNING,
    ),
    "fewer spines counted than given": Story(
        SpoilCell(D, 2, "dendritic_spine_count", "1"),
        "count-too-small", D, 2, "dendritic_spine_count", "1", "2 rows of dendritic_spine belong to the structure", WARNING,
    ),
    "a table of neurons that was forgotten": Story(
        PutFile(N, None), "missing-parent", D, 2, "parent_id", ANN, "There is no neuron",
        also=("outside-the-data-set", "unrelated-table", "no-table"),
    ),
    # ── what spreadsheets do ──
    "decimal commas": Story(
        SpoilColumn(S, "neck_length", ("0,81", "0,43", "1,02")), "decimal-comma", S, 2, "neck_length", "0,81", 'decimal = ","',
    ),
    "thousands parted": Story(
        SpoilCell(N, 3, "cable_length", "3,880.2"), "thousands-separator", N, 3, "cable_length", "3,880.2", "plain digits",
    ),
    "thousands, or decimals?": Story(
        SpoilCell(N, 2, "mesh_volume", "2,100"), "thousands-separator", N, 2, "mesh_volume", "2,100", "which of them cannot be told",
    ),
    "a unit in the cell": Story(
        SpoilCell(S, 2, "neck_length", "0.81 µm"), "unit-in-cell", S, 2, "neck_length", "0.81 µm", "Write the number alone",
    ),
    "a row of units below the header": Story(
        AddRow(S, 2, {"mesh_volume": "µm³", "mesh_surface_area": "µm²", "head_volume": "[um3]", "neck_length": "(µm)"}),
        "units-row", S, 2, "mesh_volume", "µm³", "length_unit",
    ),
    "totals below the table": Story(
        AddRow(S, 5, {"cid": "Mean", "head_volume": "0.087", "neck_length": "0.753"}), "totals-row", S, 5, "cid", "Mean", "Take the row out",
    ),
    "a blank row in the middle": Story(
        AddRow(S, 3, {}), "blank-row", S, 3, "cid", None, "passed over", WARNING,
    ),
    "the header twice": Story(
        AddRow(S, 4, {name: name for name in ("cid", "parent_id", "mesh_volume", "mesh_surface_area", "head_volume", "neck_length")}),
        "header-again", S, 4, "cid", "cid", "Take it out",
    ),
    "a name that became a date": Story(
        SpoilCell(N, 3, "name", "1-Mar"), "date-for-word", N, 3, "name", "1-Mar", "as text before it is pasted", WARNING,
    ),
    "a number that became a date": Story(
        SpoilCell(S, 3, "neck_length", "3-Apr"), "date-cell", S, 3, "neck_length", "3-Apr", "Take the number from the original",
    ),
    "a formula that failed": Story(
        SpoilCell(S, 4, "mesh_volume", "#DIV/0!"), "error-cell", S, 4, "mesh_volume", "#DIV/0!", "Mend the formula",
    ),
    "n/a for what was not measured": Story(
        SpoilCell(D, 3, "cable_length", "n/a"), "not-a-number", D, 3, "cable_length", "n/a", "Leave the cell empty",
    ),
    "half a count": Story(
        SpoilCell(R, 3, "synapse_count", "1.5"), "not-a-whole-number", R, 3, "synapse_count", "1.5", "Write digits alone",
    ),
    "NaN, as programs write it": Story(
        SpoilCell(D, 3, "cable_length", "NaN"), "not-finite", D, 3, "cable_length", "NaN", "Leave the cell empty",
    ),
    # ── workbooks ──
    "a workbook that made a date of a number": Story(
        AsWorkbook("dendritic_spine", {(3, "neck_length"): Day(45382)}),
        "date-cell", "dendritic_spine.xlsx", 3, "neck_length", "2024-03-31", "Format the column as text",
    ),
    "a workbook with a failed formula": Story(
        AsWorkbook("dendritic_spine", {(2, "head_volume"): Fault("#DIV/0!")}),
        "error-cell", "dendritic_spine.xlsx", 2, "head_volume", "#DIV/0!", "Correct the formula",
    ),
    "a workbook that rounded the ids": Story(
        AsWorkbook("dendrite", {(2, "parent_id"): float(ANN)}),
        "rounded-id", "dendrite.xlsx", 2, "parent_id", "7.205759E+17", "Take the ids from the original",
    ),
    "a workbook with a merged header": Story(
        AsWorkbook("dendritic_spine", {(1, "parent_id"): None, (1, "mesh_surface_area"): None, **{
            (2, name): name for name in ("cid", "parent_id", "mesh_volume", "mesh_surface_area", "head_volume", "neck_length")}}),
        "merged-header", "dendritic_spine.xlsx", 1, None, "parent_id", "one row of names",
    ),
    "a workbook with totals": Story(
        AsWorkbook("dendritic_spine", {(4, "cid"): "Total"}), "totals-row", "dendritic_spine.xlsx", 4, "cid", "Total", "Take the row out",
        also=("missing-component", "outside-the-data-set"),
    ),
    # ── columns and files ──
    "a column written otherwise": Story(
        Replace(S, "neck_length", "neck_lenght"), "unknown-column", S, 1, "neck_lenght", "neck_lenght", "Did you mean 'neck_length'?",
    ),
    "a word that is no transmitter": Story(
        SpoilCell(Y, 2, "neurotransmitter", "glutamat"), "unknown-term", Y, 2, "neurotransmitter", "glutamat", "Use a term of the vocabulary",
        WARNING,
    ),
    "a point of two numbers": Story(
        SpoilCell(Y, 3, "centroid", "[108.2 88.7]"), "not-a-point", Y, 3, "centroid", "[108.2 88.7]", "Write such as [1 2 3]",
    ),
    "a value too many": Story(
        Replace(D, "d2,", "d2,,"), "ragged-row", D, 3, None, f"d2,,{BOB},640.2,1,5,6,1,true", "Quote values that hold a separator",
        also=("missing-parent",),
    ),
    "a file that is not there": Story(
        SpoilCell(N, 2, "swc_path", "trees/anne.swc"), "file-missing", N, 2, "swc_path", "trees/anne.swc",
        "does not exist. Put the file into the data set's folder",
    ),
    "a path out of the folder": Story(
        SpoilCell(N, 3, "mesh_path", "../bob.obj"), "outside-folder", N, 3, "mesh_path", "../bob.obj", "leads out of the folder",
    ),
    "a skeleton with a node of no parent": Story(
        Replace("trees/ann.swc", "4 3 90.5 0.5 30.5 1 2", "4 3 90.5 0.5 30.5 1 7"),
        "skeleton-missing-parent", "trees/ann.swc", 4, None, None, "the parent 7 of node 4 is not in the file",
    ),
    "a skeleton in nm called µm": Story(
        PutFile("trees/ann.swc", "1 1 10500 20500 30500 8 -1\n2 3 90500000 20500 30500 1 1\n"),
        "implausible", N, 2, "cable_length", "90489500000.0", "[files.mesh] and [files.skeleton]", WARNING,
    ),
    "a mesh without faces": Story(
        PutFile("meshes/bob.obj", "v 8 0 0\nv -8 0 0\nv 0 8 0\n"), "mesh-no-faces", "meshes/bob.obj", None, None, None, "faces",
    ),
    "a mesh in nm called µm": Story(
        Replace("meshes/bob.obj", "v 8 0 0\nv -8 0 0\nv 0 8 0\nv 0 -8 0\nv 0 0 8\nv 0 0 -8\n",
              "v 8000 0 0\nv -8000 0 0\nv 0 8000 0\nv 0 -8000 0\nv 0 0 8000\nv 0 0 -8000\n"),
        "implausible", N, 3, "mesh_volume", "6.826666666666666e+20", "[files.mesh] and [files.skeleton]", WARNING,
    ),
    "a table and its mesh at odds": Story(
        SpoilCell(N, 3, "mesh_volume", "700"), "differs-from-file", N, 3, "mesh_volume", "700000000000.0", "Check the units", WARNING,
    ),
}  # fmt: skip


# ── What is read ──
@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    monkeypatch.setenv("SYNDB_DATA", str(tmp_path / "data"))

    def check(folder: Folder) -> tuple[int, dict[str, Any]]:
        """The exit status of `load --check --json`, and what it prints of the folder."""
        for name, content in folder.items():
            path = tmp_path / "lab" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        status = run(["load", "--check", "--json", str(tmp_path / "lab")])
        (report,) = json.loads(capsys.readouterr().out)["folders"]
        return status, report

    return check


def test_the_good_folder_has_nothing_wrong_with_it(check) -> None:
    status, report = check(dict(GOOD))
    assert (status, report["status"], report["findings"]) == (0, "checked", [])


def test_there_are_forty_mistakes_and_more() -> None:
    assert len(STORIES) >= 40
    assert len({story.rule for story in STORIES.values()}) >= 35


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_report_names_the_cell_and_the_remedy(story: Story, check) -> None:
    folder = dict(GOOD)
    story.spoil(folder)
    status, report = check(folder)
    found = [each for each in report["findings"] if each["rule"] == story.rule]
    assert found, report["findings"]
    first = found[0]
    place = tuple(first.get(key) for key in ("severity", "file", "row", "column", "value"))
    assert place == (story.severity, story.file, story.row, story.column, story.value)
    assert story.remedy in f"{first['message']} {first['remedy']}"
    assert {each["rule"] for each in report["findings"]} - {story.rule} <= set(story.also)
    failed = any(each["severity"] == "error" for each in report["findings"])
    assert (status, report["status"]) == ((1, "failed") if failed else (0, "checked"))
    assert all(each["message"].strip() and each["remedy"].strip() for each in report["findings"])
