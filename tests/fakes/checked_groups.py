"""Checked runner groups in memory."""

from __future__ import annotations


class FakeCheckedGroups:
    """Implements ``ports.ledger.CheckedGroups``."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[int, float]] = {}

    def checked(self, organization: str) -> tuple[int, float] | None:
        """Return what was kept."""
        return self._groups.get(organization)

    def keep_checked(self, organization: str, group_id: int, at: float) -> None:
        """Keep it."""
        self._groups[organization] = (group_id, at)

    def forget_checked(self, organization: str) -> None:
        """Forget it."""
        self._groups.pop(organization, None)
