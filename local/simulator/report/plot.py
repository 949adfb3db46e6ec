"""A drawing of waits, instances and cost over time as SVG, written by hand: no library, the same bytes each time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from local.simulator.outcome import Outcome
from local.simulator.report.series import Timeline, cost_until, instances_at, timeline, wait_p90

WIDTH, PANEL, GAP = 860, 190, 52
_LEFT, _RIGHT, _TOP = 74, 20, 46
_LEGEND_ROW, _LEGEND_COLUMNS = 20, 3
_DAY = 86_400.0
#: Told apart on white and on near-black, also by people who see colours otherwise; the dashes tell the rest.
_COLOURS: Final = ("#2f7ed8", "#e07b00", "#1a9e6c", "#c2479b", "#8a63d2", "#b8860b", "#d64545", "#7d8590")
_DASHES: Final = ("", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3")
_STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}"
    ".back{fill:#ffffff}.axis{stroke:#57606a}.grid{stroke:#d0d7de}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.back{fill:#0d1117}.axis{stroke:#8b949e}.grid{stroke:#30363d}}"
)


@dataclass(frozen=True, slots=True)
class _Panel:
    """One figure over time: a title with its unit, and a line for each policy."""

    title: str
    lines: tuple[tuple[float | None, ...], ...]
    """Values by policy: one for each moment, or one for each step between two."""


def draw(outcomes: Sequence[Outcome], title: str) -> str:
    """Return an SVG document: three panels over one time axis, and a legend by policy."""
    time = timeline(outcomes)
    panels = (
        _Panel("wait of the jobs queued then, p90 (seconds)", _lines(wait_p90, outcomes, time)),
        _Panel("instances paid for", _lines(instances_at, outcomes, time)),
        _Panel("cost so far (USD)", _lines(cost_until, outcomes, time)),
    )
    legend_rows = math.ceil(len(outcomes) / _LEGEND_COLUMNS)
    height = _TOP + len(panels) * (PANEL + GAP) + 20 + legend_rows * _LEGEND_ROW
    box = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="{_LEFT}" y="22">{escape(title)}</text>',
    ]
    top = _TOP
    for panel in panels:
        parts += _panel(panel, time, top)
        top += PANEL + GAP
    parts += _legend([outcome.policy for outcome in outcomes], top)
    return "\n".join([*parts, "</svg>", ""])


def nice_step(largest: float, ticks: int = 4) -> float:
    """Return 1, 2 or 5 times a power of ten: the distance of about so many ticks up to ``largest``."""
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest / ticks))
    return next((factor * power for factor in (1, 2, 5) if largest / (factor * power) <= ticks), 10 * power)


def _lines(
    measure: Callable[[Outcome, Timeline], list[float | None]], outcomes: Sequence[Outcome], time: Timeline
) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(measure(outcome, time)) for outcome in outcomes)


def _panel(panel: _Panel, time: Timeline, top: int) -> list[str]:
    largest = max((value for line in panel.lines for value in line if value is not None), default=0.0)
    step = nice_step(largest)
    ceiling = step * max(1, math.ceil(largest / step))
    bottom = top + PANEL
    parts = [f'<text class="title" x="{_LEFT}" y="{top - 8}">{escape(panel.title)}</text>']
    for tick in range(round(ceiling / step) + 1):
        y = bottom - PANEL * tick * step / ceiling
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick * step:,.6g}</text>')
    parts += _time_axis(time, bottom)
    for number, line in enumerate(panel.lines):
        parts.append(_line(line, number, bottom, ceiling))
    return parts


def _time_axis(time: Timeline, bottom: int) -> list[str]:
    span = time.ends_at - time.starts_at
    unit, name = next(
        ((u, n) for u, n in ((_DAY, "days"), (3600.0, "hours")) if span > 3 * u), (60.0, "minutes")
    )
    step = nice_step(span / unit, 8)
    parts = [f'<line class="axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{bottom}" y2="{bottom}"/>']
    for tick in range(int(span / unit / step + 1e-9) + 1):
        x = _x(tick * step * unit / span)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
        label = f"{tick * step:,.6g}" if tick else f"0 {name}"
        parts.append(f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{label}</text>')
    return parts


def _line(values: Sequence[float | None], number: int, bottom: int, ceiling: float) -> str:
    """Draw a line; it goes on over steps without a value, so that sparse jobs show too."""
    points = [
        f"{_x(_share(index, len(values))):.1f},{bottom - PANEL * value / ceiling:.1f}"
        for index, value in enumerate(values)
        if value is not None
    ]
    return f'<polyline fill="none" {_pen(number)} points="{" ".join(points)}"/>'


def _pen(number: int) -> str:
    dash = _DASHES[number % len(_DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{_COLOURS[number % len(_COLOURS)]}" stroke-width="1.6"{dashed}'


def _share(index: int, count: int) -> float:
    """Return where in the time a value stands: moments reach from end to end, steps count in their middle."""
    return index / (count - 1) if count % 2 else (index + 0.5) / count


def _x(share: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * share


def _legend(names: Sequence[str], top: int) -> list[str]:
    parts = []
    column = (WIDTH - _LEFT - _RIGHT) / _LEGEND_COLUMNS
    for number, name in enumerate(names):
        x, y = _LEFT + column * (number % _LEGEND_COLUMNS), top + _LEGEND_ROW * (number // _LEGEND_COLUMNS)
        parts.append(f'<line x1="{x:.1f}" x2="{x + 28:.1f}" y1="{y - 4}" y2="{y - 4}" {_pen(number)}/>')
        parts.append(f'<text x="{x + 36:.1f}" y="{y}">{escape(name)}</text>')
    return parts
