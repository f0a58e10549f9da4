"""Skeletons: what a contributor's SWC file measures, and what is said of one that is damaged."""

import contextlib
import math
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import syndb_graphql.demo
from syndb_graphql.ingest.report import BadFile
from syndb_graphql.ingest.skeleton import SkeletonMeasures, measure_skeleton

DEMO = Path(syndb_graphql.demo.__file__).parent / "data"
UNIT = (1.0, 1.0, 1.0)
DETERMINED = settings(derandomize=True, database=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("skeletons")


def measure(folder: Path, text: str | bytes, scale: tuple[float, float, float] = UNIT) -> SkeletonMeasures:
    path = folder / "neuron.swc"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return measure_skeleton(path, scale)


def refused(folder: Path, text: str | bytes) -> BadFile:
    with pytest.raises(BadFile) as caught:
        measure(folder, text)
    assert caught.value.remedy
    return caught.value


FORK = "1 1 0 0 0 1 -1\n2 3 3 4 0 1 1\n3 3 3 4 12 1 2\n4 3 3 5 0 1 2\n"
"""A root, a branch point 5 away, and leaves 12 and 1 from there."""


# --- known values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "nodes", "roots", "cable", "branches", "leaves"),
    [
        (1734350788, 4465, 1, 266476.875, 599, 618),
        (1734350908, 4847, 1, 304332.656, 735, 761),
        (722817260, 4332, 1, 274703.367, 633, 656),
        (754534424, 4696, 1, 286522.450, 696, 726),
        (754538881, 4881, 2, 291265.318, 626, 642),
    ],
)
def test_the_fly_neurons_measure_what_they_are_known_to(body, nodes, roots, cable, branches, leaves):
    measured = measure_skeleton(DEMO / f"hemibrain-da1/skeletons/{body}.swc", (8, 8, 8))
    assert measured.cable_length == pytest.approx(cable * 8, abs=0.01)
    assert (measured.point_count, measured.n_trees, measured.is_tree) == (nodes, roots, roots == 1)
    assert (measured.n_branches, measured.n_leaves) == (branches, leaves)


@pytest.mark.parametrize(
    ("name", "nodes", "cable", "branches", "leaves"),
    [
        ("nr5a1/skeletons/Nr5a1_471087815", 1531, 1918.803, 17, 21),
        ("pvalb/skeletons/Pvalb_469628681", 1247, 1528.377, 19, 23),
        ("pvalb/skeletons/Pvalb_470522102", 1963, 2440.558, 17, 21),
        ("rorb/skeletons/Rorb_325404214", 2191, 2637.774, 30, 34),
        ("scnn1a/skeletons/Scnn1a_473845048", 3783, 4772.476, 57, 66),
    ],
)
def test_the_mouse_neurons_measure_what_they_are_known_to(name, nodes, cable, branches, leaves):
    measured = measure_skeleton(DEMO / f"mouse-v1-{name}.swc", (1000, 1000, 1000))
    assert measured.cable_length == pytest.approx(cable * 1000, abs=1)
    assert (measured.point_count, measured.n_branches, measured.n_leaves) == (nodes, branches, leaves)


def test_a_fork(folder):
    assert measure(folder, FORK) == SkeletonMeasures(
        cable_length=18.0,
        n_branches=1,
        n_leaves=2,
        n_trees=1,
        is_tree=True,
        bounding_box_min=(0.0, 0.0, 0.0),
        bounding_box_max=(3.0, 5.0, 12.0),
        point_count=4,
    )


def test_unequal_voxels_scale_each_axis_before_anything_is_measured(folder):
    measured = measure(folder, "1 1 1 1 1 1 -1\n2 3 4 1 2 1 1\n", (4, 4, 40))
    assert measured.cable_length == pytest.approx(math.hypot(12, 40))
    assert measured.bounding_box_max == (16, 4, 80)


def test_one_node_is_a_tree_without_cable(folder):
    measured = measure(folder, "7 1 1 2 3 1 -1")
    assert (measured.cable_length, measured.n_leaves, measured.n_branches, measured.is_tree) == (0, 1, 0, True)


@pytest.mark.parametrize("scale", [(0, 1, 1), (1, -1, 1), (1, 1, math.nan), (1, 1, math.inf)])
def test_a_scale_that_is_none_is_a_mistake_of_the_caller(folder, scale):
    with pytest.raises(ValueError, match="three positive numbers"):
        measure(folder, FORK, scale)


