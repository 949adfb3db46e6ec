"""``slipway doctor``: is everything there that the first job needs?"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from local.slipway_cli.answers import print_json
from local.slipway_cli.verdicts import checked

if TYPE_CHECKING:
    from local.configuration.check import Verdict
    from local.configuration.model import SlipwayFile
    from local.doctor.findings import Finding
    from local.doctor.surroundings import Surroundings

_TARGET = re.compile(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})", re.ASCII)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "doctor",
        help="look, with your own AWS credentials and changing nothing, for what would keep jobs from running",
        allow_abbrev=False,
    )
    parser.add_argument(
        "file",
        type=Path,
        nargs="?",
        default=Path("slipway.yaml"),
        metavar="FILE",
        help="slipway.yaml of the deployment (default slipway.yaml)",
    )
    parser.add_argument(
        "--region",
        metavar="R",
        help="home region: where the functions are (default: that of your AWS settings)",
    )
    parser.add_argument(
        "--api",
        choices=("public", "private"),
        default="public",
        help="how the claim API is deployed (default public)",
    )
    parser.add_argument(
        "--webhook-url", metavar="URL", help="the webhook's whole address, once it is deployed"
    )
    _add_more(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    parser.set_defaults(run=lambda arguments: _doctor(arguments, parser))


def _add_more(parser: argparse.ArgumentParser) -> None:
    """Add what it is asked to look at besides."""
    parser.add_argument(
        "--build", type=Path, metavar="DIR", help="the build that is deployed: are the functions of it?"
    )
    parser.add_argument(
        "--reach",
        action="append",
        default=[],
        metavar="FUNCTION",
        help="a reach function to ask, by name or ARN; may be repeated",
    )
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        type=target,
        metavar="HOST:PORT",
        help="what else it is asked to reach; may be repeated",
    )


def target(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``."""
    found = _TARGET.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65_536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return found["host"].strip("[]"), int(found["port"])


def _doctor(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from local.doctor.examine import examine, has_passed  # noqa: PLC0415 - boto3 is slow to import
    from local.doctor.registry import CHECKS  # noqa: PLC0415

    if arguments.target and not arguments.reach:
        parser.error("--target is asked of a reach function: name it with --reach")
    verdict = checked(arguments.file)
    told = (lambda _finding: None) if arguments.json else _tell
    findings = _of_file(arguments.file, verdict)
    for finding in findings:
        told(finding)
    if verdict.file is not None:
        findings += examine(CHECKS, _surroundings(arguments, verdict.file, parser), told)
    passed = has_passed(findings)
    if arguments.json:
        print_json({"passed": passed, "findings": [_as_json(finding) for finding in findings]})
    else:
        print(_sum(findings))
    return 0 if passed else 1


def _of_file(file: Path, verdict: Verdict) -> list[Finding]:
    from local.doctor.findings import Finding, Status  # noqa: PLC0415
    from local.doctor.registry import CONFIGURATION  # noqa: PLC0415

    if verdict.file is not None:
        profiles, pools = (", ".join(sorted(names)) for names in (verdict.file.profiles, verdict.file.pools))
        said = f"valid; profiles {profiles}; pools {pools}"
        return [Finding(CONFIGURATION, str(file), Status.OK, said)]
    mend = "mend the file; without a valid one there is nothing to look for"
    return [
        Finding(
            CONFIGURATION,
            str(file),
            Status.FAILED,
            fault.sentence(str(file)).removeprefix(f"{file}:").strip(),
            f"write '{fault.nearest}'" if fault.nearest else mend,
            "configuration-fault",
        )
        for fault in verdict.faults
    ]


def _surroundings(
    arguments: argparse.Namespace, file: SlipwayFile, parser: argparse.ArgumentParser
) -> Surroundings:
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    from local.configuration.compilation import compiled_body  # noqa: PLC0415
    from local.doctor.surroundings import Reach, Surroundings  # noqa: PLC0415
    from local.operator_account import Account, NoRegionError, home_session  # noqa: PLC0415
    from slipway.config import decode_configuration, environments_of  # noqa: PLC0415

    try:
        session = home_session(arguments.region, (pool.region for pool in file.pools.values()))
    except (BotoCoreError, NoRegionError) as fault:  # the first: a profile that is not there
        parser.error(str(fault))
    body = compiled_body(file)
    configuration = decode_configuration(body)
    return Surroundings(
        configuration=configuration,
        account=Account(session),
        home_region=session.region_name,
        ca_bundle=arguments.file.parent / file.github.ca_bundle if file.github.ca_bundle else None,
        has_private_api=arguments.api == "private",
        webhook_url=arguments.webhook_url,
        build=arguments.build,
        reach=Reach(tuple(arguments.reach), tuple(arguments.target)),
        environments=environments_of(body),
    )


def _tell(finding: Finding) -> None:
    from slipway.domain.text import inert  # noqa: PLC0415 - what AWS and a file say may hold control characters

    print(
        inert(f"{finding.status:9}{finding.check:16}{finding.looked_at}: {finding.message}", 2_000),
        flush=True,
    )
    if finding.mend:
        print(f"{'':9}{'':16}→ {inert(finding.mend, 2_000)} ({finding.id})", flush=True)


def _as_json(finding: Finding) -> dict[str, str]:
    return {
        "id": finding.id,
        "check": finding.check,
        "looked_at": finding.looked_at,
        "status": finding.status,
        "message": finding.message,
        "mend": finding.mend,
    }


def _sum(findings: list[Finding]) -> str:
    from local.doctor.findings import Status  # noqa: PLC0415

    counts = {status: sum(finding.status is status for finding in findings) for status in Status}
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)
