"""Webhook signatures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.domain.signature import matching_secrets, readable
from tests.deliveries import signature

# GitHub's own example [GH-HOOK-SIGNATURE].
SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_github_s_example_is_accepted() -> None:
    assert matching_secrets(BODY, SIGNATURE, [SECRET]) == (0,)


def test_each_secret_that_matches_is_named_whatever_its_place() -> None:
    assert matching_secrets(BODY, SIGNATURE, ["old", SECRET, "other", SECRET]) == (1, 3)


@pytest.mark.parametrize("secrets", [[], ["wrong"], [""], [SECRET + "\n"], [SECRET.upper()]])
def test_another_secret_matches_nothing(secrets: list[str]) -> None:
    assert matching_secrets(BODY, SIGNATURE, secrets) == ()


def test_an_empty_secret_matches_nothing_even_when_the_signature_was_made_with_it() -> None:
    assert matching_secrets(BODY, signature(BODY, ""), [""]) == ()


@pytest.mark.parametrize(
    "header",
    ["", "sha256=", SIGNATURE.upper(), SIGNATURE[:-1], SIGNATURE + "0", " " + SIGNATURE, SIGNATURE + "\n",
     SIGNATURE.removeprefix("sha256="), SIGNATURE.replace("sha256", "sha1"), SIGNATURE + "," + SIGNATURE,
     SIGNATURE.replace("7", "７"), "sha256=" + "ß" * 64],
)  # fmt: skip
def test_a_signature_in_another_form_matches_nothing(header: str) -> None:
    assert not readable(header)
    assert matching_secrets(BODY, header, [SECRET]) == ()


@given(st.binary(max_size=64), st.binary(max_size=64), st.text(min_size=1, max_size=20))
def test_a_signature_is_good_for_its_own_bytes_only(signed: bytes, sent: bytes, secret: str) -> None:
    assert matching_secrets(sent, signature(signed, secret), [secret]) == ((0,) if sent == signed else ())


@given(st.text(max_size=80), st.binary(max_size=20))
def test_any_header_is_answered(header: str, body: bytes) -> None:
    assert matching_secrets(body, header, [SECRET]) == ()
