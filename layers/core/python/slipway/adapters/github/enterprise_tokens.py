"""Classic personal access tokens with ``manage_runners:enterprise``, of one owner or of several."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from slipway.adapters.github.credentials import Bearer, Rests
from slipway.adapters.github.http import GitHubApi
from slipway.adapters.github.registrations import scope_path
from slipway.domain.configuration import GitHubTarget, Registration
from slipway.domain.errors import ConfigurationError, RefusedError, SlipwayError
from slipway.domain.reach import EVERYONE
from slipway.domain.tokens import TokenFacts
from slipway.ports.clock import Clock
from slipway.ports.ledger import Tokens
from slipway.ports.secrets import KeptSecrets

# How soon a token that was refused is tried again: by one call, however many claims wait.
_TRY_AGAIN_SECONDS = 30
_EXAMINE_SECONDS = 3_600


class EnterpriseTokens:
    """Implements ``Credentials``: GitHub Apps cannot manage enterprise runners [GH-ENT-PAT].

    Whose a token is, what it may and until when, ``examine`` asks; whoever mints reads it in the ledger, and takes a
    token of which nothing is known yet for one of an owner of its own [GH-TOKEN-OWNER] [GH-TOKEN-HEADERS]. Of two
    tokens of one owner the first is used: they share their limits [GH-LIMIT-PRIMARY]. Outside an enterprise there are
    none.
    """

    def __init__(
        self, secrets: KeptSecrets, github: GitHubTarget, api: GitHubApi, clock: Clock, shared: Tokens
    ) -> None:
        is_enterprise = github.registration is Registration.ENTERPRISE
        self._secrets = secrets
        self._arns = github.runner_token_secrets if is_enterprise else ()
        self._runners = f"{scope_path(github, EVERYONE)}/actions/runners"
        self._api = api
        self._clock = clock
        self._shared = shared
        self._known: dict[str, TokenFacts] = {}
        self._rests = Rests(clock)

    def bearer(self, reach: str) -> Bearer:
        """Return an owner, one who is not in doubt if any: these calls have no second try as a registration has.

        Where there are several, a reach always gets the same one.
        """
        usable = self._usable()
        chosen = tuple(bearer for bearer in usable if not self._is_in_doubt(bearer)) or usable
        return chosen[sum(reach.encode()) % len(chosen)]

    def bearers(self, reach: str, installation_id: int | None = None) -> tuple[Bearer, ...]:  # noqa: ARG002 - the App's affair
        """Return the owners who may register a runner now."""
        return self._rests.awake(self._usable())

    def hear(self, bearer: Bearer, headers: Mapping[str, str]) -> None:
        """Note what an answer to a registration says of the owner's budget."""
        self._rests.budgets.hear(bearer.owner, headers)

    def calls_left(self) -> Mapping[str, int]:
        """Return how many calls are left this hour to each owner that was heard of."""
        return self._rests.calls_left()

    def rest(self, bearer: Bearer, seconds: int) -> None:
        """Let an owner rest: a limit said no."""
        self._rests.rest(bearer.owner, seconds)

    def refuse(self, bearer: Bearer, why: str) -> Bearer | None:
        """Note that GitHub no longer takes a token; return the one that was put into its secret meanwhile, if any."""
        fingerprint = _fingerprint(bearer.value)
        self._learn(bearer.source, _refused(fingerprint, bearer.owner, self._clock.now(), why))
        self._secrets.forget(bearer.source)
        try:
            return self._bearer(bearer.source)
        except SlipwayError:
            return None

    def examine(self) -> list[tuple[str, TokenFacts]]:
        """Return what is known of every token, asked anew each hour, and at once where it is in doubt."""
        return [(arn, self._examined(arn)) for arn in self._arns]

    def _examined(self, arn: str) -> TokenFacts:
        now = self._clock.now()
        try:
            value = self._secrets.get(arn).strip()
            facts = self._facts(arn, value)
            if facts is not None and facts.refused is None and now - facts.checked_at < _EXAMINE_SECONDS:
                return facts
            return self._ask(arn, value)
        except SlipwayError as fault:
            return _refused("", arn, now, str(fault))

    def _usable(self) -> tuple[Bearer, ...]:
        """Return the tokens that GitHub takes, one of each owner.

        Raises:
            ConfigurationError: none is configured. RefusedError: none is any good; it says why of each.
        """
        if not self._arns:
            raise ConfigurationError("registration: enterprise needs github.secrets.runner_tokens")
        of_owner: dict[str, Bearer] = {}
        faults: list[SlipwayError] = []
        for arn in self._arns:
            try:
                bearer = self._bearer(arn)
            except SlipwayError as fault:
                faults.append(fault)
            else:
                of_owner.setdefault(bearer.owner, bearer)
        if of_owner:
            return tuple(of_owner.values())
        if len(faults) == 1:
            raise faults[0]
        raise RefusedError("; ".join(map(str, faults)), code="401")

    def _bearer(self, arn: str) -> Bearer:
        value = self._secrets.get(arn).strip()
        facts = self._facts(arn, value)
        if facts is None:
            return Bearer(arn, arn, value)
        if facts.refused is not None and self._clock.now() - facts.checked_at < _TRY_AGAIN_SECONDS:
            raise RefusedError(f"the token in secret {arn} is refused: {facts.refused}", code="401")
        if not facts.may_manage_runners:
            raise RefusedError(
                f"the token in secret {arn} has no scope manage_runners:enterprise: make one that has it",
                code="403",
            )
        return Bearer(facts.owner, arn, value)

    def _is_in_doubt(self, bearer: Bearer) -> bool:
        """Say whether GitHub refused a token when it was last tried."""
        facts = self._facts(bearer.source, bearer.value)
        return facts is not None and facts.refused is not None

    def _facts(self, arn: str, value: str) -> TokenFacts | None:
        """Return what is known of this very token: there may be another in its secret by now."""
        fingerprint = _fingerprint(value)
        known = self._known.get(arn)
        if known is None or known.fingerprint != fingerprint or known.refused is not None:
            known = self._shared.find(arn)
        if known is None or known.fingerprint != fingerprint:
            return None
        self._known[arn] = known
        return known

    def _ask(self, arn: str, value: str) -> TokenFacts:
        """Ask GitHub about a token; without an answer nothing is learned.

        Whether its owner may still manage the enterprise's runners no header tells, only the runners do [GH-ENT-PAT].
        """
        heard: dict[str, str] = {}
        refusals, fingerprint = {"401"}, _fingerprint(value)
        facts = TokenFacts(fingerprint, arn, self._clock.now())
        try:
            user = self._api.call("GET", "/user", lambda: value, hear=heard.update)
            facts = _described(fingerprint, self._clock.now(), user, heard)
            refusals = {"401", "403", "404"}
            if facts.may_manage_runners:
                self._api.call("GET", self._runners, lambda: value, params={"per_page": 1})
        except SlipwayError as fault:
            is_refused = isinstance(fault, RefusedError) and fault.code in refusals
            if is_refused or isinstance(fault, ConfigurationError):
                return self._learn(arn, replace(facts, refused=str(fault)))
            return self._facts(arn, value) or facts
        return self._learn(arn, facts)

    def _learn(self, arn: str, facts: TokenFacts) -> TokenFacts:
        self._known[arn] = facts
        self._shared.keep(arn, facts)
        return facts


def _described(
    fingerprint: str, now: float, user: Mapping[str, Any], headers: Mapping[str, str]
) -> TokenFacts:
    scopes = headers.get("x-oauth-scopes")
    return TokenFacts(
        fingerprint=fingerprint,
        owner=str(user["login"]).lower(),
        checked_at=now,
        scopes=None if scopes is None else tuple(scope.strip() for scope in scopes.split(",")),
        expires_at=_end(headers.get("github-authentication-token-expiration", "")),
    )


def _refused(fingerprint: str, owner: str, now: float, why: str) -> TokenFacts:
    return TokenFacts(fingerprint, owner, now, refused=why)


def _fingerprint(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16]


def _end(text: str) -> float | None:
    """Read ``2027-10-12 09:00:00 UTC``, or an offset in its place."""
    for form in ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S %z"):
        try:
            end = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is added below where the form has none
        except ValueError:
            continue
        return (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
    return None
