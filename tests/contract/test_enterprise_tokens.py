"""Classic personal access tokens: whose they are, which are any good, which comes next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from slipway.adapters.github.enterprise_tokens import EnterpriseTokens
from slipway.domain.errors import (
    ConfigurationError,
    RefusedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
)
from tests.builders import a_github, a_task_id
from tests.contract.github_faces import NAME, TOKEN, Case

A, B, C = (f"{TOKEN}/{letter}" for letter in "abc")
JIT = "/generate-jitconfig"


def hold(github: Case, **users: str) -> dict[str, str]:
    """Put a token of each user into the secret of each name; return the tokens."""
    tokens = {arn: github.twin.add_personal_token(user) for arn, user in users.items()}
    github.secrets.values.update({f"{TOKEN}/{arn}": f"{token}\n" for arn, token in tokens.items()})
    return tokens


def minted_by(github: Case) -> dict[str, int]:
    """How many registrations each user's tokens were used for."""
    counts = github.twin.calls_by_credential.items()
    return {actor.removeprefix("user:"): count for (actor, call), count in counts if call.endswith(JIT)}


def mint(github: Case, numbers: range, *arns: str) -> None:
    service = github.runners(github.ledger, runner_token_secrets=arns)
    for number in numbers:
        service.mint(github.job(), f"slipway-medium-{a_task_id(number)}")


def test_the_owners_of_tokens_take_turns(github: Case) -> None:
    """Their limits add up [GH-LIMIT-PRIMARY]."""
    hold(github, a="one", b="two", c="three")
    mint(github, range(9), A, B, C)
    assert minted_by(github) == {"one": 3, "two": 3, "three": 3}


def test_what_is_left_to_each_owner_is_told_and_nothing_of_the_token(github: Case) -> None:
    """[GH-LIMIT-PRIMARY]"""
    tokens = hold(github, a="one", b="two")
    github.enterprise_tokens(A, B).examine()
    service = github.runners(github.ledger, runner_token_secrets=(A, B))
    assert service.calls_left() == {}  # nothing was heard yet
    for number in range(3):
        service.mint(github.job(), f"slipway-medium-{a_task_id(number)}")
    left = service.calls_left()
    assert set(left) == (
        {"one", "two"} if github.twin.limits.settings.primary else set()
    )  # a server has none as a rule
    assert all(0 < calls < 5_000 for calls in left.values())
    assert not any(token in repr(left) for token in tokens.values())


def test_of_two_tokens_of_one_owner_one_is_used(github: Case) -> None:
    """They share their limits [GH-LIMIT-PRIMARY]."""
    tokens = hold(github, a="one", b="one")
    github.enterprise_tokens(A, B).examine()
    assert [bearer.value for bearer in github.enterprise_tokens(A, B).bearers("alpha")] == [tokens["a"]]


def test_whose_a_token_is_is_asked_once_for_all_functions(github: Case) -> None:
    """[GH-TOKEN-OWNER]"""
    hold(github, a="one", b="two")
    for _ in range(3):
        github.enterprise_tokens(A, B).examine()
        assert {bearer.owner for bearer in github.enterprise_tokens(A, B).bearers("alpha")} == {"one", "two"}
    assert github.calls("/user") == 2


def test_who_mints_asks_nothing_about_a_token(github: Case) -> None:
    hold(github, a="one")
    mint(github, range(3), A)
    assert github.calls("/user") == 0


def test_a_place_always_shows_the_same_token(github: Case) -> None:
    hold(github, a="one", b="two", c="three")
    tokens = github.enterprise_tokens(A, B, C)
    shown = {place: tokens.bearer(place).value for place in ("alpha", "beta", "gamma", "delta", "omega")}
    assert {place: tokens.bearer(place).value for place in shown} == shown
    assert len(set(shown.values())) > 1


