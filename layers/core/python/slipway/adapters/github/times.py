"""Times as GitHub writes them."""

from __future__ import annotations

from datetime import datetime


def seconds(text: str | None) -> float | None:
    """Return a time of GitHub's in epoch seconds."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else None
