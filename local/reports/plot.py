"""A drawing of a report as SVG, written by hand like the simulator's: the week's demand and waits, and who it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from local.reports.accounts import Row
from local.reports.hours import HOURS, WEEKDAYS, Hour

WIDTH = 860
_LEFT, _CELL, _ROW = 74, 32, 22
_MOST_ROWS = 12
_BAR = 420
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.small{font-size:10px}"
    ".back{fill:#ffffff}.empty{fill:#eaeef2}.full{fill:#0a5dc2}.held{fill:#2f7ed8}.rest{fill:#9cc3ec}.on{fill:#ffffff}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.back{fill:#0d1117}.empty{fill:#21262d}.full{fill:#58a6ff}"
    ".held{fill:#58a6ff}.rest{fill:#2b5d91}.on{fill:#0d1117}}"
)


def draw(hours: Sequence[Hour], rows: Sequence[Row], title: str, zone: str) -> str:
    """Return an SVG document: two heat maps of the week, and the dearest accounts as bars.

    Each cell and bar also says its figure, to those who see no shades and to those who point at it.
    """
    shown = rows[:_MOST_ROWS]
    map_height = 40 + len(WEEKDAYS) * _ROW + 24
    height = 40 + 2 * map_height + 40 + _ROW * max(1, len(shown)) + 20
    box = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="{_LEFT}" y="24">{escape(title)}</text>',
    ]
    demand = _heat_map(
        hours, lambda hour: hour.jobs or None, f"jobs queued in an hour, on average ({zone})", 40
    )
    waits = _heat_map(
        hours, lambda hour: hour.wait_p90, "wait of the jobs queued then, p90 (seconds)", 40 + map_height
    )
    return "\n".join([*parts, *demand, *waits, *_bars(shown, 40 + 2 * map_height), "</svg>", ""])


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
    for hour in hours:
        parts += _cell(hour, measure(hour), largest, top + 40)
    return parts


def _cell(hour: Hour, value: float | None, largest: float, top: int) -> list[str]:
    x, y = _LEFT + hour.hour * _CELL, top + hour.weekday * _ROW
    box = f'x="{x}" y="{y}" width="{_CELL - 2}" height="{_ROW - 2}" rx="2"'
    if value is None:
        return [f'<rect class="empty" {box}><title>{hour.name}: none</title></rect>']
    share = max(0.08, value / largest)
    told = f"{value:,.0f}" if value >= 10 else f"{value:,.1f}"
    on = " on" if share > 0.6 else ""
    return [
        f'<rect class="empty" {box}/>',
        f'<rect class="full" fill-opacity="{share:.2f}" {box}><title>{hour.name}: {told}</title></rect>',
        f'<text class="small{on}" x="{x + _CELL / 2 - 1}" y="{y + 14}" text-anchor="middle">{told}</text>',
    ]


def _bars(rows: Sequence[Row], top: int) -> list[str]:
    """Draw what was held and what was overhead; names come from whoever wrote them, so they are escaped and cut."""
    parts = [
        f'<text class="title" x="{_LEFT}" y="{top + 18}">cost (USD): held by jobs, and overhead (lighter)</text>'
    ]
    largest = max((row.cost for row in rows), default=0) or 1
    for number, row in enumerate(rows):
        y = top + 30 + number * _ROW
        held = _BAR * row.held / largest
        rest = _BAR * row.overhead / largest
        name = row.name if len(row.name) <= 34 else f"{row.name[:33]}…"
        x = _LEFT + 230
        parts += [
            f'<text x="{x - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="held" x="{x}" y="{y}" width="{held:.1f}" height="{_ROW - 4}"/>',
            f'<rect class="rest" x="{x + held:.1f}" y="{y}" width="{rest:.1f}" height="{_ROW - 4}"/>',
            f'<text x="{x + held + rest + 6:.1f}" y="{y + 14}">{row.cents / 100:,.2f}</text>',
        ]
    return parts
