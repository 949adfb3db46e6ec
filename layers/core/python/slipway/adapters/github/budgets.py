"""What is left of GitHub's hourly limits, as its answers tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_RESERVE = 50  # left to those who remove runners and look for jobs with the same credential


@dataclass(frozen=True, slots=True)
class _Budget:
    remaining: int
    reset_at: float


class Budgets:
    """Remembers a budget for each owner and resource; which one a call counts for, its answer says [GH-JIT-BUCKET].

    Owners, not tokens, because the tokens of one user share a limit [GH-LIMIT-PRIMARY].
    """

    def __init__(self) -> None:
        self._left: dict[tuple[str, str], _Budget] = {}
        self._resource = ""

    def hear(self, owner: str, headers: Mapping[str, str]) -> None:
        """Note what an answer to a registration says is left; a server without limits says nothing."""
        remaining, reset = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
        if not (remaining.isdigit() and reset.isdigit()):
            return
        self._resource = headers.get("x-ratelimit-resource", "")
        self._left[owner, self._resource] = _Budget(int(remaining), float(reset))

    def left(self, now: float) -> dict[str, int]:
        """Return how many calls are left to each owner until its hour is over, of the resource with the fewest."""
        found: dict[str, int] = {}
        for (owner, _), budget in self._left.items():
            if budget.reset_at > now:
                found[owner] = min(budget.remaining, found.get(owner, budget.remaining))
        return found

    def spent_until(self, owner: str, now: float) -> float | None:
        """Return when an owner may register runners again, if its budget is spent but for a reserve."""
        budget = self._left.get((owner, self._resource))
        if budget is None or budget.remaining > _RESERVE or budget.reset_at <= now:
            return None
        return budget.reset_at
