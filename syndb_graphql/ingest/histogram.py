"""The distribution of a column as bars, and the bars as a drawing (SVG) that needs no script and takes a page's colours."""

import math
from dataclasses import dataclass

import numpy as np

from syndb_graphql.ingest.survey import Floats, Numbers

BARS = 32
WIDTH, HEIGHT = 240, 48
"""Of the drawing, in its own units."""
LEAST_DECADES = 1.0
"""A logarithmic axis spans this much at least: values that differ by a tenth should not look spread out."""
FAR = 100.0
"""Times the median: the bars of a linear axis are a thirty-second of it."""
MAX_MARKS = 40
"""Decades that are marked on a logarithmic axis; on one with more the marks would run together."""
EXACT = 1e15
"""Whole numbers up to here have room for halves between them."""
CLOSE = 1e-9
"""Values that differ by less than this part of them are drawn as one: bars between them have no width."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts, in a sample, of bars that part the axis evenly; on a logarithmic axis `low` and `high` are log10."""

    low: float
    high: float
    counts: tuple[int, ...]
    logarithmic: bool

    @property
    def ends(self) -> tuple[float, float]:
        """The values at the ends of the axis."""
        if not self.logarithmic:
            return self.low, self.high
        return 10.0 ** max(self.low, -307), 10.0 ** min(self.high, 308)

    def place(self, value: float) -> float:
        """Where on the axis, from 0 to 1."""
        if self.logarithmic:
            value = math.log10(value) if value > 0 else self.low
        # Halved, since the difference of two finite numbers need not be finite.
        at = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return min(1.0, max(0.0, at))


def is_logarithmic(numbers: Numbers, scale: str) -> bool:
    """Where schema/ says so, or where a few values are so far away that the others would be one bar."""
    return scale == "log" or (numbers.low > 0 and numbers.high > FAR * numbers.median)


def make_histogram(numbers: Numbers, *, logarithmic: bool, whole_numbers: bool) -> Histogram | None:
    """None where there is nothing to draw. On a logarithmic axis only the values over 0 are there."""
    if logarithmic:
        return _make_logarithmic(numbers)
    if not len(numbers.sample):
        return None
    low, high, bars = numbers.low, numbers.high, BARS
    if whole_numbers and high - low < BARS and max(abs(low), abs(high)) < EXACT:
        bars = int(high - low) + 1
        low, high = low - 0.5, high + 0.5
    elif high / 2 - low / 2 <= CLOSE * max(abs(low), abs(high)):
        margin = abs(low) / 10 or 0.5
        low, high, bars = low - margin, high + margin, 3
    return Histogram(low, high, _count(numbers.sample, low, high, bars), logarithmic=False)


def _make_logarithmic(numbers: Numbers) -> Histogram | None:
    values = numbers.sample[numbers.sample > 0]
    if not len(values):
        return None
    # The extremes are those of all values; where the smallest is not over 0, the sample's smallest that is.
    low = math.log10(numbers.low if numbers.low > 0 else float(values.min()))
    high = math.log10(numbers.high)
    middle = (low + high) / 2
    low, high = min(low, middle - LEAST_DECADES / 2), max(high, middle + LEAST_DECADES / 2)
    return Histogram(low, high, _count(np.log10(values), low, high, BARS), logarithmic=True)


def _count(values: Floats, low: float, high: float, bars: int) -> tuple[int, ...]:
    size = max(abs(low), abs(high)) or 1.0
    counts, _ = np.histogram(values / size, bins=bars, range=(low / size, high / size))
    return tuple(counts.tolist())


def draw(histogram: Histogram, median: float, title: str) -> str:
    """As an SVG element of the classes `histogram`, `bars`, `median` and `decade`. `title` must be escaped already."""
    step, most = WIDTH / len(histogram.counts), max(histogram.counts)
    gap = min(1.0, step / 5)
    bars = []
    for index, count in enumerate(histogram.counts):
        if count:
            # Never less than a hair: one value of ten thousand may be the one that matters.
            height = max(1.5, HEIGHT * count / most)
            bars.append(f"M{index * step:.1f} {HEIGHT}v{-height:.1f}h{step - gap:.1f}v{height:.1f}z")
    marks = "".join(f"M{x:.1f} {HEIGHT}v4" for x in _decades(histogram))
    at = histogram.place(median) * WIDTH
    return (
        f'<svg class="histogram" viewBox="0 -2 {WIDTH} {HEIGHT + 7}" preserveAspectRatio="none" role="img" aria-label="{title}">'
        f'<path class="axis" d="M0 {HEIGHT}h{WIDTH}{marks}"/>'
        f'<path class="bars" d="{"".join(bars)}"/><path class="median" d="M{at:.1f} -2v{HEIGHT + 2}"/></svg>'
    )


def _decades(histogram: Histogram) -> list[float]:
    """Places of the powers of ten."""
    if not histogram.logarithmic or histogram.high - histogram.low > MAX_MARKS:
        return []
    powers = range(math.ceil(histogram.low), math.floor(histogram.high) + 1)
    return [(power - histogram.low) / (histogram.high - histogram.low) * WIDTH for power in powers]
