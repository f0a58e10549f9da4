"""A lab's tables in the formats that labs have: the same rows come of all of them, or a report that names the cell."""

import io
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pytest

from syndb_graphql.cli.demo import DATA
from syndb_graphql.ingest.load import LoadResult
from syndb_graphql.ingest.scaffold import write_scaffold

from .conftest import NEURONS, Lab, cid
from .sheets import Formula, write_workbook

HEMIBRAIN = DATA / "hemibrain-da1"
VOXELS = 'length_unit = "voxel"\nvoxel_size_nm = { x = 8, y = 8, z = 8 }\n'
SYNAPSE = f"[tables.synapse]\n{VOXELS}"
UM = "[tables.neuron]\nlength_unit = 'um'\n"
GREEK = ["Αλέξανδρος", "Ευρυδίκη", "Ορφέας", "Ιφιγένεια", "Λάμδα"]
COLUMNS = ("kind", "pre_neuron_source_id", "centroid_x", "centroid_y", "centroid_z", "region", "confidence")


@pytest.fixture(scope="module")
def neurons() -> pl.DataFrame:
    """Neurons of the hemibrain, with Greek names."""
    table = pl.read_csv(HEMIBRAIN / "neuron.csv").select("cid", "cell_type")
    return table.with_columns(name=pl.Series(GREEK))


@pytest.fixture(scope="module")
def synapses() -> pl.DataFrame:
    """Their 14,836 synaptic sites."""
    return pl.read_csv(HEMIBRAIN / "synapse.csv")


async def rows_of(lab: Lab, result: LoadResult) -> dict[str, Any]:
    return {
        "synapse": await lab.read(result, "synapse", "cid", *COLUMNS),
        "neuron": await lab.read(result, "neuron", "cid", "name", "cell_type"),
    }


async def load_demo(lab: Lab, neurons: pl.DataFrame, synapses: pl.DataFrame) -> dict[str, Any]:
    """As plain csv, in a folder of its own, to be compared with."""
    plain = lab.home / "plain"
    before = lab.folder
    lab.fill({"neuron.csv": neurons.write_csv(), "synapse.csv": synapses.write_csv()}, rest=SYNAPSE)
    before.rename(plain)
    return await rows_of(lab, await lab.load_well(plain))


def as_arrow(frame: pl.DataFrame, *, stream: bool = False, compression: str | None = None) -> bytes:
    table, out = frame.to_arrow(compat_level=pl.CompatLevel.oldest()), io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    opener = pa.ipc.new_stream if stream else pa.ipc.new_file
    with opener(out, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=5000)
    return out.getvalue()


def as_parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out, row_group_size=4000)
    return out.getvalue()


def as_sheet(frame: pl.DataFrame, name: str = "Sheet1") -> bytes:
    return write_workbook({name: [frame.columns, *frame.rows()]})


def as_feather(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    pa.feather.write_feather(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), out, compression="zstd")
    return out.getvalue()


def with_commas(frame: pl.DataFrame) -> str:
    return frame.write_csv(separator=";", decimal_comma=True)


FORMATS = {
    ".tsv": lambda frame: frame.write_csv(separator="\t"),
    ".txt": lambda frame: frame.write_csv(separator=";"),
    ".csv": lambda frame: ("\ufeff" + frame.write_csv(line_terminator="\r\n")).encode("utf-8"),
    ".xlsx": as_sheet,
    ".parquet": as_parquet,
    ".arrow": lambda frame: as_arrow(frame, compression="lz4"),
    ".ipc": lambda frame: as_arrow(frame, stream=True),
    ".feather": as_feather,
}


@pytest.mark.parametrize("suffix", FORMATS)
async def test_the_demo_s_rows_are_the_same_in_every_format(lab: Lab, neurons, synapses, suffix: str) -> None:
    expected = await load_demo(lab, neurons, synapses)
    write = FORMATS[suffix]
    lab.fill({f"neuron{suffix}": write(neurons), f"synapse{suffix}": write(synapses)}, rest=SYNAPSE)
    result = await lab.load_well()
    assert result.status == "loaded"
    assert await rows_of(lab, result) == expected
    assert (result.rows["synapse"], expected["neuron"]["1734350788"][1]) == (14_836, "Αλέξανδρος")


