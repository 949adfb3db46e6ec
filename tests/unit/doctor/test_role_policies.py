"""How the doctor asks IAM's simulator, and what it makes of the answers [IAM-SIMULATE]."""

from __future__ import annotations

from typing import Any

import pytest

from local.doctor.checks.role_policies import _context, _denial, _resources
from local.infrastructure.function_policies import function_policies
from local.infrastructure.places import Places
from tests.builders import a_configuration

ORGANIZATION = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
BOUNDARY = {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}}


@pytest.mark.parametrize(
    ("decision", "details", "why"),
    [
        ("allowed", {}, None),
        ("implicitDeny", {}, "no policy of the role allows it"),
        ("explicitDeny", {}, "a policy denies it"),
        ("implicitDeny", ORGANIZATION, "a service control policy of the AWS organization denies it"),
        ("explicitDeny", ORGANIZATION, "a service control policy of the AWS organization denies it"),
        ("implicitDeny", BOUNDARY, "the role's permissions boundary does not admit it"),
        ("implicitDeny", {"MissingContextValues": ["aws:SourceVpc"]}, None),
        ("explicitDeny", {"ResourceSpecificResults": [{"MissingContextValues": ["aws:SourceVpc"]}]}, None),
    ],
)
def test_a_denial_is_told_with_whose_it_is_and_none_for_want_of_what_only_the_call_has(
    decision: str, details: dict[str, Any], why: str | None
) -> None:
    found = _denial({"EvalActionName": "ecs:RunTask", "EvalDecision": decision, **details})
    assert (found[0] if found else None) == why
    assert found is None or found[1]


def test_what_is_asked_has_no_pattern_in_it_and_names_every_key_that_the_policy_rests_on() -> None:
    places = Places(account_id="111122223333", claim_region="eu-west-1")
    for policy in function_policies(a_configuration(), places).values():
        for statement in policy["Statement"]:
            resources = _resources(statement)
            assert all(one == "*" or not {"*", "?"} & set(one) for one in resources)
            keys = {key for operator in statement.get("Condition", {}).values() for key in operator}
            assert {entry["ContextKeyName"] for entry in _context(statement)} == keys
            assert all(entry["ContextKeyValues"] for entry in _context(statement))
