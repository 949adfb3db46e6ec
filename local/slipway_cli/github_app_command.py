"""``slipway github-app``: a page that registers the GitHub App with what the configuration needs."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from local.slipway_cli.answers import cannot_be_written, print_json, refuse
from local.slipway_cli.verdicts import checked, refuse_file

_ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", re.ASCII)
_WEBHOOK_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/webhook/[A-Za-z0-9_-]{16,128}", re.ASCII)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "github-app",
        help="write a page that registers the GitHub App, with exactly the permissions that it needs",
        allow_abbrev=False,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="slipway.yaml")
    parser.add_argument(
        "--organization", type=_organization, required=True, metavar="LOGIN", help="who will own the App"
    )
    parser.add_argument(
        "--webhook-url", type=_webhook_url, required=True, metavar="URL", help="an output of the deployment"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("github-app.html"), metavar="PAGE", help="default github-app.html"
    )
    parser.add_argument("--json", action="store_true", help="print the manifest and write no page")
    parser.set_defaults(run=_github_app)


def _organization(text: str) -> str:
    if not _ORGANIZATION.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the login of an organization")
    return text


def _webhook_url(text: str) -> str:
    if not _WEBHOOK_URL.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the webhook's address: https://HOST/webhook/PATH")
    return text


def _github_app(arguments: argparse.Namespace) -> int:
    from local.configuration.compilation import compiled_body  # noqa: PLC0415 pydantic is slow to import
    from local.infrastructure.github_app import manifest, page  # noqa: PLC0415
    from slipway.config import decode_configuration  # noqa: PLC0415

    verdict = checked(arguments.file)
    if verdict.file is None:
        return refuse_file(arguments, verdict, sys.stderr)
    github = decode_configuration(compiled_body(verdict.file)).github
    if github.app_secret is None:
        fault = "github.secrets.app: names no secret, so nothing would use the App"
        return refuse(arguments, f"{arguments.file}: {fault}")
    has_environments = verdict.file.environments is not None
    made = manifest(github, arguments.organization, arguments.webhook_url, has_environments=has_environments)
    if arguments.json:
        print_json(made)
        return 0
    try:
        arguments.out.write_text(page(github, arguments.organization, made), "utf-8")
    except OSError as denied:
        return refuse(arguments, cannot_be_written(arguments.out, denied))
    print(
        f"{arguments.out}: open it in a browser in which you are signed in as an owner of {arguments.organization}"
    )
    return 0
