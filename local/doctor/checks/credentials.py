"""Whose account is looked at?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from local.doctor.findings import Check, Look, Verdict, ok
from local.doctor.surroundings import Surroundings


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    yield Look("AWS credentials", partial(_judge, surroundings))


def _judge(surroundings: Surroundings) -> Iterator[Verdict]:
    caller = surroundings.account.client("sts", surroundings.home_region).get_caller_identity()
    yield ok(f"account {caller['Account']} as {caller['Arn']}; home region {surroundings.home_region}")


CHECK = Check(
    name="credentials",
    about="which account and which home region everything else is looked up in",
    permissions=(),  # GetCallerIdentity needs none
    looks=_looks,
)
