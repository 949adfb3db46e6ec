"""``slipway config check|compile|render|schema``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from local.slipway_cli import render_command
from local.slipway_cli.answers import cannot_be_written, print_json, refuse
from local.slipway_cli.verdicts import checked, refuse_file

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``config`` and its actions."""
    config = subparsers.add_parser(
        "config", help="check, compile or render slipway.yaml, or print its JSON Schema"
    )
    actions = config.add_subparsers(required=True, metavar="ACTION")

    check = actions.add_parser("check", help="report every fault of a file at once")
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    check.set_defaults(run=_check)

    compile_ = actions.add_parser(
        "compile", help="write the compact JSON that is bundled with every function"
    )
    compile_.add_argument("file", type=Path, metavar="FILE")
    compile_.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="file to write (default: print it)"
    )
    compile_.add_argument("--json", action="store_true", help="print faults as one JSON object")
    compile_.set_defaults(run=_compile)

    render_command.add_parser(actions)
    schema = actions.add_parser("schema", help="print the JSON Schema, for editors")
    schema.add_argument("--json", action="store_true", help="compact, on one line")
    schema.set_defaults(run=_schema)


def _check(arguments: argparse.Namespace) -> int:
    verdict = checked(arguments.file)
    if verdict.file is None:
        return refuse_file(arguments, verdict, sys.stdout)
    profiles, pools = sorted(verdict.file.profiles), sorted(verdict.file.pools)
    if arguments.json:
        print_json({"valid": True, "faults": [], "profiles": profiles, "pools": pools})
    else:
        print(f"{arguments.file}: valid; profiles {', '.join(profiles)}; pools {', '.join(pools)}")
    return 0


def _compile(arguments: argparse.Namespace) -> int:
    from local.configuration.compilation import compile_file  # noqa: PLC0415 pydantic is slow to import

    verdict = checked(arguments.file)
    if verdict.file is None:
        return refuse_file(arguments, verdict, sys.stderr)
    compiled = compile_file(verdict.file)
    if arguments.output is None:
        print(compiled)
        return 0
    try:
        arguments.output.write_text(compiled, "utf-8")
    except OSError as fault:
        return refuse(arguments, cannot_be_written(arguments.output, fault))
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    from local.configuration.model import SlipwayFile  # noqa: PLC0415 pydantic is slow to import

    schema = {"$schema": SCHEMA_DIALECT, **SlipwayFile.model_json_schema(), "title": "slipway.yaml"}
    if arguments.json:
        print_json(schema)
    else:
        print(json.dumps(schema, indent=2))
    return 0
