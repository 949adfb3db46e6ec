"""The arguments that say where a command looks: a deployment's table, or a saved ledger."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.operating.faults import NoSightError
from local.slipway_cli.verdicts import checked

if TYPE_CHECKING:
    from local.configuration.model import SlipwayFile
    from local.operating.sight import Sight
    from slipway.domain.configuration import Configuration
    from slipway.domain.environments.settings import Environments


def add_sight_arguments(parser: argparse.ArgumentParser, *, is_read_only: bool = True) -> None:
    """Add ``--config``, ``--region`` and, where nothing is changed, ``--ledger``."""
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("slipway.yaml"),
        metavar="FILE",
        help="slipway.yaml of the deployment (default slipway.yaml)",
    )
    add_region(parser)
    if is_read_only:
        parser.add_argument(
            "--ledger", type=Path, metavar="FILE", help="look at what `slipway demo --keep-ledger` saved"
        )


def add_region(parser: argparse.ArgumentParser) -> None:
    """Add ``--region``."""
    parser.add_argument(
        "--region",
        metavar="R",
        help="home region of the deployment (default: that of your AWS settings, or the only one of its pools)",
    )


def open_sight(arguments: argparse.Namespace) -> Sight:
    """Open what the arguments name.

    Raises:
        NoSightError: there is nothing to be seen; the message says why.
    """
    from local.operating.sight import deployed, saved  # noqa: PLC0415 - boto3 is slow to import

    configuration = configuration_of(arguments.config)
    ledger: Path | None = getattr(arguments, "ledger", None)
    return saved(configuration, ledger) if ledger else deployed(configuration, arguments.region)


def configuration_of(file: Path) -> Configuration:
    """Return the configuration that a ``slipway.yaml`` makes.

    Raises:
        NoSightError: it is not there, or not valid.
    """
    from slipway.config import decode_configuration  # noqa: PLC0415

    return decode_configuration(_body_of(file))


def file_of(file: Path) -> SlipwayFile:
    """Return a ``slipway.yaml`` as it is written.

    Raises:
        NoSightError: it is not there, or not valid.
    """
    verdict = checked(file)
    if verdict.file is None:
        faults = "; ".join(fault.sentence(str(file)) for fault in verdict.faults)
        raise NoSightError(f"{faults}. --config names the deployment's slipway.yaml")
    return verdict.file


def environments_of(file: Path) -> Environments | None:
    """Return its section of environments, if it has one.

    Raises:
        NoSightError: the file is not there, or not valid.
    """
    from slipway import config  # noqa: PLC0415

    return config.environments_of(_body_of(file))


def _body_of(file: Path) -> dict[str, Any]:
    from local.configuration.compilation import compiled_body  # noqa: PLC0415

    return compiled_body(file_of(file))


def pools_asked_for(names: list[str], configuration: Configuration) -> list[str]:
    """Return the pools of these names, or all.

    Raises:
        NoSightError: there is no such pool; the message has the nearest.
    """
    from local.configuration.faults import nearest  # noqa: PLC0415

    for name in names:
        if name not in configuration.pools:
            near = nearest(name, configuration.pools)
            hint = f"the nearest is {near}" if near else f"there are {', '.join(sorted(configuration.pools))}"
            raise NoSightError(f"no pool is called {name}: {hint}")
    return sorted(set(names)) or sorted(configuration.pools)
