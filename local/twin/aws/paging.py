"""Pages of a list, with opaque tokens."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from local.twin.aws.errors import AwsFault


def page(
    key: str,
    values: Sequence[Any],
    request: Mapping[str, Any],
    limit_key: str,
    token_key: str,
    *,
    largest: int = 100,
) -> dict[str, Any]:
    """One page of `values` under `key`; the token is there only when more follow."""
    limit = min(int(request.get(limit_key) or largest), largest)
    start = _offset(request.get(token_key))
    answer: dict[str, Any] = {key: list(values[start : start + limit])}
    if start + limit < len(values):
        answer[token_key] = base64.urlsafe_b64encode(f"offset:{start + limit}".encode()).decode()
    return answer


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("offset:"))
    except (ValueError, binascii.Error) as error:
        raise AwsFault("InvalidParameterException", "Invalid token") from error
