"""Every error of ours, a class for each decision that a caller makes.

SlipwayError
├── MalformedError           input that will never become good: set it aside, do not retry
├── ConfigurationError       an operator must change something; carries every fault
├── UnavailableError         may work later: retry, carries ``retry_after_seconds``
│   └── ThrottledError       a limit said no before anything happened
│       ├── NotYetError      a limit of our own: others come first
│       └── LimitMetError    the limit was met before in this run: nothing more is asked
├── RefusedError             a definite no, nothing happened: undo what was prepared
│   └── NoCapacityError      the cloud has none of it now: ask for something else, and for this one later
└── UnknownOutcomeError      it may or may not have happened: repeat with the same token or adopt
"""

from __future__ import annotations


class SlipwayError(Exception):
    """Base of every error that Slipway raises on purpose."""


class MalformedError(SlipwayError):
    """Input which is not what it should be and never will be."""


class ConfigurationError(SlipwayError):
    """Something that only an operator can put right."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class UnavailableError(SlipwayError):
    """A dependency failed before it did anything; try again after ``retry_after_seconds``."""

    def __init__(self, message: str, *, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ThrottledError(UnavailableError):
    """A rate limit said no."""


class NotYetError(ThrottledError):
    """Our own pace says no, so that no limit ever does: its holder's turn comes after ``retry_after_seconds``."""


class LimitMetError(ThrottledError):
    """A rate limit said no in this run: what is left of it waits for a later one."""


class RefusedError(SlipwayError):
    """A definite refusal: nothing happened, and the same request would be refused again."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NoCapacityError(RefusedError):
    """There is none of what was asked for now; ``code`` says how far that reaches."""


class UnknownOutcomeError(SlipwayError):
    """It may have happened: the reply was lost, or the server ``answered`` that it failed on the way."""

    def __init__(self, message: str, *, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered
