"""Refusals that say what was wanted anyway."""

from __future__ import annotations

from types import TracebackType

from slipway.adapters.aws_errors import aws_errors
from slipway.domain.errors import RefusedError


class settled:  # noqa: N801 - it is used as a verb: "with settled(...)"
    """Like ``aws_errors``, but take these codes for success: what was to be made is there, or to be removed is gone."""

    def __init__(self, action: str, *codes: str) -> None:
        self._errors = aws_errors(action)
        self._codes = codes

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            self._errors.__exit__(kind, fault, trace)
        except RefusedError as refused:
            if refused.code in self._codes:
                return True
            raise
        return False
