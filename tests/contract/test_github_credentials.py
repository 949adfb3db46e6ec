"""What the App shows to GitHub: its JWT, and its installations' tokens."""

from __future__ import annotations

import json

import jwt
import pytest

from local.twin.github.keys import app_keys
from slipway.adapters.github.app_tokens import AppKey
from slipway.domain.errors import (
    ConfigurationError,
    RefusedError,
    ThrottledError,
    UnavailableError,
)
from tests.contract.github_faces import APP, NAME, Case

MADE = "access_tokens"


def test_a_jwt_of_the_app_says_who_for_how_long_and_is_used_once_an_id(with_app: Case) -> None:
    """[GH-APP-JWT]"""
    now = with_app.acme.clock.now()
    first = with_app.tokens.app_jwt()
    claims = jwt.decode(
        first, app_keys()[1], algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert jwt.get_unverified_header(first)["alg"] == "RS256"
    assert claims["iss"] == str(with_app.acme.app.id)
    assert claims["iat"] < now
    assert claims["exp"] - claims["iat"] <= 600
    assert with_app.tokens.app_jwt() == first
    with_app.acme.clock.advance(500)
    second = with_app.tokens.app_jwt()
    again = jwt.decode(
        second, app_keys()[1], algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert again["jti"] != claims["jti"]


def test_a_token_is_made_once_and_renewed_before_it_expires(with_app: Case) -> None:
    """[GH-APP-TOKEN]"""
    first = with_app.tokens.bearer("alpha").value
    with_app.acme.clock.advance(3_290)
    assert with_app.tokens.bearer("alpha").value == first
    assert with_app.calls(MADE) == 1
    with_app.acme.clock.advance(20)
    second = with_app.tokens.bearer("alpha").value
    assert second != first
    with_app.acme.clock.advance(300)
    with_app.service.mint(with_app.job(), NAME)
    assert with_app.calls(MADE) == 2


def test_an_installation_is_looked_up_once_and_not_at_all_when_the_webhook_named_it(with_app: Case) -> None:
    with_app.tokens.bearer("alpha")
    with_app.tokens.bearer("alpha/web")
    with_app.tokens.bearer("alpha")
    assert with_app.calls("/installation") == 1
    fresh = with_app.app_tokens()
    fresh.bearer("alpha/site", with_app.acme.installation.id)
    fresh.bearer("alpha/site")
    assert with_app.calls("/installation") == 1
    assert with_app.calls(MADE) == 1


@pytest.mark.parametrize("reach", ["beta", "beta/api", "nowhere"])
def test_where_the_app_is_not_installed_the_refusal_names_the_place(with_app: Case, reach: str) -> None:
    with pytest.raises(RefusedError, match=f"not installed on {reach}"):
        with_app.tokens.bearer(reach)


def test_after_the_app_was_installed_anew_its_new_installation_is_found(with_app: Case) -> None:
    with_app.tokens.bearer("alpha")
    del with_app.twin.credentials.installations[with_app.acme.installation.id]
    with_app.twin.install(with_app.acme.app, with_app.acme.alpha)
    with_app.acme.clock.advance(3_600)
    with_app.service.mint(with_app.job(), NAME)


def test_an_installation_that_a_job_still_names_and_that_is_gone_is_asked_once(with_app: Case) -> None:
    old = with_app.acme.installation.id
    del with_app.twin.credentials.installations[old]
    new = with_app.twin.install(with_app.acme.app, with_app.acme.alpha)
    assert new.id != old
    first = with_app.tokens.bearer("alpha", old).value
    assert with_app.tokens.bearer("alpha", old).value == first
    assert with_app.calls(MADE) == 2
    with_app.service.mint(with_app.job(installation_id=old), NAME)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_of_an_installation_that_github_refuses_is_made_for_the_one_it_finds(
    with_app: Case, status: int
) -> None:
    other = with_app.twin.install(with_app.acme.app, with_app.acme.beta)
    with_app.twin.faults.next("POST", rf"/{other.id}/{MADE}$", status)
    assert with_app.tokens.bearer("alpha", other.id).value.startswith("ghs_")
    assert with_app.calls("/installation") == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_installation_that_is_found_again_is_not_asked_twice(with_app: Case, status: int) -> None:
    with_app.twin.faults.next("POST", MADE, status, times=9)
    with pytest.raises(RefusedError):
        with_app.tokens.bearer("alpha", with_app.acme.installation.id)
    assert with_app.calls(MADE) == 1


@pytest.mark.parametrize(
    ("status", "wanted"), [(429, ThrottledError), (503, UnavailableError), (0, UnavailableError)]
)
def test_a_token_that_was_not_made_is_asked_for_again(
    with_app: Case, status: int, wanted: type[Exception]
) -> None:
    with_app.twin.faults.next("POST", MADE, status)
    with pytest.raises(wanted):
        with_app.tokens.bearer("alpha")
    assert with_app.tokens.bearer("alpha").value.startswith("ghs_")


@pytest.mark.parametrize("status", [429, 503, 0])
def test_a_mint_that_found_no_token_has_minted_nothing(with_app: Case, status: int) -> None:
    """It may be undone: the job and its task wait again."""
    with_app.twin.faults.next("POST", MADE, status)
    with pytest.raises(UnavailableError):
        with_app.service.mint(with_app.job(), NAME)
    with_app.service.mint(with_app.job(), NAME)


@pytest.mark.parametrize(
    "stored",
    [
        "canary",
        '"canary"',
        '["canary"]',
        '{"app_id": 1, "key": "canary"}',
        '{"private_key": "canary"}',
        '{"app_id": 1, "private_key": 7, "x": "canary"}',
        '{"app_id": 1, "private_key": "canary"}',
    ],
)
def test_an_app_secret_of_another_form_is_the_operator_s_to_mend_and_is_not_quoted(
    with_app: Case, stored: str
) -> None:
    with_app.secrets.values[APP] = stored
    with pytest.raises(ConfigurationError) as caught:
        with_app.tokens.bearer("alpha")
    assert APP in str(caught.value)
    assert "canary" not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


def test_a_rotated_key_is_used_for_the_next_jwt(with_app: Case) -> None:
    with_app.tokens.app_jwt()
    reads = len(with_app.secrets.reads)
    with_app.acme.clock.advance(600)
    with_app.tokens.app_jwt()
    assert len(with_app.secrets.reads) == reads + 1


def test_a_private_key_shows_in_no_repr() -> None:
    assert "canary" not in repr(AppKey("1", "canary"))
    assert json.dumps(app_keys()[0])[1:40] not in repr(AppKey("1", app_keys()[0]))


def test_a_token_serves_every_function_until_shortly_before_it_expires(with_app: Case) -> None:
    """[GH-APP-TOKEN]"""
    first = with_app.tokens.bearer("alpha").value
    assert with_app.app_tokens().bearer("alpha").value == first
    assert with_app.calls(MADE) == 1
    with_app.acme.clock.advance(3_301)
    assert with_app.app_tokens().bearer("alpha").value != first


def test_a_token_that_github_no_longer_takes_is_made_anew_at_once_for_all(with_app: Case) -> None:
    with_app.service.mint(with_app.job(), NAME)
    with_app.twin.credentials.revoke(with_app.tokens.bearer("alpha").value)
    with_app.service.mint(with_app.job(), f"{NAME[:-1]}2")
    assert with_app.calls(MADE) == 2
    with_app.app_tokens().bearer("alpha")
    assert with_app.calls(MADE) == 2


def test_where_every_token_is_refused_a_mint_ends(with_app: Case) -> None:
    with_app.twin.faults.next("POST", "/generate-jitconfig$", 401, times=9)
    with pytest.raises(RefusedError):
        with_app.service.mint(with_app.job(), NAME)
    assert with_app.calls("/generate-jitconfig") < 9
