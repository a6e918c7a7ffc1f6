"""Draws what `curves` measured: each JSON file of a folder becomes an SVG picture beside it.

    python -m benchmarks.pictures [FOLDER]

Needs matplotlib (`pip install '.[plots]'`; `make curves` sees to it). Medians are drawn as
lines, least and most as bars. The same file gives the same picture, to the byte.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from benchmarks.curves import FOLDER

PANELS = {
    "cpu": "CPU of the daemon, µs a flow",
    "rate": "flows a second",
    "memory": "memory of the daemon, MiB",
}
"""What is drawn of each point, with its title."""

_SIZE = (12.0, 3.4)
_STEEP = 8
"""From this ratio of most to least on, a scale is logarithmic."""
_TICKS = 6
_ROOM_ABOVE = 1.15
_COLOURS = ("#1f5fa8", "#c4572b", "#3b7d3b")
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_SUFFIXES = ((1_000_000, "M"), (1000, "k"))

_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    # Text stays text, and ids are the same each time.
    "svg.fonttype": "none",
    "svg.hashsalt": "replayd",
}


def draw(curve: dict[str, Any]) -> Figure:
    """Returns the picture of a curve: a panel for each of PANELS."""
    with mpl.rc_context(_STYLE):
        figure = Figure(_SIZE, layout="constrained")
        panels = figure.subplots(1, len(PANELS))
        for axes, (column, title) in zip(panels, PANELS.items(), strict=True):
            _panel(axes, curve, column)
            axes.set_title(title)
        if len(curve["lines"]) > 1:
            panels[0].legend()
        figure.suptitle(curve["title"])
    return figure


def _panel(axes: Axes, curve: dict[str, Any], column: str) -> None:
    values = []
    for colour, (name, points) in zip(_COLOURS, curve["lines"].items(), strict=False):
        xs = [point["x"] for point in points]
        medians = [point[column]["median"] for point in points]
        bars = [
            [point[column]["median"] - point[column]["low"] for point in points],
            [point[column]["high"] - point[column]["median"] for point in points],
        ]
        axes.errorbar(xs, medians, bars, color=colour, marker="o", markersize=3, capsize=2,
                      linewidth=1.2, label=name)  # fmt: skip
        values += medians
    _scale_x(axes, curve)
    if min(values) > 0 and max(values) / min(values) > _STEEP:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    else:
        axes.set_ylim(0, max(values) * _ROOM_ABOVE)
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: counted(value)))


def _scale_x(axes: Axes, curve: dict[str, Any]) -> None:
    xs = sorted({point["x"] for points in curve["lines"].values() for point in points})
    above = [x for x in xs if x > 0] or [1]
    if above[-1] / above[0] > _STEEP * 4:
        axes.set_xscale("symlog", linthresh=above[0]) if 0 in xs else axes.set_xscale("log")
    axes.set_xticks(xs[:: math.ceil(len(xs) / _TICKS)])
    say = sized if curve["unit"] == "bytes" else counted
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: say(value)))
    axes.set_xlabel(curve["axis"])


def sized(value: float) -> str:
    """Says a number of bytes."""
    for size, unit in _UNITS:
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f}"


def counted(value: float) -> str:
    """Says a number in few characters."""
    for size, suffix in _SUFFIXES:
        if value >= size:
            return f"{value / size:.4g}{suffix}"
    return f"{value:.4g}"


def main() -> None:
    """Draws every curve of the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for file in sorted(folder.glob("*.json")):
        picture = file.with_suffix(".svg")
        with mpl.rc_context(_STYLE):
            draw(json.loads(file.read_text())).savefig(picture, metadata={"Date": None})
        print(picture)


if __name__ == "__main__":
    main()