def test_the_ledger_holds_no_token(github: Case) -> None:
    tokens = hold(github, a="one")
    known = github.enterprise_tokens(A)
    known.examine()
    assert tokens["a"] not in repr(github.ledger.tokens.find(A))
    assert tokens["a"] not in repr(known.bearers("alpha"))


def test_a_revoked_token_is_left_out_and_the_others_go_on(github: Case) -> None:
    tokens = hold(github, a="one", b="two")
    service = github.runners(github.ledger, runner_token_secrets=(A, B))
    service.mint(github.job(), NAME)
    github.twin.credentials.revoke(tokens["a"])
    for number in range(2, 8):
        service.mint(github.job(), f"slipway-medium-{a_task_id(number)}")
    assert minted_by(github)["two"] >= 6
    assert len(github.registered()) == 7


def test_a_rotated_token_is_used_at_once_where_the_old_one_is_refused(github: Case) -> None:
    tokens = hold(github, a="one")
    service = github.runners(github.ledger, runner_token_secrets=(A,))
    service.mint(github.job(), NAME)
    github.twin.credentials.revoke(tokens["a"])
    hold(github, a="one")
    service.mint(github.job(), f"slipway-medium-{a_task_id(2)}")
    assert len(github.registered()) == 2


def test_a_revoked_token_is_refused_with_its_secret_and_cure_and_tried_seldom(github: Case) -> None:
    tokens = hold(github, a="one")
    service = github.runners(github.ledger, runner_token_secrets=(A,))
    service.mint(github.job(), NAME)
    github.twin.credentials.revoke(tokens["a"])
    with pytest.raises(RefusedError, match="put a new one into its secret"):
        service.mint(github.job(), NAME)
    with pytest.raises(RefusedError, match="put a new one into its secret") as caught:
        service.mint(github.job(), NAME)
    assert A in str(caught.value)
    assert tokens["a"] not in str(caught.value)
    calls = sum(github.twin.calls.values())
    github.acme.clock.advance(29)
    with pytest.raises(RefusedError):
        service.mint(github.job(), NAME)
    assert sum(github.twin.calls.values()) == calls
    hold(github, a="one")
    github.acme.clock.advance(1)
    service.mint(github.job(), f"slipway-medium-{a_task_id(2)}")


def test_a_token_without_the_scope_is_told_before_anything_is_asked_for(github: Case) -> None:
    """[GH-TOKEN-HEADERS]"""
    github.secrets.values[A] = github.twin.add_personal_token("one", ["repo"])
    github.enterprise_tokens(A).examine()
    with pytest.raises(RefusedError, match=f"{A} has no scope manage_runners:enterprise"):
        github.runners(github.ledger, runner_token_secrets=(A,)).mint(github.job(), NAME)
    assert github.calls(JIT) == 0


def test_a_token_of_no_use_keeps_no_other_from_its_work(github: Case) -> None:
    github.secrets.values[A] = github.twin.add_personal_token("one", ["repo"])
    github.secrets.values[B] = ""
    hold(github, c="three")
    github.enterprise_tokens(A, B, C).examine()
    mint(github, range(2), A, B, C)
    assert minted_by(github) == {"three": 2}


def test_when_none_is_any_good_each_is_named(github: Case) -> None:
    github.secrets.values[A] = github.twin.add_personal_token("one", ["repo"])
    github.secrets.values[B] = "ghp_nobody"
    github.enterprise_tokens(A, B).examine()
    with pytest.raises(SlipwayError) as caught:
        github.enterprise_tokens(A, B).bearer("alpha")
    assert A in str(caught.value)
    assert B in str(caught.value)
    assert "ghp_nobody" not in str(caught.value)


@pytest.mark.parametrize("status", [403, 502, 0])
def test_without_an_answer_about_it_a_token_is_used_all_the_same(github: Case, status: int) -> None:
    hold(github, a="one")
    github.twin.faults.next("GET", "/user", status, times=9)
    ((_, facts),) = github.enterprise_tokens(A).examine()
    assert facts.refused is None
    mint(github, range(2), A)
    assert minted_by(github) == {"one": 2}


