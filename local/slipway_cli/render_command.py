"""``slipway config render``: what the infrastructure trees deploy, as files."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.slipway_cli.answers import cannot_be_written, print_json, refuse
from local.slipway_cli.verdicts import checked, refuse_file

if TYPE_CHECKING:
    from local.infrastructure.places import Places
    from slipway.domain.configuration import Configuration
    from slipway.domain.environments.settings import Environments


def add_parser(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action."""
    parser = actions.add_parser(
        "render",
        help="write what both infrastructure trees deploy: deployment.json, and its parts to look at",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    for option, name, what in (
        ("--account-id", "account_id", "AWS account"),
        ("--claim-url", "claim_url", "base address of the claim API"),
        ("--region", "claim_region", "home region, that of the claim API; needed where pools are in several"),
        ("--claim-api-id", "claim_api_id", "id of the claim API"),
        ("--webhook-api-id", "webhook_api_id", "id of the webhook's API"),
    ):
        default = f"${{{name}}}"
        parser.add_argument(
            option, dest=name, default=default, metavar="X", help=f"{what} (default {default})"
        )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    parser.set_defaults(run=_render)


def _render(arguments: argparse.Namespace) -> int:
    from local.configuration.compilation import compiled_body  # noqa: PLC0415 pydantic is slow to import
    from local.infrastructure.places import (  # noqa: PLC0415
        DescriptionError,
        Places,
        partition_of_pools,
    )
    from slipway.config import decode_configuration, environments_of  # noqa: PLC0415

    verdict = checked(arguments.file)
    if verdict.file is None:
        return refuse_file(arguments, verdict, sys.stderr)
    body = compiled_body(verdict.file)
    configuration = decode_configuration(body)
    places = Places(
        arguments.account_id,
        arguments.claim_url,
        arguments.claim_region,
        arguments.claim_api_id,
        arguments.webhook_api_id,
        partition=partition_of_pools(configuration),
    )
    written = []
    try:
        sha256 = hashlib.sha256(arguments.file.read_bytes()).hexdigest()
        for name, text in _files(configuration, places, sha256, environments_of(body)):
            path = arguments.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            written.append(str(path))
    except DescriptionError as fault:
        return refuse(arguments, f"{arguments.file}: {fault}")
    except OSError as fault:
        return refuse(arguments, cannot_be_written(fault.filename, fault))
    if arguments.json:
        print_json({"written": written})
    else:
        print("\n".join(written))
    return 0


def _files(
    configuration: Configuration, places: Places, sha256: str, environments: Environments | None
) -> Iterator[tuple[str, str]]:
    """Yield each file's path and text."""
    from local.infrastructure import host_scripts  # noqa: PLC0415
    from local.infrastructure.cloudformation.sam_files import sam_files  # noqa: PLC0415
    from local.infrastructure.description import describe  # noqa: PLC0415
    from local.infrastructure.host_settings import user_data_files  # noqa: PLC0415
    from local.infrastructure.roles import pool_roles  # noqa: PLC0415
    from local.infrastructure.task_definitions import task_definitions  # noqa: PLC0415

    scripts = host_scripts.read()
    description = describe(configuration, places, scripts, sha256, environments)
    yield "deployment.json", _text(description)
    yield from sam_files(description, None if "$" in places.claim_region else places.claim_region)
    for name, definition in task_definitions(configuration, places).items():
        yield f"task-definitions/{name}.json", _text(definition)
    for name, pool in sorted(configuration.pools.items()):
        yield f"roles/{name}.json", _text(pool_roles(configuration, pool, places))
        for file, text in user_data_files(configuration, pool, scripts).items():
            yield f"user-data/{file}", text


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"
