"""A GitHub App's manifest [GH-APP-MANIFEST]: the permissions that a configuration needs, and no other. Pure."""

from __future__ import annotations

import html
import json
from typing import Any

from slipway.domain.configuration import GitHubTarget, Registration

# Where GitHub leads to with the code. Nothing listens there: the code is in the address that the browser shows.
REDIRECT_URL = "http://localhost:3000/slipway"


def permissions(github: GitHubTarget, *, has_environments: bool = False) -> dict[str, str]:
    """Return the App's permissions as GitHub's API names them (docs/github.md says what each is for)."""
    needed = {"metadata": "read", "actions": "write" if github.rerun_interrupted else "read"}
    if github.registration is Registration.ORGANIZATION:
        needed["organization_self_hosted_runners"] = "write"
    if github.registration is Registration.REPOSITORY:
        needed["administration"] = "write"
    if github.organization_hooks:
        needed["organization_hooks"] = "write"
    if has_environments:
        needed |= {"pull_requests": "write", "deployments": "write"}
    return needed


def manifest(
    github: GitHubTarget, organization: str, webhook_url: str, *, has_environments: bool = False
) -> dict[str, Any]:
    """Return the manifest of an App that an organization will own."""
    return {
        "name": f"{github.deployment}-{organization}"[:34],  # GitHub takes no longer name
        "url": f"{github.web_url}/{organization}",
        "description": "Self-hosted runners by Slipway",
        "public": False,
        "hook_attributes": {"url": webhook_url, "active": True},
        "redirect_url": REDIRECT_URL,
        "default_events": ["workflow_job", *(["pull_request"] if has_environments else [])],
        "default_permissions": permissions(github, has_environments=has_environments),
    }


def page(github: GitHubTarget, organization: str, made: dict[str, Any]) -> str:
    """Return a page with one button, which asks GitHub to register the App; it runs no script."""
    action = html.escape(f"{github.web_url}/organizations/{organization}/settings/apps/new", quote=True)
    hidden = html.escape(json.dumps(made), quote=True)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Register the GitHub App</title>
<h1>Register the GitHub App of {html.escape(organization)}</h1>
<p>GitHub will show its name, to change it if you like. Then it leads to an address where nothing listens:
copy what stands behind <code>code=</code> in it, within the hour.</p>
<form action="{action}" method="post">
<input type="hidden" name="manifest" value="{hidden}">
<button>Register it at {html.escape(github.web_url)}</button>
</form>
<pre>{html.escape(json.dumps(made, indent=2))}</pre>
</html>
"""
