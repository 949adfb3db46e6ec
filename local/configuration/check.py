"""From the text of ``slipway.yaml`` to a valid file or to every one of its faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from local.catalogue import Catalogue
from local.configuration.cross_checks import cross_check
from local.configuration.document import Document, parse
from local.configuration.environments import Environments
from local.configuration.faults import Fault, dotted
from local.configuration.fields import CatalogueFile, Region
from local.configuration.model import GitHub, Pool, Profile, SlipwayFile
from local.configuration.parts import Parts
from local.configuration.translation import faults_of

Section = TypeVar("Section", bound=BaseModel)
_CATALOGUE: TypeAdapter[Catalogue] = TypeAdapter(CatalogueFile)
_HERE = Path()


@dataclass(frozen=True, slots=True)
class LocatedFault:
    """A fault as it is shown: dotted path, line of the file where known, sentence, nearest valid word."""

    path: str
    line: int | None
    message: str
    nearest: str | None

    def sentence(self, file: str) -> str:
        """Return one line: ``FILE:LINE: PATH: MESSAGE; did you mean 'WORD'?``."""
        place = file if self.line is None else f"{file}:{self.line}"
        hint = f"; did you mean '{self.nearest}'?" if self.nearest else ""
        return f"{place}: {self.path}: {self.message}{hint}"


class UnreadableFileError(Exception):
    """A file is not there, or no YAML; the message says which."""


class _Place(BaseModel):
    """A pool, as far as it says where it is."""

    region: Region


@dataclass(frozen=True, slots=True)
class Verdict:
    """A valid file, or why it is not one: exactly one of the two is there."""

    file: SlipwayFile | None
    faults: tuple[LocatedFault, ...] = ()


def check_file(file: Path) -> Verdict:
    """Check a file; one that cannot be read has that fault."""
    try:
        return check(file.read_text("utf-8"), file.parent)
    except OSError as fault:
        return Verdict(None, (LocatedFault("(file)", None, f"cannot be read: {fault.strerror}", None),))
    except UnicodeDecodeError:
        return Verdict(None, (LocatedFault("(file)", None, "is not UTF-8 text", None),))


def check(text: str, folder: Path = _HERE) -> Verdict:
    """Check a whole configuration; every fault is reported, in the order of the file.

    The catalogue that it names is read from ``folder``.
    """
    context = {"folder": folder}
    document = parse(text)
    file: SlipwayFile | None = None
    faults = list(document.faults)
    if not (document.value is None and faults):
        try:
            file = SlipwayFile.model_validate(document.value, context=context)
        except ValidationError as error:
            faults += faults_of(error, SlipwayFile)
        faults += cross_check(_parts(document.value, context))
    if faults:
        return Verdict(None, located(faults, document))
    return Verdict(file)


def named_catalogue(file: Path) -> tuple[Path | None, tuple[str, ...]]:
    """Return the catalogue that a file names and its pools' regions; neither need be valid, or the catalogue there.

    Raises:
        UnreadableFileError: it is not there, or no YAML.
    """
    try:
        document = parse(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        said = fault.strerror if isinstance(fault, OSError) else "is not UTF-8 text"
        raise UnreadableFileError(f"{file}: cannot be read: {said}") from fault
    if document.value is None and document.faults:
        raise UnreadableFileError(located(document.faults, document)[0].sentence(str(file)))
    named = _mapping(document.value).get("catalogue")
    pools = _all_in_form(_Place, _mapping(_mapping(document.value).get("pools")))
    regions = tuple(sorted({pool.region for pool in pools.values()}))
    return file.parent / named if isinstance(named, str) and named else None, regions


def _parts(value: Any, context: Mapping[str, Path]) -> Parts:
    document = _mapping(value)
    profiles, pools = _mapping(document.get("profiles")), _mapping(document.get("pools"))
    deployment = document.get("deployment", SlipwayFile.model_fields["deployment"].default)
    return Parts(
        deployment=deployment if isinstance(deployment, str) else "",
        github=_in_form(GitHub, document.get("github")),
        profiles=_all_in_form(Profile, profiles),
        pools=_all_in_form(Pool, pools),
        wanted_pools={name: _mapping(raw).get("pool") for name, raw in profiles.items()},
        pool_names=frozenset(pools),
        environments=_in_form(Environments, document.get("environments")),
        catalogue=_catalogue(document.get("catalogue"), context),
    )


def _catalogue(value: Any, context: Mapping[str, Path]) -> Catalogue | None:
    try:
        return _CATALOGUE.validate_python(value, context=dict(context))
    except ValidationError:
        return None


def _all_in_form(model: type[Section], values: Mapping[str, Any]) -> dict[str, Section]:
    parts = {name: _in_form(model, value) for name, value in values.items()}
    return {name: part for name, part in parts.items() if part is not None}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _in_form(model: type[Section], value: Any) -> Section | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def located(faults: Iterable[Fault], document: Document) -> tuple[LocatedFault, ...]:
    """Return faults as they are shown, each once, in the order of the file."""
    shown = {
        LocatedFault(dotted(fault.path), document.line_of(fault.path), fault.message, fault.nearest)
        for fault in faults
    }
    return tuple(sorted(shown, key=lambda fault: (fault.line or 0, fault.path, fault.message)))