async def test_decimal_commas_are_read_where_they_are_stated(lab: Lab, neurons, synapses) -> None:
    expected = await load_demo(lab, neurons, synapses)
    lab.fill(
        {"neuron.csv": neurons.write_csv(), "synapse.csv": with_commas(synapses)}, rest=SYNAPSE + "decimal = ','\n"
    )
    assert await rows_of(lab, await lab.load_well()) == expected


async def test_a_workbook_of_1997_with_a_sheet_for_each_table(lab: Lab, neurons, synapses) -> None:
    expected = await load_demo(lab, neurons, synapses.head(40))
    workbook = (Path(__file__).parent / "data" / "sites.xls").read_bytes()
    sheets = f"[tables.neuron]\nfile = 'sites.xls'\nsheet = 'Neurons'\n{SYNAPSE}file = 'sites.xls'\nsheet = 'Sites'\n"
    lab.fill({"sites.xls": workbook}, rest=sheets)
    result = await lab.load_well()
    names = await lab.read(result, "neuron", "name")
    assert names["1734350788"] == "Αλέξανδρος"
    assert "Ὀρφεύς" in names.values()
    assert (await rows_of(lab, result))["synapse"] == expected["synapse"]


async def test_text_that_is_called_xls_is_read_as_the_text_it_is(lab: Lab) -> None:
    """As ImageJ writes its tables of results."""
    lab.fill({"neuron.xls": "cid\tname\n10\tA\n20\tB\n"})
    assert await lab.read(await lab.load_well(), "neuron", "name") == {"10": "A", "20": "B"}


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
async def test_points_that_are_lists_are_read(lab: Lab, suffix: str) -> None:
    frame = pl.DataFrame({"cid": [1], "centroid": [[1.0, 2.0, 3.0]]})
    lab.fill({f"neuron.{suffix}": FORMATS[f".{suffix}"](frame)}, rest=UM)
    assert await lab.read(await lab.load_well(), "neuron", "centroid_x", "centroid_z") == {"1": (1000, 3000)}


