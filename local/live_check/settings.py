"""What the check is told: by flags, by environment variables, the tokens by the latter alone."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.configuration.compilation import api_url
from slipway.adapters.github.registrations import scope_path
from slipway.domain.configuration import GitHubTarget, Registration

PREFIX = "SLIPWAY_LIVE_"
TOKEN, DISPATCH_TOKEN = f"{PREFIX}TOKEN", f"{PREFIX}DISPATCH_TOKEN"
_DEFAULTS = {
    "url": "https://github.com",
    "workflow": "slipway-live-check.yml",
    "ref": "main",
    "rounds": "3",
    "wait": "20",
    "runner_version": "2.336.0",
}
_HELP = {
    "url": "the web address of your GitHub",
    "enterprise": "slug of the enterprise; or give --organization",
    "organization": "login of the organization; or give --enterprise",
    "group": "name of the runner group to register in; it must exist and is not changed",
    "ca_bundle": "PEM file of a private certificate authority",
    "runner_version": "version whose deprecation is asked for",
    "repositories": "two as OWNER/NAME,OWNER/NAME, to find out who gets a runner that both wait for",
    "workflow": "file name of their workflow for this check",
    "ref": "branch that has the workflow",
    "runner_dir": "directory with GitHub's runner, unpacked and not configured",
    "rounds": "how often to try whom a runner is given to",
    "wait": "seconds between the two jobs of a round",
}


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """One GitHub, one place in it, and what may be tried there. The tokens never show in a repr."""

    target: GitHubTarget
    token: str = field(repr=False)
    place: str  # slug or login
    group: str
    runner_version: str
    repositories: tuple[str, ...] = ()
    workflow: str = ""
    ref: str = ""
    runner_directory: Path | None = None
    dispatch_token: str | None = field(default=None, repr=False)
    rounds: int = 3
    wait_seconds: int = 20
    is_agreed: bool = False

    @property
    def scope(self) -> str:
        """Return the path of the place in the REST API."""
        return scope_path(self.target, self.place)


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> LiveSettings | list[str]:
    """Return the settings, or everything that is wrong with them."""
    flags = _parser().parse_args(arguments)
    given = {
        name: getattr(flags, name) or environment.get(PREFIX + name.upper()) or _DEFAULTS.get(name, "")
        for name in _HELP
    }
    faults = list(_faults(given, environment))
    if faults:
        return faults
    is_enterprise = bool(given["enterprise"])
    url = given["url"].rstrip("/")
    target = GitHubTarget(
        web_url=url,
        api_url=api_url(url),
        enterprise=given["enterprise"],
        registration=Registration.ENTERPRISE if is_enterprise else Registration.ORGANIZATION,
        runner_group=given["group"],
        ca_bundle=given["ca_bundle"] or None,
    )
    return LiveSettings(
        target=target,
        token=environment[TOKEN].strip(),
        place=given["enterprise"] or given["organization"],
        group=given["group"],
        runner_version=given["runner_version"],
        repositories=_listed(given["repositories"]),
        workflow=given["workflow"],
        ref=given["ref"],
        runner_directory=Path(given["runner_dir"]) if given["runner_dir"] else None,
        dispatch_token=environment.get(DISPATCH_TOKEN, "").strip() or None,
        rounds=int(given["rounds"]),
        wait_seconds=int(given["wait"]),
        is_agreed=flags.yes,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="live-check",
        description="Tries what Slipway relies on against a GitHub of your own. See docs/live-check.md.",
        epilog=f"Each flag may be given as {PREFIX}NAME in the environment; the tokens only there, as {TOKEN} and "
        f"{DISPATCH_TOKEN}: a command line is for everybody to read.",
    )
    for name, meaning in _HELP.items():
        default = f" (default {_DEFAULTS[name]})" if name in _DEFAULTS else ""
        parser.add_argument(f"--{name.replace('_', '-')}", help=meaning + default)
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is changed")
    return parser


def _faults(given: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    faults = []
    if not given["url"].startswith(("https://", "http://127.0.0.1", "http://localhost")):
        faults.append("--url must begin with https:// (http:// only for this very machine)")
    if bool(given["enterprise"]) == bool(given["organization"]):
        faults.append("give --enterprise or --organization, and not both")
    if not given["group"]:
        faults.append("--group is missing: " + _HELP["group"])
    if not environment.get(TOKEN, "").strip():
        faults.append(
            f"{TOKEN} is not set: a classic token with manage_runners:enterprise, or admin:org for an organization"
        )
    if given["repositories"] and len(set(_listed(given["repositories"]))) != 2:
        faults.append("--repositories must be " + _HELP["repositories"])
    if given["runner_dir"] and not (Path(given["runner_dir"]) / "bin" / "Runner.Listener").is_file():
        faults.append("--runner-dir has no bin/Runner.Listener: " + _HELP["runner_dir"])
    for name, most in (("rounds", 20), ("wait", 600)):
        if not (given[name].isascii() and given[name].isdigit() and int(given[name]) <= most):
            faults.append(f"--{name} must be a whole number up to {most}")
    return faults


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip().count("/") == 1)
