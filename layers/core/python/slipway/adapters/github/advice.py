"""What to do about a refusal of GitHub's that no retry changes: one sentence, for whoever reads the error."""

from __future__ import annotations

import re
from typing import NamedTuple

UNKNOWN_CA = "name its CA's PEM file in github.ca_bundle and build again"
_IP_LIST = "add the addresses of the functions' NAT gateways to GitHub's IP allow list [GH-IP-ALLOW-LIST]"
_AS_THE_APP, _RUNNERS = r"^/app/|/installation$", r"/actions/(runners|runner-groups)"
_READS_JOBS, _RERUNS = r"/actions/(jobs|runs)(/[0-9]+(/jobs)?)?$", r"/actions/(jobs|runs)/[0-9]+/rerun"


class _Case(NamedTuple):
    status: int
    path: str  # a pattern
    words: str  # in lower case, in GitHub's message
    cure: str


_CASES = (
    _Case(401, _AS_THE_APP, "", "check app_id and private_key in the secret github.secrets.app"),
    _Case(401, "", "", "the token was revoked or has expired: put a new one into its secret"),
    _Case(403, "", "ip address", _IP_LIST),
    _Case(403, "", "ip allow list", _IP_LIST),
    _Case(
        403,
        "^/enterprises/",
        "not accessible by integration",
        "GitHub Apps cannot do this: put a classic token with manage_runners:enterprise into "
        "github.secrets.runner_tokens [GH-ENT-PAT]",
    ),
    _Case(
        403,
        _RUNNERS,
        "not accessible by integration",
        "give the App the permission to manage self-hosted runners (of organizations: Self-hosted runners; of "
        "repositories: Administration) and accept it where the App is installed",
    ),
    _Case(
        403,
        r"^/orgs/[^/]+/hooks/",
        "not accessible by integration",
        "give the App the organization permission Webhooks: write and accept it where the App is installed "
        "[GH-ORG-HOOK-DELIVERIES]",
    ),
    _Case(
        403,
        _READS_JOBS,
        "not accessible by integration",
        "give the App the repository permission Actions: read and accept it where the App is installed",
    ),
    _Case(
        403,
        _RERUNS,
        "not accessible by integration",
        "give the App the repository permission Actions: write and accept it where the App is installed, or set "
        "github.rerun_interrupted to 0",
    ),
    _Case(
        404,
        r"^/enterprises/[^/]+/actions/(runners|runner-groups|runners/generate-jitconfig)$",
        "",
        "check github.enterprise, and that the token has the scope manage_runners:enterprise and is of an owner of the "
        "enterprise: else GitHub answers 404 [GH-ENT-PAT]",
    ),
    _Case(
        422,
        "/generate-jitconfig$",
        "max limit",
        "remove offline runners of the group; the reaper removes those that are ours [GH-GROUP-10000]",
    ),
)


def cure(status: int, path: str, message: str) -> str | None:
    """Return what to do about GitHub's answer to a path, where it is known."""
    for case in _CASES:
        if case.status == status and re.search(case.path, path) and case.words in message.lower():
            return case.cure
    return None
