"""A contributor looks at the page of a load: what is wrong, and what every column holds, so that a wrong unit shows."""

import math
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from syndb_graphql.cli.demo import DATA
from syndb_graphql.ingest import html_report
from syndb_graphql.ingest.histogram import BARS, draw, is_logarithmic, make_histogram
from syndb_graphql.ingest.html_report import MAX_FINDINGS, HtmlReport
from syndb_graphql.ingest.quantities import fitting_unit, write_number
from syndb_graphql.ingest.report import Finding, Severity
from syndb_graphql.ingest.result import LoadResult
from syndb_graphql.ingest.survey import MAX_WORDS, SAMPLE, Numbers, Survey, Words

from .conftest import NEURONS, Lab

SPINES = "cid,parent_id,mesh_volume,neck_length\n" + "".join(
    f"s{n},10,{0.05 + n / 1000},{0.3 + n / 500}\n" for n in range(200)
)
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "h1", "h2", "h3", "p", "ul", "li"),
    *("table", "thead", "tbody", "tr", "th", "td", "div", "span", "code", "b", "i", "br", "a", "svg", "path"),
}


class Page(HTMLParser):
    """What a browser finds in a page: elements, the text between them, the cells of tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every element that is opened is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "path"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and ("td" in self.open or "th" in self.open):
            self.rows[-1][-1] += data

    def row(self, first: str) -> list[str]:
        (found,) = [row for row in self.rows if row[0].startswith(first)]
        return found

    def check_harmless(self) -> None:
        """Nothing runs and nothing is fetched."""
        assert {tag for tag, _ in self.elements} <= TAGS
        places = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        assert len(set(places)) == len(places)
        for tag, attributes in self.elements:
            for name, value in attributes.items():
                assert not name.startswith("on")
                assert name not in ("src", "srcset", "action", "formaction", "xlink:href")
                assert name != "href" or (tag == "a" and (value or "").removeprefix("#") in places)
                assert name != "style" or re.fullmatch(r"width:[\d.]+%", value or "")


async def page_of(lab: Lab, **options) -> Page:
    survey, report = Survey(), HtmlReport()
    report.add(await lab.load(survey=survey, check_only=True, **options), survey)
    page = Page(report.render("a test"))
    page.check_harmless()
    return page


async def test_every_column_is_shown_in_a_unit_that_fits_it(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendritic_spine.csv": SPINES}, rest="[tables.dendritic_spine]\nlength_unit='um'")
    page = await page_of(lab)
    assert page.row("mesh_volume")[1:7] == ["µm³", "200", "–", "0.05", "0.1495", "0.249"]
    assert page.row("mesh_volume")[0] == "mesh_volume× 1×10⁹"
    assert page.row("neck_length")[1:7] == ["nm", "200", "–", "300", "499", "698"]
    drawings = [attributes["aria-label"] for tag, attributes in page.elements if tag == "svg"]
    assert any(label.startswith("mesh_volume: from ") for label in drawings)


async def test_a_wrong_unit_is_seen(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS, "dendritic_spine.csv": SPINES}, rest="[tables.dendritic_spine]\nlength_unit='mm'")
    page = await page_of(lab)
    assert page.row("mesh_volume")[5] == "1.495×10⁸"
    assert page.row("mesh_volume")[1] == "µm³"
    assert page.row("neck_length")[1:7] == ["µm", "200", "–", "300", "499", "698"]


async def test_the_demo_shows_words_nulls_and_what_was_measured(lab: Lab) -> None:
    survey, report = Survey(), HtmlReport()
    report.add(await lab.load(DATA / "hemibrain-da1", survey=survey), survey)
    text = report.render("a test", datetime(2026, 11, 1, tzinfo=UTC))
    page = Page(text)
    page.check_harmless()
    assert "2026-11-01 00:00 UTC" in text
    assert page.row("kind")[-1] == "postsynaptic_site11,520presynaptic_site3,316"
    assert page.row("pre_neuron_source_id")[2:4] == ["3,316", "11,520 78%"]
    assert page.row("centroid_x")[0] == "centroid_x× 8"
    assert page.row("mesh_volume")[:7] == ["mesh_volumederived", "µm³", "5", "–", "690.8", "734.5", "859.1"]
    assert page.row("cable_length")[1] == "mm"
    assert "medians and drawings are of a sample of 10,000" in text
    assert len(text) < 200_000


async def test_an_unchanged_folder_says_why_it_shows_no_columns(lab: Lab) -> None:
    lab.fill({"neuron.csv": NEURONS})
    await lab.load_well()
    survey, report = Survey(), HtmlReport()
    report.add(await lab.load(survey=survey), survey)
    assert "no row was read" in report.render("a test")


HOSTILE = "<img src=x onerror=alert(1)>"


async def test_text_of_files_is_shown_as_text(lab: Lab) -> None:
    table = f'cid,name,cell_type,polarity,"{HOSTILE}"\n1,"</td><script>x</script>","{HOSTILE}","\'""&amp;",1\n'
    lab.fill({"neuron.csv": table, "<b>.csv": "x\n1\n"}, label="<script>alert(1)</script>")
    page = await page_of(lab)  # an unknown column and a file of no table: nothing is read
    assert any(HOSTILE in cell for row in page.rows for cell in row)
    assert "<script>alert(1)</script>" in page.rows[1][1]

    (lab.folder / "<b>.csv").unlink()
    lab.fill({"neuron.csv": table.replace(f',"{HOSTILE}"\n', "\n").replace(",1\n", "\n")}, label="<i>")
    page = await page_of(lab)
    assert page.row("name")[-1] == "</td><script>x</script>1"
    assert page.row("cell_type")[-1] == f"{HOSTILE}1"
    assert any("'\"&amp;" in cell for row in page.rows for cell in row)


async def test_writing_that_turns_its_neighbours_is_made_visible(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,name\n1,a\u202eb\n"})
    assert (await page_of(lab)).row("name")[-1] == "a\ufffdb1"


async def test_errors_come_first_with_their_place_and_remedy(lab: Lab) -> None:
    lab.fill({"neuron.csv": "cid,polarity,n_branches\n1,round,x\n1,round,2\n"})
    page = await page_of(lab)
    lines = [row for row in page.rows if row[0].startswith(("error", "warning"))]
    assert lines[0][:5] == ["errornot-a-whole-number", "neuron.csv", "2", "n_branches", "x"]
    assert "Write digits alone." in lines[0][5]
    assert [line[0] for line in lines] == [
        *("errornot-a-whole-number", "errorduplicate-id"),
        *("warningunknown-term", "warningunknown-term"),
    ]


async def test_a_finding_leads_to_the_column_it_is_about(lab: Lab) -> None:
    lab.fill(
        {"neuron.csv": "cid,Class,n_branches\n1,round,x\n"}, rest="[tables.neuron]\ncolumns = { Class = 'polarity' }"
    )
    page = await page_of(lab)
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    # What could not be read has no value to be shown.
    assert links == ["#folder-1", "#folder-1-neuron-polarity"]
    assert ("tr", {"id": "folder-1-neuron-polarity"}) in page.elements


def many_findings(count: int) -> LoadResult:
    finding = Finding(severity=Severity.WARNING, rule="r", file="f" * 1000, message="m" * 5000, remedy="r" * 5000)
    return LoadResult(folder="x", status="checked", findings=[finding] * count, counts={"r": count}, warnings=count)


def test_the_page_has_an_end_whatever_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    report = HtmlReport()
    report.add(many_findings(5000), None)
    text = report.render("a test")
    assert len(text) < MAX_FINDINGS * 2000
    assert "4,700 more of these kinds" in text
    Page(text).check_harmless()

    monkeypatch.setattr(html_report, "MAX_BYTES", 1_000_000)
    for _ in range(10):
        report.add(many_findings(5000), None)
    text = report.render("a test")
    assert len(text) < 1_100_000
    assert "9 folders are in the overview alone" in text or "10 folders are in the overview alone" in text
    assert len([row for row in Page(text).rows if row[0] == "checked"]) == 11


# ── What is drawn ──
def numbers_of(*pieces: list[float]) -> Numbers:
    numbers, random = Numbers(), np.random.default_rng(1)
    for piece in pieces:
        numbers.add(np.array(piece, float), random)
    return numbers


def test_a_long_column_is_sampled_evenly_and_its_extremes_are_kept() -> None:
    numbers, random = Numbers(), np.random.default_rng(1)
    for start in range(0, 1_000_000, 40_000):
        numbers.add(np.arange(start, start + 40_000, dtype=float), random)
    assert (numbers.count, numbers.low, numbers.high, len(numbers.sample)) == (1_000_000, 0, 999_999, SAMPLE)
    assert not numbers.whole
    assert numbers.median == pytest.approx(500_000, rel=0.05)
    assert np.histogram(numbers.sample, bins=10)[0].tolist() == pytest.approx([1000] * 10, rel=0.2)


def test_words_are_counted_until_there_are_too_many() -> None:
    words = Words()
    words.add(pl.Series(["b", "a", "b", "c" * 500]))
    assert words.commonest(2) == [("b", 2), ("a", 1)]
    words.add(pl.Series([str(n) for n in range(MAX_WORDS)]))
    assert words.counts is None
    words.add(pl.Series(["b"]))
    assert words.count == 5 + MAX_WORDS
    assert words.first[:2] == ["b", "a"]


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        *([0.0], [5.0], [-3.0, -3.0], [1e308, -1e308], [5e-324, 1e308], [1e16, 1e16 + 2], [0.0, 0.0, 7.0]),
        *([1.0, 1.0 + 1e-15], list(range(100)), [-1e-300, 1e-300]),
    ],
    ids=str,
)
def test_any_numbers_can_be_drawn(logarithmic, values) -> None:
    numbers = numbers_of(values)
    histogram = make_histogram(numbers, logarithmic=logarithmic, whole_numbers=False)
    if histogram is None:
        assert logarithmic
        assert max(values) <= 0
        return
    assert sum(histogram.counts) == sum(value > 0 or not logarithmic for value in values)
    assert len(histogram.counts) <= BARS
    assert all(math.isfinite(end) for end in histogram.ends)
    drawing = draw(histogram, numbers.median, "t")
    assert not re.search(r"nan|inf", drawing)
    assert all(-2 <= float(x) <= 240 for x in re.findall(r"M(-?[\d.]+)", drawing))


def test_a_value_far_from_the_others_does_not_hide_them_in_one_bar() -> None:
    numbers = numbers_of([float(n) for n in range(1, 100)], [1e6])
    assert is_logarithmic(numbers, "linear")
    assert not is_logarithmic(numbers_of([float(n) for n in range(1, 100)]), "linear")
    assert not is_logarithmic(numbers_of([0.0, 1.0, 1e6]), "linear"), "0 has no place on a logarithmic axis"
    assert is_logarithmic(numbers_of([0.0, 1.0]), "log"), "what schema/ says is log-normal"


def test_few_whole_numbers_have_a_bar_each() -> None:
    histogram = make_histogram(numbers_of([1, 1, 2, 4]), logarithmic=False, whole_numbers=True)
    assert histogram is not None
    assert histogram.counts == (2, 1, 0, 1)


def test_a_logarithmic_axis_is_never_narrower_than_a_decade() -> None:
    histogram = make_histogram(numbers_of([90.0, 110.0]), logarithmic=True, whole_numbers=False)
    assert histogram is not None
    assert histogram.ends[1] / histogram.ends[0] == pytest.approx(10)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.0, "0"), (14836.0, "14,836"), (0.08702345, "0.08702"), (266476.875, "266,477"), (2.5e7, "2.5×10⁷")),
        *((-3.5, "-3.5"), (1e-5, "1×10⁻⁵"), (123456.7, "123,457"), (9.9999, "10"), (1e300, "1×10³⁰⁰")),
    ],
)
def test_numbers_are_written_with_four_digits(value: float, text: str) -> None:
    assert write_number(value) == text


@pytest.mark.parametrize(
    ("stored", "value", "text"),
    [
        *(("nm", 410.0, "410 nm"), ("nm", 2_131_815.0, "2.132 mm"), ("nm2", 88_000.0, "0.088 µm²")),
        *(("nm3", 7.2526e11, "725.3 µm³"), ("nm-1", 0.00569, "5.69 µm⁻¹"), ("nm3", 300.0, "300 nm³")),
        *(("nm", 5e12, "5,000 m"), (None, 3.0, "3 "), ("nm", 0.0, "0 nm"), ("nm", -4.0e4, "-40 µm")),
    ],
)
def test_units_are_those_that_fit(stored: str | None, value: float, text: str) -> None:
    unit = fitting_unit(stored, value)
    assert f"{unit.write(value)} {unit.label}" == text
