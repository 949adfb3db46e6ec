"""``slipway build``: what is deployed, as packages and a description of the rest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from local.slipway_cli.answers import print_json, refuse
from local.slipway_cli.verdicts import checked, refuse_file


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "build",
        help="build what is deployed: the functions' zips, the layers and the deployment's description",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the slipway.yaml")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the build")
    parser.add_argument(
        "--region",
        metavar="R",
        help="home region, where the functions run, for SAM's templates; needed where pools are in several regions",
    )
    parser.add_argument(
        "--bytecode",
        type=Path,
        metavar="PYTHON",
        help="put in bytecode of this Python 3.13: cold starts take half as long, and digests depend on it",
    )
    parser.add_argument("--json", action="store_true", help="print the manifest and no progress")
    parser.set_defaults(run=run_command)


def run_command(arguments: argparse.Namespace) -> int:
    """Build; 0 when all of it is written, 1 when nothing is."""
    verdict = checked(arguments.file)
    if verdict.file is None:
        return refuse_file(arguments, verdict, sys.stderr)

    from rich.console import Console  # noqa: PLC0415 - --help stays quick

    from local.infrastructure.places import DescriptionError  # noqa: PLC0415
    from local.packages.build import Order, build  # noqa: PLC0415
    from local.packages.faults import BuildError  # noqa: PLC0415

    console = Console(stderr=True, quiet=arguments.json)
    try:
        with console.status("reading the sources") as status:
            order = Order(
                arguments.file,
                verdict.file,
                bytecode_by=arguments.bytecode,
                home_region=arguments.region,
            )
            manifest = build(order, arguments.out, status.update)
    except (BuildError, DescriptionError, OSError) as fault:
        return refuse(arguments, f"{arguments.file}: not built: {fault}")
    if arguments.json:
        print_json({"built": True, "out": str(arguments.out), **manifest})
    else:
        _tell(manifest, arguments.out)
    return 0


def _tell(manifest: dict[str, Any], out: Path) -> None:
    rows = [("package", "zipped", "unpacked", "files", "sha256")]
    rows += [
        (
            path,
            f"{package['bytes']:,}",
            f"{package['unpacked_bytes']:,}",
            f"{package['files']:,}",
            package["sha256"],
        )
        for path, package in manifest["packages"].items()
    ]
    for path, zipped, unpacked, files, sha256 in rows:
        print(f"{path:26} {zipped:>11} {unpacked:>12} {files:>6}  {sha256}")
    print(f"built for {manifest['architecture']}, Python {manifest['python']}, into {out}")
    if not (out / "template.yaml").exists():
        print("no templates for SAM: pools are in several regions; name the functions' with --region")
