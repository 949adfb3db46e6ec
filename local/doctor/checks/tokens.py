"""Are the personal access tokens good? By what the reaper wrote of them: no token is read here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from local.doctor.deployment import absence, ago, is_young, reading
from local.doctor.findings import Check, Look, Verdict, failed, ok, warning
from local.doctor.surroundings import Surroundings
from slipway.domain.configuration import Registration
from slipway.domain.notices import NoticeCode
from slipway.domain.tokens import TokenFacts, notice_of

STALE_SECONDS = 3 * 3_600  # the reaper asks once an hour
_RENEW = (
    "put a new one into the secret (docs/github.md, credentials): both tokens are used while it is changed"
)


def _refused(why: str) -> Verdict:
    return failed("token-refused", f"GitHub refuses it: {why}", _RENEW)


def _weak(why: str) -> Verdict:
    return failed("token-without-scope", f"may not manage runners: {why}", _RENEW)


def _ends(why: str) -> Verdict:
    return warning("token-expires", why, _RENEW)


_TOLD: Mapping[NoticeCode, Callable[[str], Verdict]] = {
    NoticeCode.TOKEN_REFUSED: _refused,
    NoticeCode.TOKEN_SCOPE_MISSING: _weak,
    NoticeCode.TOKEN_EXPIRES_SOON: _ends,
}


def _looks(surroundings: Surroundings) -> Iterator[Look]:
    github = surroundings.configuration.github
    if github.registration is Registration.ENTERPRISE:
        for secret in github.runner_token_secrets:
            yield Look(f"github.secrets.runner_tokens: {secret}", partial(_judge, surroundings, secret))


def _judge(surroundings: Surroundings, secret: str) -> Iterator[Verdict]:
    with absence() as found, reading(surroundings) as ledger:
        found.append(ledger.tokens.find(secret))
    if not found:
        return  # there is no table, which another check tells
    facts: TokenFacts | None = found[0]
    now = time.time()
    mend = "see why the reaper does not run: its schedule, its log, its alarm"
    if facts is None:
        if is_young(surroundings, "reaper"):
            yield ok("not looked at yet: the reaper does it once an hour")
        else:
            yield failed("token-unseen", "the reaper has never looked at it", mend)
        return
    if now - facts.checked_at > STALE_SECONDS:
        message = f"the reaper last looked at it {ago(now - facts.checked_at)}"
        yield failed("token-unseen", message, mend)
    if notice := notice_of(secret, facts, now):
        yield _TOLD[notice.code](notice.why)
    else:
        until = (
            "no end that GitHub tells"
            if facts.expires_at is None
            else time.strftime("good until %Y-%m-%d", time.gmtime(facts.expires_at))
        )
        yield ok(f"is {facts.owner}'s, {until}")


CHECK = Check(
    name="tokens",
    about="GitHub takes the personal access tokens, as the reaper found: their scopes and their end; none is read",
    permissions=("dynamodb:GetItem", "lambda:GetFunctionConfiguration"),
    looks=_looks,
)
