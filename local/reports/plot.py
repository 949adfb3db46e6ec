"""A drawing of a report as SVG, written by hand like the simulator's: the week, what jobs waited for, who it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from local.reports.accounts import Row
from local.reports.hours import HOURS, WEEKDAYS, Hour

WIDTH = 860
_LEFT, _CELL, _ROW = 74, 32, 22
_MOST_ROWS = 12
_NAME, _BAR = 230, 440
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.small{font-size:10px}"
    ".back{fill:#ffffff}.empty{fill:#eaeef2}.full{fill:#0a5dc2}.held{fill:#2f7ed8}.rest{fill:#9cc3ec}.on{fill:#ffffff}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.back{fill:#0d1117}.empty{fill:#21262d}.full{fill:#58a6ff}"
    ".held{fill:#58a6ff}.rest{fill:#2b5d91}.on{fill:#0d1117}}"
)


def draw(hours: Sequence[Hour], rows: Sequence[Row], title: str, zone: str) -> str:
    """Return an SVG document: two heat maps of the week, and as bars what held jobs up and the dearest accounts.

    Each cell and bar also says its figure, to those who see no shades and to those who point at it.
    """
    reasons = _reasons(rows)
    map_height = 40 + len(WEEKDAYS) * _ROW + 24
    reasons_top = 40 + 2 * map_height
    rows_top = reasons_top + (_bars_height(len(reasons)) if reasons else 0)
    bars = _dearest(rows)
    height = rows_top + _bars_height(len(bars))
    box = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        # The cells without a figure, once for all; those with one are drawn over them.
        f'<pattern id="cells" x="{_LEFT}" width="{_CELL}" height="{_ROW}" patternUnits="userSpaceOnUse">',
        f'<rect class="empty" width="{_CELL - 2}" height="{_ROW - 2}" rx="2"/></pattern>',
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="{_LEFT}" y="24">{escape(title)}</text>',
    ]
    demand = _heat_map(
        hours, lambda hour: hour.jobs or None, f"jobs queued in an hour, on average ({zone})", 40
    )
    waits = _heat_map(
        hours, lambda hour: hour.wait_p90, "wait of the jobs queued then, p90 (seconds)", 40 + map_height
    )
    held_up = _bars("what held jobs up (minutes, all together)", reasons, reasons_top) if reasons else []
    cost = _bars("cost (USD)", bars, rows_top, legend=("held by jobs", "overhead"))
    return "\n".join([*parts, *demand, *waits, *held_up, *cost, "</svg>", ""])


def _heat_map(
    hours: Sequence[Hour], measure: Callable[[Hour], float | None], title: str, top: int
) -> list[str]:
    largest = max((measure(hour) or 0.0 for hour in hours), default=0.0) or 1.0
    parts = [f'<text class="title" x="{_LEFT}" y="{top + 18}">{escape(title)}</text>']
    for number in range(HOURS):
        x = _LEFT + number * _CELL + _CELL / 2
        parts.append(f'<text class="small" x="{x}" y="{top + 36}" text-anchor="middle">{number}</text>')
    for day, name in enumerate(WEEKDAYS):
        y = top + 40 + day * _ROW
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{name}</text>')
    parts.append(
        f'<svg y="{top + 40}" width="{WIDTH}" height="{len(WEEKDAYS) * _ROW}"><rect fill="url(#cells)" x="{_LEFT}"'
        f' width="{HOURS * _CELL}" height="{len(WEEKDAYS) * _ROW}"/></svg>'
    )
    for hour in hours:
        parts += _cell(hour, measure(hour), largest, top + 40)
    return parts


def _cell(hour: Hour, value: float | None, largest: float, top: int) -> list[str]:
    x, y = _LEFT + hour.hour * _CELL, top + hour.weekday * _ROW
    box = f'x="{x}" y="{y}" width="{_CELL - 2}" height="{_ROW - 2}" rx="2"'
    if value is None:
        return []
    share = max(0.08, value / largest)
    told = f"{value:,.0f}" if value >= 10 else f"{value:,.1f}"
    on = " on" if share > 0.6 else ""
    return [
        f'<rect class="full" fill-opacity="{share:.2f}" {box}><title>{hour.name}: {told}</title></rect>',
        f'<text class="small{on}" x="{x + _CELL / 2 - 1}" y="{y + 14}" text-anchor="middle">{told}</text>',
    ]


@dataclass(frozen=True, slots=True)
class _Bar:
    """A bar of two parts, whose length is what they come to, and what is written beside it."""

    name: str
    first: float
    second: float
    told: str


def _reasons(rows: Sequence[Row]) -> list[_Bar]:
    minutes: Counter[str] = Counter()
    for row in rows:
        minutes.update(dict(row.waited_for))
    return [
        _Bar(name, part, 0.0, f"{part:,.0f}") for name, part in minutes.most_common(_MOST_ROWS) if part >= 0.5
    ]


def _dearest(rows: Sequence[Row]) -> list[_Bar]:
    bars = [_Bar(row.name, row.held, row.overhead, f"{row.cents / 100:,.2f}") for row in rows[:_MOST_ROWS]]
    if rest := rows[_MOST_ROWS:]:  # told and not drawn: together they would be longer than all others
        bars.append(_Bar(f"{len(rest):,} others", 0.0, 0.0, f"{sum(row.cents for row in rest) / 100:,.2f}"))
    return bars


def _bars_height(count: int) -> int:
    return 30 + _ROW * max(1, count) + 20


def _bars(title: str, bars: Sequence[_Bar], top: int, legend: tuple[str, ...] = ()) -> list[str]:
    """Draw bars; names come from whoever wrote them, so they are escaped and cut."""
    parts = [f'<text class="title" x="{_LEFT}" y="{top + 18}">{escape(title)}</text>']
    x = _LEFT + _NAME
    for number, (kind, told) in enumerate(zip(("held", "rest"), legend, strict=False)):
        at = x + number * 120
        parts += [
            f'<rect class="{kind}" x="{at}" y="{top + 8}" width="12" height="12" rx="2"/>',
            f'<text x="{at + 18}" y="{top + 18}">{escape(told)}</text>',
        ]
    largest = max((bar.first + bar.second for bar in bars), default=0) or 1
    for number, bar in enumerate(bars):
        y = top + 30 + number * _ROW
        first, second = _BAR * bar.first / largest, _BAR * bar.second / largest
        name = bar.name if len(bar.name) <= 34 else f"{bar.name[:33]}…"
        parts += [
            f'<text x="{x - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="held" x="{x}" y="{y}" width="{first:.1f}" height="{_ROW - 4}"/>',
            f'<rect class="rest" x="{x + first:.1f}" y="{y}" width="{second:.1f}" height="{_ROW - 4}"/>',
            f'<text x="{x + first + second + 6:.1f}" y="{y + 14}">{bar.told}</text>',
        ]
    return parts