def test_a_spent_budget_passes_its_turns_to_the_other_owner(github: Case) -> None:
    """[GH-JIT-BUCKET]"""
    if not github.twin.limits.settings.primary:
        github.twin.limits.settings.primary = True  # a server whose administrator turned the limits on
    hold(github, a="one", b="two")
    github.twin.limits.settings.limits["token"] = 60
    service = github.runners(github.ledger, runner_token_secrets=(A, B))
    for number in range(16):
        service.mint(github.job(), f"slipway-medium-{a_task_id(number)}")
    with pytest.raises(ThrottledError) as caught:
        mint(github, range(16, 60), A, B)
    assert 3_000 < caught.value.retry_after_seconds <= 3_601
    spent = minted_by(github)
    assert set(spent) == {"one", "two"}
    assert max(spent.values()) <= 60 - 50  # a reserve is left to those who remove runners
    github.acme.clock.advance(3_601)
    service.mint(github.job(), f"slipway-medium-{a_task_id(99)}")


def test_an_owner_whom_a_limit_stopped_rests_while_another_goes_on(github: Case) -> None:
    hold(github, a="one", b="two")
    service = github.runners(github.ledger, runner_token_secrets=(A, B))
    github.twin.faults.next("POST", JIT, 429).headers["retry-after"] = "40"
    for number in range(6):
        service.mint(github.job(), f"slipway-medium-{a_task_id(number)}")
    assert len(github.registered()) == 6
    assert sorted(minted_by(github).values()) == [1, 6]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_github_refuses_to_one_owner_another_asks_for(github: Case, status: int) -> None:
    hold(github, a="one", b="two")
    service = github.runners(github.ledger, runner_token_secrets=(A, B))
    github.twin.faults.next("POST", JIT, status)
    for number in range(4):
        service.mint(github.job(), f"slipway-medium-{a_task_id(number)}")
    assert len(github.registered()) == 4
    assert sorted(minted_by(github).values()) == [1, 4]  # who was refused is left out


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_github_refuses_to_every_owner_is_asked_once_by_each(github: Case, status: int) -> None:
    hold(github, a="one", b="two")
    service = github.runners(github.ledger, runner_token_secrets=(A, B))
    github.twin.faults.next("POST", JIT, status, times=9)
    with pytest.raises(RefusedError) as caught:
        service.mint(github.job(), NAME)
    assert caught.value.code == str(status)
    assert minted_by(github).keys() == {"one", "two"}
    assert github.registered() == []


def test_what_is_known_of_tokens_is_asked_anew_each_hour(github: Case) -> None:
    """So that its end is told long before, and a refusal though nobody mints [GH-TOKEN-HEADERS]."""
    end = github.acme.clock.now() + 86_400
    github.secrets.values[A] = token = github.twin.add_personal_token("one", expires_at=end)
    tokens = github.enterprise_tokens(A)
    ((arn, facts),) = tokens.examine()
    assert (arn, facts.owner, facts.expires_at, facts.refused) == (A, "one", end, None)
    assert facts.scopes == ("manage_runners:enterprise",)
    tokens.examine()
    assert github.calls("/user") == 1
    github.twin.credentials.revoke(token)
    github.acme.clock.advance(3_600)
    ((_, facts),) = tokens.examine()
    assert "401" in (facts.refused or "")
    with pytest.raises(RefusedError):
        github.enterprise_tokens(A).bearers("alpha")
    github.secrets.values[A] = github.twin.add_personal_token("one")
    ((_, facts),) = github.enterprise_tokens(A).examine()
    assert facts.refused is None
    assert github.calls("/user") == 3


