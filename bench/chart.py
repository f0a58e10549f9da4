"""Requests a second of every server in every case as one SVG, written by hand: bars on a logarithmic scale, stock Strawberry = 1."""

import math
from xml.sax.saxutils import escape

from bench.cases import CASES
from bench.results import MANY, Run
from bench.targets import (
    DATASETTE_NAME,
    LIMIT_APSW,
    LIMIT_STDLIB,
    MERCURIUS_NAME,
    OURS_NAME,
    POSTGRAPHILE_NAME,
    STOCK,
    STOCK_CACHED,
)

COLOURS = {
    OURS_NAME: "#0b6e4f", LIMIT_APSW: "#9aa5b1", LIMIT_STDLIB: "#c3cad2", MERCURIUS_NAME: "#e08e45",
    POSTGRAPHILE_NAME: "#3d7ea6", STOCK_CACHED: "#d98ba3", STOCK: "#b23a62", DATASETTE_NAME: "#8a6fb0",
}  # fmt: skip
WIDTH, LEFT, RIGHT = 900, 110, 60
BAR, GAP, TOP, BOTTOM = 11, 16, 92, 30
LEGEND_COLUMNS = 4


def draw_chart(run: Run) -> str:
    servers = [name for name in COLOURS if run.has(name)]
    ratios = {(name, case.name): run.ratio(name, STOCK, case.name, MANY) for name in servers for case in CASES}
    low, high = 10 ** math.floor(math.log10(min(ratios.values()))), max(ratios.values()) * 1.2
    scale = (WIDTH - LEFT - RIGHT) / math.log10(high / low)

    def place(ratio: float) -> float:
        return LEFT + scale * math.log10(ratio / low)

    group = BAR * len(servers) + GAP
    height = TOP + group * len(CASES) + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#1f2933">',
        "<title>Requests a second relative to stock Strawberry</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="600">Requests a second, stock Strawberry = 1 '
        f"(logarithmic; {MANY} connections, one worker each)</text>",
        *_draw_legend(servers),
        *_draw_grid(low, high, place, height),
    ]
    for number, case in enumerate(CASES):
        top = TOP + number * group
        middle = top + BAR * len(servers) / 2 + 4
        parts.append(f'<text x="{LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(case.title)}</text>')
        for row, name in enumerate(servers):
            parts += _draw_bar(name, ratios[name, case.name], top + BAR * row, place)
    return "\n".join([*parts, "</svg>", ""])


def _draw_legend(servers: list[str]) -> list[str]:
    parts = []
    for number, name in enumerate(servers):
        x = LEFT + (number % LEGEND_COLUMNS) * 190
        y = 44 + (number // LEGEND_COLUMNS) * 18
        weight = ' font-weight="600"' if name == OURS_NAME else ""
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{COLOURS[name]}"/>')
        parts.append(f'<text x="{x + 15}" y="{y}"{weight}>{escape(name)}</text>')
    return parts


def _draw_grid(low: float, high: float, place, height: int) -> list[str]:
    parts = []
    for power in range(round(math.log10(low)), math.floor(math.log10(high)) + 1):
        x = place(10**power)
        colour = "#7b8794" if power == 0 else "#e4e7eb"
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - BOTTOM}" stroke="{colour}"/>'
            f'<text x="{x:.1f}" y="{height - BOTTOM + 16}" text-anchor="middle" fill="#52606d">{10**power:g}</text>'
        )
    return parts


def _draw_bar(name: str, ratio: float, top: float, place) -> list[str]:
    left, right = sorted((place(1), place(ratio)))
    label = place(ratio) + 4 if ratio >= 1 else place(1) + 4
    bold = ' font-weight="600"' if name == OURS_NAME else ""
    return [
        f'<rect x="{left:.1f}" y="{top}" width="{max(right - left, 1.5):.1f}" height="{BAR - 2}" fill="{COLOURS[name]}"/>'
        f'<text x="{label:.1f}" y="{top + BAR - 3}" font-size="9"{bold}>{ratio:.3g}</text>'
    ]