# ── Spreadsheets ──
def with_replaced(workbook: bytes, old: bytes, new: bytes) -> bytes:
    """The workbook with this changed in its sheet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in parts.namelist():
            text = parts.read(name)
            packed.writestr(name, text.replace(old, new) if name.endswith("sheet1.xml") else text)
    return out.getvalue()


async def test_several_sheets_with_data_are_a_question(lab: Lab) -> None:
    sheets = {"Cells 2023": [["cid"], [1]], "Cells 2024": [["cid"], [2]], "Old": [["cid"], [3]], "Empty": []}
    workbook = write_workbook(sheets, hidden=["Old"])
    lab.fill({"neuron.xlsx": workbook})
    found = await lab.refuse_once()
    assert (found.rule, found.file) == ("several-sheets", "neuron.xlsx")
    assert "'Cells 2023', 'Cells 2024'" in found.message
    assert "Old" not in found.message
    assert 'sheet = "Cells 2023"' in found.remedy
    lab.fill({"neuron.xlsx": workbook}, rest="[tables.neuron]\nsheet = 'Cells 2025'\n")
    found = await lab.refuse_once()
    assert (found.rule, "'Cells 2024'" in found.remedy) == ("no-sheet", True)
    lab.fill({"neuron.xlsx": workbook}, rest="[tables.neuron]\nsheet = 'Cells 2024'\n")
    assert list(await lab.read(await lab.load_well(), "neuron", "cid")) == ["2"]


async def test_cells_keep_their_types(lab: Lab) -> None:
    rows = [
        ["cid", "name", "complete", "mesh_volume", "n_leaves"],
        [17, 5, True, 1.5, 3],
        ["720575940621039147", "2-B", False, "2", None],
        [18.0, "C", None, 1e-3, "4"],
    ]
    lab.fill({"neuron.xlsx": write_workbook({"a": rows}, top=4)}, rest=UM)
    found = await lab.read(await lab.load_well(), "neuron", "name", "complete", "mesh_volume", "n_leaves")
    assert found == {
        "17": ("5", True, 1.5e9, 3),
        "720575940621039147": ("2-B", False, 2e9, None),
        "18": ("C", None, pytest.approx(1e6), 4),
    }


@pytest.mark.parametrize("others", [[17], ["n1"]], ids=["numbers", "text"])
async def test_ids_a_spreadsheet_has_rounded_are_refused(lab: Lab, others: list[Any]) -> None:
    rows = [["cid"], *([cell] for cell in others), [720575940621039145]]
    lab.fill({"neuron.xlsx": write_workbook({"a": rows}, top=2)})
    found = await lab.refuse_once()
    assert (found.rule, found.row, found.column) == ("rounded-id", 5, "cid")


async def test_rows_are_numbered_as_the_spreadsheet_shows_them(lab: Lab) -> None:
    rows = [["cid", "n_leaves"], ["a", 1], [None, None], ["b", "many"], ["a", 3]]
    lab.fill({"neuron.xlsx": write_workbook({"a": rows}, top=6)})
    errors = await lab.refuse()
    assert [(found.rule, found.row) for found in errors] == [("not-a-whole-number", 10), ("duplicate-id", 11)]
    assert "row 8" in errors[1].message


async def test_dates_a_spreadsheet_made_of_names_and_ids_are_refused(lab: Lab) -> None:
    rows = [
        ["cid", "name", "n_leaves"],
        ["n1", date(2024, 3, 1), 3],
        [date(2024, 9, 2), "B", 4],
        ["n3", "C", date(2024, 5, 4)],
        ["n4", "D", 5],
    ]
    lab.fill({"neuron.xlsx": write_workbook({"a": rows})})
    found = {(error.rule, error.column): error for error in await lab.refuse()}
    assert set(found) == {("date-cell", "cid"), ("date-cell", "name"), ("date-cell", "n_leaves")}
    assert (found["date-cell", "name"].row, found["date-cell", "name"].value) == (2, "2024-03-01")
    assert (found["date-cell", "cid"].row, found["date-cell", "n_leaves"].row) == (3, 4)
    assert "as text" in found["date-cell", "cid"].remedy


async def test_formulas_are_their_values_and_their_errors_are_named(lab: Lab) -> None:
    rows = [["cid", "n_leaves"], ["a", Formula("7")], ["b", Formula("#DIV/0!")], ["c", Formula("#N/A")]]
    lab.fill({"neuron.xlsx": write_workbook({"a": rows})})
    first, second = await lab.refuse()
    assert (first.rule, first.row, first.column, first.value) == ("error-cell", 3, "n_leaves", "#DIV/0!")
    assert (second.row, second.value) == (4, "#N/A")
    lab.fill({"neuron.xlsx": write_workbook({"a": rows[:2]})})
    assert await lab.read(await lab.load_well(), "neuron", "n_leaves") == {"a": 7}


async def test_formulas_that_were_saved_without_a_value_are_told(lab: Lab) -> None:
    """As openpyxl writes them."""
    workbook = write_workbook({"a": [["cid", "n_leaves"], ["a", Formula("")]]})
    lab.fill({"neuron.xlsx": workbook})
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "n_leaves") == {"a": None}
    (told,) = [finding for finding in result.findings if finding.rule == "formula-without-value"]
    assert told.message.startswith("A formula of the workbook was saved without a value (B2 of sheet1.xml)")
    lab.fill({"neuron.xlsx": with_replaced(workbook, b'<c r="B2"', b'<c r="B2" t="str"')})  # its value is an empty text
    assert "formula-without-value" not in (await lab.load_well()).counts


TITLED = [["Table S3. Cells of the cortex"], [], ["cid", "name", "note"], ["10", "A", "x"], ["20", "B", "y"]]


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
async def test_a_title_above_the_header_is_told_with_its_row(lab: Lab, suffix: str) -> None:
    text = "\n".join(",".join(row) for row in TITLED) + "\n"
    content = write_workbook({"a": TITLED}) if suffix == "xlsx" else text
    lab.fill({f"neuron.{suffix}": content}, rest="[tables.neuron]\nignore = ['note']\n")
    found = await lab.refuse_once()
    assert (found.rule, found.row, found.value) == ("title-row", 1, "Table S3. Cells of the cortex")
    assert "header_row = 3" in found.remedy
    lab.fill({f"neuron.{suffix}": content}, rest="[tables.neuron]\nignore = ['note']\nheader_row = 3\n")
    assert await lab.read(await lab.load_well(), "neuron", "name") == {"10": "A", "20": "B"}


async def test_merged_cells_of_a_header_are_told(lab: Lab) -> None:
    rows = [["Cell", None, "Volume", None], ["cid", "name", "mean", "sd"], ["10", "A", 5, 1]]
    lab.fill({"neuron.xlsx": write_workbook({"a": rows})})
    found = await lab.refuse_once()
    assert (found.rule, found.row, found.value) == ("merged-header", 1, "name")
    assert "row 2" in found.message


async def test_columns_without_a_name_or_a_cell_are_passed_over_and_others_are_not(lab: Lab) -> None:
    lab.fill({"neuron.xlsx": write_workbook({"a": [["cid", None, "name"], ["1", None, "A"]]})})
    assert await lab.read(await lab.load_well(), "neuron", "name") == {"1": "A"}
    lab.fill({"neuron.xlsx": write_workbook({"a": [["cid", None, "name"], ["1", 7, "A"]]})})
    result = await lab.load()
    assert result.counts == {"unnamed-column": 1}


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("neuron.xlsx", b"", "empty-file"),
        ("neuron.xlsx", b"cid,name\n", "malformed-workbook"),
        ("neuron.xlsx", write_workbook({"a": [["cid"], [1]]})[:-400], "malformed-workbook"),
        ("neuron.xlsx", b"PK\x03\x04" + b"\0" * 100, "malformed-workbook"),
        ("neuron.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "malformed-workbook"),
        ("neuron.xlsx", write_workbook({"a": []}), "empty-file"),
        ("neuron.arrow", b"ARROW1\0\0nothing", "malformed-arrow"),
        ("neuron.feather", b"FEA1....", "malformed-arrow"),
        ("neuron.arrow", as_arrow(pl.DataFrame({"cid": [1]}))[:200], "malformed-arrow"),
        ("neuron.ods", b"PK\x03\x04", "unknown-format"),
        ("neuron.csv", write_workbook({"a": [["cid"], [1]]}), "unknown-format"),
    ],
)
async def test_files_that_are_not_what_they_are_called_are_refused(lab: Lab, name: str, content: bytes, rule) -> None:
    lab.fill({name: content})
    found = await lab.refuse_once()
    assert (found.rule, found.file) == (rule, name)


async def test_a_workbook_that_would_fill_the_memory_is_refused(lab: Lab) -> None:
    """Two cells, as far apart as can be."""
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    lab.fill({"neuron.xlsx": with_replaced(write_workbook({"a": [["cid"]]}), b"</sheetData>", far)})
    assert (await lab.refuse_once()).rule == "workbook-too-large"


async def test_a_workbook_that_unpacks_to_far_more_is_not_unpacked(lab: Lab) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b" " * 20_000_000)
    lab.fill({"neuron.xlsx": out.getvalue()})
    found = await lab.refuse_once()
    assert (found.rule, "sheet1.xml" in found.message) == ("workbook-too-large", True)


async def test_an_arrow_batch_that_claims_to_unpack_to_far_more_is_not_unpacked(lab: Lab) -> None:
    whole = as_arrow(pl.DataFrame({"cid": list(range(4000))}), compression="zstd")
    claimed = (4000 * 8).to_bytes(8, "little")
    assert whole.count(claimed) == 1
    lab.fill({"neuron.arrow": whole.replace(claimed, (1 << 40).to_bytes(8, "little"))})
    found = await lab.refuse_once()
    assert (found.rule, "1,099,511," in found.message) == ("batch-too-large", True)


# ── Encodings ──
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_greek_names_in_unicode_come_out_right(lab: Lab, encoding: str) -> None:
    lab.fill({"neuron.csv": "cid,name\n10,Αλέξανδρος\n20,Ευρυδίκη\n".encode(encoding)})
    result = await lab.load_well()
    assert await lab.read(result, "neuron", "name") == {"10": "Αλέξανδρος", "20": "Ευρυδίκη"}
    warned = [finding for finding in result.findings if finding.rule == "encoding"]
    assert len(warned) == (encoding != "utf-8-sig")


@pytest.mark.parametrize("encoding", ["iso-8859-7", "windows-1253", "Windows-1251"])
async def test_greek_and_cyrillic_names_in_one_byte_are_a_question_and_right_once_it_is_answered(
    lab: Lab, encoding: str
) -> None:
    word = "Ευρυδίκη" if encoding != "Windows-1251" else "Екатерина"
    content = f"cid,name\n10,Bob\n20,{word}\n".encode(encoding)
    lab.fill({"neuron.csv": content})
    found = await lab.refuse_once()
    assert (found.rule, found.row) == ("encoding", 3)
    assert f"'{word}' ({encoding.lower() if encoding != 'windows-1253' else ''}" in found.message
    lab.fill({"neuron.csv": content}, rest=f"[tables.neuron]\nencoding = '{encoding}'\n")
    assert (await lab.read(await lab.load_well(), "neuron", "name"))["20"] == word


async def test_western_names_are_found_out_and_it_is_said(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,name\n10,Müller\n20,Ångström 5 µm\n30,naïve\n".encode("windows-1252")})
    result = await lab.load_well()
    assert (await lab.read(result, "neuron", "name")) == {"10": "Müller", "20": "Ångström 5 µm", "30": "naïve"}
    warned = next(finding for finding in result.findings if finding.rule == "encoding")
    assert "Windows-1252" in warned.message
    assert 'encoding = "windows-1252"' in warned.remedy


async def test_an_encoding_that_is_stated_wrongly_is_told(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS}, rest="[tables.neuron]\nencoding = 'klingon'\n")
    assert (await lab.refuse_once()).column == "tables.neuron.encoding"
    rows = "".join(f"{number},x\n" for number in range(200_000))
    lab.fill({"neuron.csv": f"cid,name\n{rows}a,Ä\n".encode()}, rest="[tables.neuron]\nencoding = 'ascii'\n")
    found = await lab.refuse_once()
    assert (found.rule, "ASCII" in found.message) == ("encoding", True)


async def test_a_long_file_in_utf_16_is_read_in_pieces(lab: Lab) -> None:
    rows = "".join(f"{number},Ναί 𝛼{number}\n" for number in range(60_000))
    lab.fill({"neuron.csv": f"cid,name\n{rows}".encode("utf-16")})
    names = await lab.load_well()
    assert names.rows == {"neuron": 60_000}
    assert (await lab.read(names, "neuron", "name"))["123"] == "Ναί 𝛼123"


# ── Numbers ──
async def test_a_number_is_never_a_thousand_times_another_in_silence(lab: Lab) -> None:
    header = "cid;mesh_volume;n_leaves\n"
    lab.fill({"neuron.csv": header + "a;1.234,5;7\nb;12,25;8\n"}, rest=UM)
    found = await lab.refuse()
    assert {(error.row, error.column) for error in found} == {(2, "mesh_volume"), (3, "mesh_volume")}
    assert any('decimal = ","' in error.remedy for error in found)

    comma = UM + "decimal = ','\n"
    lab.fill({"neuron.csv": header + "a;0,5;7\nb;1.234;8\n"}, rest=comma)
    found = await lab.refuse()
    assert [(error.row, error.value) for error in found] == [(3, "1.234")]

    lab.fill({"neuron.csv": header + "a;1.234,5;1.000\nb;12,25;8\nc;1.234;\n"}, rest=comma + "thousands = '.'\n")
    read = await lab.read(await lab.load_well(), "neuron", "mesh_volume", "n_leaves")
    assert read == {"a": (1234.5e9, 1000), "b": (12.25e9, 8), "c": (1234e9, None)}


async def test_a_whole_number_with_a_point_and_three_zeros_is_a_question(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,n_leaves\na,1.000\nb,17.0\n"})
    assert (await lab.refuse_once()).row == 2


@pytest.mark.parametrize(
    ("thousands", "value"), [(",", "12,345.5"), (" ", "12 345.5"), (" ", "12\u202f345.5"), ("'", "12’345.5")]
)
async def test_thousands_are_read_where_they_are_stated(lab: Lab, thousands: str, value: str) -> None:
    content = f'cid;mesh_volume\na;"{value}"\nb;7\n'
    lab.fill({"neuron.csv": content}, rest=UM)
    assert (await lab.refuse_once()).row == 2
    lab.fill({"neuron.csv": content}, rest=UM + f'thousands = "{thousands}"\n')
    assert await lab.read(await lab.load_well(), "neuron", "mesh_volume") == {"a": 12_345.5e9, "b": 7e9}
    lab.fill({"neuron.csv": content.replace("345", "34")}, rest=UM + f'thousands = "{thousands}"\n')
    assert [error.row for error in (await lab.load()).findings if error.severity == "error"] == [2]


async def test_numbers_in_a_spreadsheet_are_numbers_beside_text_with_decimal_commas(lab: Lab) -> None:
    rows = [["cid", "mesh_volume", "centroid"], ["a", 1.5, "[1,5 2 3]"], ["b", "2,5", "1;2;3,5"]]
    settings = UM + "decimal = ','\n"
    lab.fill({"neuron.xlsx": write_workbook({"a": rows})}, rest=settings)
    read = await lab.read(await lab.load_well(), "neuron", "mesh_volume", "centroid_x", "centroid_z")
    assert read == {"a": (1.5e9, 1500, 3000), "b": (2.5e9, 1000, 3500)}


async def test_the_same_sign_for_two_things_is_refused(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS}, rest="[tables.neuron]\ndecimal = ','\nthousands = ','\n")
    assert (await lab.refuse_once()).column == "tables.neuron.thousands"


# ── Text ──
async def test_a_line_that_names_the_separator_is_no_header(lab: Lab) -> None:
    lab.fill({"neuron.csv": "sep=;\ncid;name\n10;A,B\n11;\n10;C\n"})
    found = await lab.refuse_once()
    assert (found.rule, found.row) == ("duplicate-id", 5)


async def test_old_macintosh_ends_of_lines_are_read(lab: Lab) -> None:
    lab.fill({"neuron.csv": "\rcid,name\r10,A\r20,B\r"})
    assert await lab.read(await lab.load_well(), "neuron", "name") == {"10": "A", "20": "B"}


@pytest.mark.parametrize(("name", "setting"), [("neuron.csv", "sheet = 'a'"), ("neuron.parquet", "header_row = 2")])
async def test_a_setting_the_format_has_not_is_refused(lab: Lab, name: str, setting: str) -> None:
    content = NEURONS if name.endswith("csv") else as_parquet(pl.DataFrame({"cid": [1]}))
    lab.fill({name: content}, rest=f"[tables.neuron]\n{setting}\n")
    found = await lab.refuse_once()
    assert (found.rule, found.file, setting.partition(" ")[0] in found.message) == ("bad-setting", "dataset.toml", True)


# ── Several files ──
async def test_a_table_in_several_files_is_one_table(lab: Lab, neurons, synapses) -> None:
    expected = await load_demo(lab, neurons, synapses)
    pieces = {
        "part-1.parquet": as_parquet(synapses[:5000]),
        "part-2.parquet": as_parquet(synapses[5000:9000].select(reversed(synapses.columns))),
        "part-3.parquet": as_parquet(synapses[9000:]),
    }
    lab.fill({"neuron.csv": neurons.write_csv(), **pieces}, rest=SYNAPSE + "file = 'part-*.parquet'\n")
    result = await lab.load_well()
    assert await rows_of(lab, result) == expected
    assert (await lab.load()).status == "unchanged"
    (lab.folder / "part-3.parquet").unlink()
    assert (await lab.load_well()).rows["synapse"] == 9000


async def test_files_of_a_table_may_be_of_several_formats(lab: Lab) -> None:
    files = {"a.csv": "cid,name\n1,A\n", "more/b.xlsx": as_sheet(pl.DataFrame({"name": ["B"], "cid": [2]}))}
    lab.fill(files, rest="[tables.neuron]\nfile = ['a.csv', 'more/b.xlsx']\n")
    assert await lab.read(await lab.load_well(), "neuron", "name") == {"1": "A", "2": "B"}


async def test_what_is_wrong_names_the_right_one_of_several_files(lab: Lab) -> None:
    files = {
        "n1.csv": "cid,n_leaves\n1,5\n2,6\n",
        "n2.csv": "cid,n_leaves\n3,5\n4,many\n1,7\n",
        "n3.csv": "cid,n_leaves\n5,1\n6\n",
    }
    lab.fill(files, rest="[tables.neuron]\nfile = 'n?.csv'\n")
    found = {(error.rule, error.file, error.row) for error in await lab.refuse()}
    assert found == {("not-a-whole-number", "n2.csv", 3), ("ragged-row", "n3.csv", 3), ("duplicate-id", "n2.csv", 4)}
    (twice,) = [error for error in await lab.refuse() if error.rule == "duplicate-id"]
    assert "row 2 of n1.csv" in twice.message


async def test_files_of_a_table_with_other_columns_are_refused(lab: Lab) -> None:
    files = {"n1.csv": "cid,n_leaves\n1,5\n", "n2.csv": "cid,leaves\n3,5\n"}
    lab.fill(files, rest="[tables.neuron]\nfile = ['n1.csv', 'n2.csv']\n")
    found = await lab.refuse_once()
    assert (found.rule, found.file, found.value) == ("columns-differ", "n2.csv", "n_leaves")
    assert "'leaves' is new" in found.message


@pytest.mark.parametrize(
    ("file", "rule"),
    [
        ("'part-*.csv'", "file-missing"),
        ("['neuron.csv', 'neuron.csv']", "file-twice"),
        ("'../*.csv'", "file-missing"),
        ("'/etc/*'", "file-missing"),
        ("[]", "bad-setting"),
    ],
)
async def test_patterns_that_match_nothing_in_the_folder_are_refused(lab: Lab, file: str, rule: str) -> None:
    lab.fill({"neuron.csv": NEURONS}, rest=f"[tables.neuron]\nfile = {file}\n")
    (lab.home / "outside.csv").write_text(NEURONS)
    assert rule in {error.rule for error in await lab.refuse()}


async def test_one_workbook_sheet_is_the_file_of_one_table(lab: Lab) -> None:
    rest = "[tables.neuron]\nfile = 'a.xlsx'\n[tables.axon]\nfile = 'a.xlsx'\n"
    lab.fill({"a.xlsx": as_sheet(pl.DataFrame({"cid": [1]}))}, rest=rest)
    found = [error for error in await lab.refuse() if error.rule == "file-twice"]
    assert "sheet = " in found[0].remedy


# ── init ──
async def test_a_new_data_set_is_begun_from_files_of_every_format(lab: Lab, neurons, synapses) -> None:
    lab.folder.mkdir()
    (lab.folder / "cells.xlsx").write_bytes(as_sheet(neurons))
    sites = synapses.drop("region").head(3000)
    (lab.folder / "synapses_1.arrow").write_bytes(as_arrow(sites[:1000]))
    (lab.folder / "synapses_2.arrow").write_bytes(as_arrow(sites[1000:]))
    write_scaffold(lab.folder, lab.model)
    path = lab.folder / "dataset.toml"
    text = path.read_text()
    assert 'file = "cells.xlsx"' in text
    assert 'file = ["synapses_1.arrow", "synapses_2.arrow"]' in text
    for key, value in {"animal": "fruit fly", "microscopy": "FIB-SEM", "structure": "antennal lobe"}.items():
        text = text.replace(f'{key} = ""', f'{key} = "{value}"')
    text = text.replace("{ x = 0, y = 0, z = 0 }", "{ x = 8, y = 8, z = 8 }")
    path.write_text(text)
    result = await lab.load_well()
    assert result.rows == {"neuron": 5, "synapse": 3000}
    assert (await lab.read(result, "neuron", "cid"))["1734350788"] == cid(result, "neuron", "1734350788")


async def test_sheets_and_decimal_commas_are_guessed(lab: Lab, neurons, synapses) -> None:
    lab.folder.mkdir()
    sheets = {"Neurons": neurons, "Notes": pl.DataFrame({"what": ["a"], "who": ["b"]}), "Spines": None}
    spines = [["cid", "neuron_id", "head_volume_um3"], *([f"s{n}", neurons["cid"][n], f"0,0{n + 1}"] for n in range(5))]
    rows = {name: spines if frame is None else [frame.columns, *frame.rows()] for name, frame in sheets.items()}
    (lab.folder / "all.xlsx").write_bytes(write_workbook(rows))
    scaffold = write_scaffold(lab.folder, lab.model)
    path = lab.folder / "dataset.toml"
    text = path.read_text()
    assert 'sheet = "Neurons"' in text
    assert 'sheet = "Spines"' in text
    assert 'decimal = ","' in text
    assert "all.xlsx, sheet 'Notes'" in dict(scaffold.todos)
    for key, value in {"animal": "fruit fly", "microscopy": "FIB-SEM", "structure": "antennal lobe"}.items():
        text = text.replace(f'{key} = ""', f'{key} = "{value}"')
    path.write_text(text)
    result = await lab.load_well()
    assert await lab.read(result, "dendritic_spine", "head_volume") == {
        f"s{n}": pytest.approx((n + 1) * 1e7) for n in range(5)
    }
