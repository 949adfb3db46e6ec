"""Pages of at most 100 and their ``Link`` header [GH-PAGE-MAX]."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from typing import TypeVar

from local.twin.github.credentials import RefusedError
from local.twin.github.rest.operations import Call

Item = TypeVar("Item")
DEFAULT_PER_PAGE = 30
MAX_PER_PAGE = 100


def per_page(call: Call) -> int:
    """The page size asked for, at most 100."""
    return min(MAX_PER_PAGE, max(1, _number(call, "per_page", DEFAULT_PER_PAGE)))


def page_of(call: Call, items: Sequence[Item]) -> tuple[Sequence[Item], dict[str, str]]:
    """The page asked for, and the headers that lead to the others."""
    size = per_page(call)
    page = max(1, _number(call, "page", 1))
    last = max(1, -(-len(items) // size))
    links = []
    if page > 1:
        links += [_link(call, "prev", page=page - 1), _link(call, "first", page=1)]
    if page < last:
        links += [_link(call, "next", page=page + 1), _link(call, "last", page=last)]
    headers = {"link": ", ".join(links)} if links else {}
    return items[(page - 1) * size : page * size], headers


def cursor_link(call: Call, cursor: str) -> dict[str, str]:
    """The header that leads to the page which begins at ``cursor``."""
    return {"link": _link(call, "next", cursor=cursor)}


def _link(call: Call, relation: str, **changed: object) -> str:
    query = urllib.parse.urlencode({**call.request.query, **changed})
    return f'<{call.api_url}{call.request.path}?{query}>; rel="{relation}"'


def _number(call: Call, name: str, default: int) -> int:
    text = call.request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RefusedError(422, f"{name} is no number")
    return int(text)
