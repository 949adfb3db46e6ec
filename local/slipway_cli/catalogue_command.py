"""``slipway catalogue refresh``: the instance types and list prices of your regions, as AWS tells them today."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from local.catalogue.file import REGION
from local.slipway_cli.answers import cannot_be_written, print_json, refuse, unwritable, written_whole

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

    from local.catalogue import Catalogue
    from local.catalogue.asking import Listing
    from local.catalogue.changes import Changes

_FILE = "catalogue.csv"
_SHOWN = 10  # names of a line
_ACTIONS = {"DescribeInstanceTypes": "ec2:DescribeInstanceTypes", "GetProducts": "pricing:GetProducts"}
_THROTTLED = ("ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``catalogue`` and its action."""
    catalogue = subparsers.add_parser("catalogue", help="instance types and their list prices")
    actions = catalogue.add_subparsers(required=True, metavar="ACTION")
    refresh = actions.add_parser(
        "refresh",
        help="ask AWS, with your own credentials, for the types and prices of your regions",
        allow_abbrev=False,
    )
    refresh.add_argument(
        "--config",
        type=Path,
        default=Path("slipway.yaml"),
        metavar="FILE",
        help="slipway.yaml whose pools' regions are asked for (default slipway.yaml)",
    )
    refresh.add_argument(
        "--region",
        type=_region,
        action="append",
        default=[],
        metavar="R",
        help="this region instead; may be repeated. Rows of others stay as they are",
    )
    refresh.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"file to write (default: what `catalogue` names, else {_FILE} beside the configuration)",
    )
    refresh.add_argument("--json", action="store_true", help="print one JSON object")
    refresh.set_defaults(run=_refresh)


def _region(text: str) -> str:
    if not REGION.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an AWS region such as ap-northeast-1")
    return text


class _NothingToAskError(Exception):
    """No region is named, or none that can be asked for, or no place for rows; the message says what to do."""


def _refresh(arguments: argparse.Namespace) -> int:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - boto3 is slow to import

    from local.catalogue.asking import AnswerError  # noqa: PLC0415
    from local.catalogue.changes import changes_of, merged  # noqa: PLC0415
    from local.catalogue.file import CatalogueError, catalogue_text  # noqa: PLC0415

    try:
        file, regions, unsaid = _wanted(arguments)
        old = _old(file)
        listings = _asked(regions)
    except CatalogueError as fault:
        return refuse(arguments, f"{fault}. Mend the file, or move it away and have it written anew")
    except (_NothingToAskError, AnswerError) as fault:
        return refuse(arguments, str(fault))
    except (BotoCoreError, ClientError) as fault:
        return refuse(arguments, _why(fault))
    try:
        with written_whole(file) as temporary:
            temporary.write_text(catalogue_text(merged(old, listings)), "utf-8")
    except OSError as fault:
        return refuse(arguments, cannot_be_written(file, fault))
    changes = [changes_of(old, listing) for listing in listings]
    if arguments.json:
        print_json({"file": str(file), "regions": [asdict(each) for each in changes]})
    else:
        _tell(file, listings, changes)
    if unsaid:
        print(unsaid, file=sys.stderr)
    return 0


def _wanted(arguments: argparse.Namespace) -> tuple[Path, Sequence[str], str]:
    """Return the file to write, the regions to ask for, and what the configuration has yet to say."""
    from local.configuration.check import UnreadableFileError, named_catalogue  # noqa: PLC0415

    file, regions, unsaid = arguments.out, tuple(dict.fromkeys(arguments.region)), ""
    if file is None or not regions:
        try:
            named, of_pools = named_catalogue(arguments.config)
        except UnreadableFileError as fault:
            raise _NothingToAskError(f"{fault}. With --region and --out none is needed") from fault
        if file is None and named is None:
            unsaid = f"{arguments.config} names no catalogue, so what ships counts: add the key `catalogue: {_FILE}`"
        file = file or named or arguments.config.parent / _FILE
        regions = regions or of_pools
    if not regions:
        raise _NothingToAskError(f"no pool of {arguments.config} has a region: name one with --region")
    if faults := unwritable(file):
        raise _NothingToAskError(faults[0])
    return file, regions, unsaid


def _old(file: Path) -> Catalogue | None:
    from local.catalogue.file import read_catalogue  # noqa: PLC0415

    return read_catalogue(file) if file.exists() else None


def _asked(regions: Sequence[str]) -> list[Listing]:
    """Ask for each region before anything is written."""
    from local.catalogue.asking import PRICING_REGION, ask  # noqa: PLC0415
    from local.operator_account import Account  # noqa: PLC0415

    account = Account(reads_pages=True)
    home = account.partition_of(PRICING_REGION)
    if others := [region for region in regions if account.partition_of(region) != home]:
        raise _NothingToAskError(
            f"{' and '.join(others)}: AWS's price list is in another partition, with other credentials: write the rows"
            " by hand, or leave `catalogue` out of the configuration, then what ships stands in"
        )
    pricing = account.client("pricing", PRICING_REGION)
    day = datetime.now(UTC).date().isoformat()
    return [
        ask(region, account.ec2(region), pricing, day, lambda said: print(said, file=sys.stderr, flush=True))
        for region in regions
    ]


def _why(fault: BotoCoreError | ClientError) -> str:
    """Return what keeps the command from asking, and what mends it."""
    from local.operator_account import REFUSED, lack_of  # noqa: PLC0415

    if lack := lack_of(fault):
        return lack.told
    error = getattr(fault, "response", {}).get("Error", {})
    code, operation = error.get("Code", ""), getattr(fault, "operation_name", "")
    if code in REFUSED:
        action = _ACTIONS.get(operation, operation)
        return f"AWS refuses {operation} ({code}): whoever runs this needs the permission {action}"
    if code in _THROTTLED:
        return f"AWS is asked too often ({operation} answered {code}): run it again in a minute"
    return f"{operation} answered {code}: {error.get('Message', '')}. Run it again; if it stays, see what AWS says"


def _tell(file: Path, listings: Iterable[Listing], changes: Iterable[Changes]) -> None:
    for listing, change in zip(listings, changes, strict=True):
        print(f"{file}: {change.types} types of {change.region}, as of {listing.entries[0].as_of}")
        priced = [
            f"{each.name} {each.before:g} → {each.after:g} ({100 * each.share:+.1f} %)"
            for each in change.changed
        ]
        for what, names in (
            ("new", change.new),
            ("gone", change.gone),
            ("another price", priced),
            ("left out, without one price", change.left_out),
        ):
            if names:
                more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
                print(f"  {what} ({len(names)}): {', '.join(names[:_SHOWN])}{more}")