# --- how files are written --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        FORK.replace(" ", "\t"),
        FORK.replace(" ", "   ").replace("\n", " \n   "),
        FORK.replace("\n", "\r\n"),
        FORK.replace("\n", "\r"),
        FORK.rstrip(),
        "\ufeff" + FORK,
        "\ufeff# made by µTrace\n" + FORK,
        "# head\n\n  # indented\n\n" + FORK.replace("\n", "\n\n# between\n") + "# end",
        FORK.replace("-1\n", "-1 # soma\n"),
        FORK.replace("12", "1.2e1").replace("5", "+5.0E+0"),
        FORK.replace("1 1 0", "01 1 -0.").replace(" -1\n", " -1 9 extra\n"),
        "\n".join(reversed(FORK.splitlines())),
        FORK.replace("\n", "\x0b\n"),
    ],
)
def test_every_way_of_writing_gives_the_same_measures(folder, text):
    assert measure(folder, text) == measure(folder, FORK)


def test_comments_may_be_in_any_encoding(folder):
    assert measure(folder, b"# \xb5m, traced by J\xf6rg\n" + FORK.encode()).point_count == 4


def test_ids_may_have_64_bits_and_come_in_any_order(folder):
    measured = measure(folder, f"{2**63 - 1} 3 1 0 0 1 720575940600000001\n720575940600000001 1 0 0 0 1 -1\n")
    assert (measured.cable_length, measured.n_trees) == (1, 1)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule", "line", "said"),
    [
        (FORK + "5 3 0 0 0 1 9\n", "skeleton-missing-parent", 5, "parent 9 of node 5"),
        ("1 1 0 0 0 1 0\n", "skeleton-missing-parent", 1, "parent 0 of node 1"),
        ("1 1 0 0 0 1 -2\n", "skeleton-missing-parent", 1, "parent -2 of node 1"),
        ("# c\n\n" + FORK + "4 3 0 0 0 1 1\n", "skeleton-duplicate", 7, "id 4"),
        (FORK + "5 3 0 0 0 1 5\n", "skeleton-self-parent", 5, "its own parent"),
        (FORK + "5 3 0 0 0 1 7\n6 3 0 0 0 1 5\n7 3 1 1 1 1 6\n8 3 1 1 1 1 7\n", "skeleton-cycle", 5, "own ancestors"),
        ("1 1 0 0 0 1 2\n2 1 0 0 0 1 1\n", "skeleton-cycle", 1, "own ancestors"),
        (FORK + "# c\n5 3 nan 0 0 1 1\n", "skeleton-number", 6, "x is 'nan'"),
        (FORK + "5 3 0 inf 0 1 1\n", "skeleton-number", 5, "y is 'inf'"),
        (FORK + "5 3 0 0 1e999 1 1\n", "skeleton-number", 5, "z is '1e999'"),
        (FORK + "5 3 0 0 0 thick 1\n", "skeleton-number", 5, "radius is 'thick'"),
        (FORK + "5 3 0 0 1\n", "skeleton-columns", 5, "5 columns"),
        (FORK.replace(" ", ","), "skeleton-columns", 1, "1 columns"),
        (FORK + "5.0 3 0 0 0 1 1\n", "skeleton-id", 5, "id '5.0'"),
        (FORK + "-5 3 0 0 0 1 1\n", "skeleton-id", 5, "id '-5'"),
        (FORK + f"{2**63} 3 0 0 0 1 1\n", "skeleton-id", 5, "64 bits"),
        (FORK + "5 3 0 0 0 1 none\n", "skeleton-id", 5, "parent 'none'"),
        (FORK + "5 3 0 0 1e300 1 1\n", "skeleton-far", 5, "1 km"),
        ("# only a comment\n\n", "skeleton-empty", None, "no nodes"),
        ("", "file-empty", None, "empty"),
        (b"\x1f\x8b\x08\0\0\0gzip", "file-binary", None, "binary"),
        (FORK.encode("utf-16"), "file-binary", None, "binary"),
        (FORK + "9" * 70_000, "line-too-long", 5, "65,536"),
    ],
)
def test_a_damaged_file_is_refused_with_the_line(folder, text, rule, line, said):
    error = refused(folder, text)
    assert (error.rule, error.row) == (rule, line)
    assert said in error.message


