"""``slipway report --right-size``: which jobs would do with a smaller profile, and what that would have saved."""

from __future__ import annotations

import argparse
import sys

from local.reports.lines import Lines
from local.reports.money import Prices, Range, bill, priced
from local.reports.output import price_note, sizes_as_json, sizes_as_table
from local.reports.peaks import NoLogsError, peaks_of_deployment, peaks_of_folder
from local.reports.sizes import right_sizes
from local.slipway_cli.answers import print_json
from slipway.domain.configuration import Configuration


def tell_right_sizes(
    arguments: argparse.Namespace,
    lines: Lines,
    within: Range,
    configuration: Configuration,
    prices: Prices,
) -> None:
    """Print what jobs used at most against their profiles.

    Raises:
        NoLogsError: no log can be read, or none tells what a job used.
        NoPriceError: an instance has no price.
    """
    if arguments.logs is not None:
        peaks = peaks_of_folder(arguments.logs)
    else:
        peaks = peaks_of_deployment(configuration, within.start, within.end)
    made = bill(priced(lines.instances, prices), lines.runners, within, lines.ran_a_job)
    charges = {charge.runner.task_id: charge for charge in made.charges}
    found = right_sizes(lines, peaks, charges, configuration)
    if not found:
        raise NoLogsError(
            "no log tells what one of these jobs used: their image is older, their host has no cgroup of version 2,"
            " or they are a demo's without --containers"
        )
    if arguments.format == "json":
        print_json(sizes_as_json(found))
        return
    from rich.console import Console  # noqa: PLC0415

    Console().print(sizes_as_table(found))
    print(price_note(prices), file=sys.stderr)