def test_an_owner_who_lost_the_enterprise_is_told_of_and_left_out_of_every_call(github: Case) -> None:
    """[GH-ENT-PAT]"""
    tokens = hold(github, a="one", b="two")
    github.twin.credentials.demote(tokens["a"])
    service = github.runners(github.ledger, runner_token_secrets=(A, B))
    for number in range(6):
        service.mint(github.job(), f"slipway-medium-{a_task_id(number)}")
    assert len(github.registered()) == minted_by(github)["two"] == 6
    known = dict(github.enterprise_tokens(A, B).examine())
    assert "404" in (known[A].refused or "")
    assert (known[B].owner, known[B].refused) == ("two", None)
    github.acme.clock.advance(60)  # it may be tried again by who mints, but other calls have no second try
    for place in ("alpha", "beta", "gamma", "delta", "omega"):
        assert github.enterprise_tokens(A, B).bearer(place).value == tokens["b"]


def test_an_owner_who_lost_the_enterprise_is_found_out_though_nobody_mints(github: Case) -> None:
    """[GH-ENT-PAT]"""
    tokens = hold(github, a="one")
    known = github.enterprise_tokens(A)
    ((_, facts),) = known.examine()
    assert facts.refused is None
    github.twin.credentials.demote(tokens["a"])
    github.acme.clock.advance(3_600)
    ((_, facts),) = known.examine()
    assert "is of an owner of the enterprise" in (facts.refused or "")
    github.twin.credentials.demote(tokens["a"], again_owner=True)
    ((_, facts),) = known.examine()
    assert facts.refused is None


@pytest.mark.parametrize("status", [429, 502, 0])
def test_without_an_answer_about_the_enterprise_nothing_is_learned_of_a_token(
    github: Case, status: int
) -> None:
    hold(github, a="one")
    github.twin.faults.next("GET", "/actions/runners", status, times=9)
    ((_, facts),) = github.enterprise_tokens(A).examine()
    assert (facts.owner, facts.refused) == ("one", None)
    assert github.ledger.tokens.find(A) is None


def test_a_token_with_a_character_that_no_token_has_is_told_as_refused(github: Case) -> None:
    """As it comes from copying a page: it is never sent, and never quoted."""
    github.secrets.values[A] = "ghp_canary\u200b"
    ((_, facts),) = github.enterprise_tokens(A).examine()
    assert "put it into its secret anew" in (facts.refused or "")
    with pytest.raises(RefusedError) as caught:
        github.runners(github.ledger, runner_token_secrets=(A,)).mint(github.job(), NAME)
    assert "canary" not in f"{facts!r}{caught.value!r}"
    assert github.calls(JIT) == 0


def test_a_secret_that_cannot_be_read_is_told_as_refused(github: Case) -> None:
    ((arn, facts),) = github.enterprise_tokens(B).examine()
    assert arn == B
    assert B in (facts.refused or "")


def test_an_enterprise_without_a_token_is_the_operator_s_to_mend(github: Case) -> None:
    target = a_github(enterprise="acme", runner_token_secrets=())
    tokens = EnterpriseTokens(github.secrets, target, github.api, github.acme.clock, github.ledger.tokens)
    with pytest.raises(ConfigurationError, match="runner_tokens"):
        tokens.bearer("alpha")


def listed(github: Case) -> object:
    return github.listing(github.new_census(runner_token_secrets=(A,))).failures


def removed(github: Case) -> object:
    return github.runners(github.ledger, runner_token_secrets=(A,)).remove(1, "alpha")


def found(github: Case) -> object:
    return github.runners(github.ledger, runner_token_secrets=(A,)).find(NAME, "alpha")


@pytest.mark.parametrize("call", [listed, removed, found])
def test_whichever_call_a_token_is_refused_for_it_is_known_at_once(
    github: Case, call: Callable[[Case], object]
) -> None:
    tokens = hold(github, a="one")
    github.enterprise_tokens(A).examine()
    github.twin.credentials.revoke(tokens["a"])
    with suppress(UnavailableError):
        call(github)
    facts = github.ledger.tokens.find(A)
    assert facts is not None
    assert "401" in (facts.refused or "")
    made = sum(github.twin.calls.values())
    with suppress(UnavailableError):
        call(github)
    assert sum(github.twin.calls.values()) == made