def test_a_coordinate_is_bounded_once_it_is_scaled(folder):
    assert measure(folder, "1 1 1e11 0 0 1 -1").point_count == 1
    with pytest.raises(BadFile, match="1 km"):
        measure(folder, "1 1 1e11 0 0 1 -1", (1000, 1, 1))
    with pytest.raises(BadFile, match="1 km"):
        measure(folder, "1 1 1e300 0 0 1 -1", (1e300, 1, 1))


def test_a_file_over_the_bound_is_not_read(folder):
    path = folder / "long.swc"
    path.write_text(FORK)
    with pytest.raises(BadFile, match="at most 20 are accepted"):
        measure_skeleton(path, UNIT, max_bytes=20)


def test_what_is_no_file_is_refused(folder):
    for path in (folder, folder / "missing.swc", folder / "nul\0.swc"):
        with pytest.raises(BadFile):
            measure_skeleton(path, UNIT)


def test_a_path_of_a_hundred_thousand_nodes_takes_no_recursion_and_little_time(folder):
    n = 100_000
    text = "".join(f"{i} 3 {i} 0 0 1 {i + 1}\n" for i in range(1, n)) + f"{n} 1 {n} 0 0 1 -1\n"
    started = time.perf_counter()
    assert measure(folder, text).cable_length == n - 1
    assert refused(folder, text.replace(" -1\n", " 7\n")).rule == "skeleton-cycle"
    assert time.perf_counter() - started < 5


# --- properties -------------------------------------------------------------------------------------------------------


def naive(rows: list[tuple[int, tuple[float, ...], int]], scale: tuple[float, ...]) -> tuple[float, int, int, int]:
    """Cable length, branch points, leaves, trees, as the definitions read."""
    place = {own: point for own, point, _ in rows}
    children = Counter(parent for _, _, parent in rows)
    cable = math.fsum(
        math.dist(
            [a * s for a, s in zip(point, scale, strict=True)],
            [b * s for b, s in zip(place[parent], scale, strict=True)],
        )
        for _, point, parent in rows
        if parent != -1
    )
    counts = [children[own] for own, _, _ in rows]
    return cable, sum(n >= 2 for n in counts), sum(n == 0 for n in counts), children[-1]


coordinate = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@st.composite
def forests(draw: st.DrawFn) -> list[tuple[int, tuple[float, ...], int]]:
    """Nodes with random ids, in any order, each hung beneath one that was before it or a root."""
    ids = draw(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=30, unique=True))
    rows = []
    for place, own in enumerate(ids):
        parent = draw(st.sampled_from([-1, *ids[:place]])) if place else -1
        rows.append((own, draw(st.tuples(coordinate, coordinate, coordinate)), parent))
    return draw(st.permutations(rows))


@settings(DETERMINED, max_examples=80)
@given(rows=forests(), scale=st.tuples(*[st.floats(0.001, 1000)] * 3), seed=st.integers(0, 99))
def test_any_forest_measures_as_the_definitions_read(folder, rows, scale, seed):
    gap = random.Random(seed)
    lines = [
        gap.choice(["", " ", "\t"])
        + gap.choice([" ", "\t", "  "]).join(map(str, (own, 3, *point, 0.5, parent)))
        + gap.choice(["\n", "\r\n", " \n", "\n\n", "\n# c\n"])
        for own, point, parent in rows
    ]
    measured = measure(folder, "".join(lines), scale)
    cable, branches, leaves, trees = naive(rows, scale)
    assert measured.cable_length == pytest.approx(cable, rel=1e-9, abs=1e-9)
    assert (measured.n_branches, measured.n_leaves, measured.n_trees) == (branches, leaves, trees)
    assert measured.point_count == len(rows)


@settings(DETERMINED, max_examples=40)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(FORK)), st.integers(0, 6), st.binary(max_size=6)), min_size=1, max_size=4
    )
)
def test_damaged_bytes_give_a_measure_or_a_finding_and_nothing_else(folder, edits):
    content = FORK.encode()
    for place, length, new in edits:
        content = content[:place] + new + content[place + length :]
    with contextlib.suppress(BadFile):
        assert measure(folder, content).point_count > 0
