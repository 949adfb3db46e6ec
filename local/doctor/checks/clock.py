"""Does this machine's clock agree with AWS's? Signatures, and what is said here of ages, rest on it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from local.doctor.checks.github import SKEW_NOTED_SECONDS, SKEW_REFUSED_SECONDS
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings

_MEND = "set this machine's clock, and have it synchronized"


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    yield Look("this machine's clock", partial(_judge, surroundings))


def _judge(surroundings: Surroundings) -> Iterator[Verdict]:
    client = surroundings.account.client("sts", surroundings.home_region)
    try:
        answer: Mapping[str, Any] = client.get_caller_identity()
    except ClientError as fault:
        skew = _skew(fault.response)
        if skew is None or skew <= SKEW_REFUSED_SECONDS:
            raise
        # A refusal is dated too: what looks like wrong credentials is a wrong clock [IAM-SIGV4-SKEW].
        yield failed("clock", f"is {skew:.0f} s off AWS's, which refuses what is signed by it", _MEND)
        return
    skew = _skew(answer)
    if skew is None:
        yield ok("AWS told no time to compare it with")
    elif skew > SKEW_REFUSED_SECONDS:
        yield failed("clock", f"is {skew:.0f} s off AWS's, which refuses what is signed by it", _MEND)
    elif skew > SKEW_NOTED_SECONDS:
        yield warning("clock-drifts", f"is {skew:.0f} s off AWS's; from five minutes on AWS refuses", _MEND)
    else:
        yield ok(f"agrees with AWS's within {SKEW_NOTED_SECONDS} s")


def _skew(answer: Mapping[str, Any]) -> float | None:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        theirs = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return None
    return abs(time.time() - theirs)


CHECK = Check(
    name="clock",
    about="this machine's clock agrees with AWS's; a host's own clock is not seen from here",
    permissions=(),  # GetCallerIdentity needs none
    looks=_looks,
)
