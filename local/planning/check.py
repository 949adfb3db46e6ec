"""From a snapshot file and its configuration to what is planned, or to every one of their faults."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from local.catalogue import Catalogue
from local.configuration.check import LocatedFault, check_file, located
from local.configuration.compilation import compiled_body
from local.configuration.document import Document, parse
from local.configuration.faults import Fault, nearest, printable
from local.configuration.translation import faults_of
from local.planning import model
from local.planning.calls import read_intent
from local.planning.json_document import parse_json
from local.planning.reading import (
    Situation,
    key_of,
    read_failures,
    read_instance,
    read_jobs,
    read_runner,
    read_unavailable,
)
from local.planning.references import References
from slipway.config import decode_configuration
from slipway.domain.configuration import Configuration
from slipway.domain.snapshot import Control, GitHubPause, Snapshot

Section = TypeVar("Section", bound=BaseModel)
Entries = list[tuple[int, Section]]
_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # stands in where the file's own is a fault
_YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class FileFault:
    """A fault and the file that has it: the snapshot or its configuration."""

    file: str
    fault: LocatedFault


@dataclass(frozen=True, slots=True)
class Reading:
    """What is planned, or why nothing can be: exactly one of the two is there."""

    situation: Situation | None
    faults: tuple[FileFault, ...] = ()


def read_files(file: Path, config: Path | None) -> Reading:
    """Read a snapshot and its configuration; every fault of both is reported."""
    document = _document(file)
    whole, faults = _form(document)
    place = _place_of_configuration(document, file, config)
    compared, elsewhere = _configuration(place) if place is not None else (None, ())
    if place is None and isinstance(document.value, dict) and document.value.get("configuration") is None:
        faults.append(Fault(("configuration",), "is required, here or as --config FILE"))
    situation = None
    if compared is not None and isinstance(document.value, dict):
        situation, found = _situation(_Parts(whole, document.value), *compared)
        faults += found
    if faults or elsewhere:
        own = (FileFault(str(file), fault) for fault in located(faults, document))
        return Reading(None, (*own, *elsewhere))
    return Reading(situation)


def _document(file: Path) -> Document:
    try:
        text = file.read_text("utf-8-sig")
    except OSError as fault:
        return Document(None, faults=(Fault((), f"cannot be read: {fault.strerror}"),))
    except UnicodeDecodeError:
        return Document(None, faults=(Fault((), "is not UTF-8 text"),))
    return parse(text) if file.suffix.lower() in _YAML else parse_json(text)


def _form(document: Document) -> tuple[model.SnapshotFile | None, list[Fault]]:
    faults = list(document.faults)
    if document.value is None and faults:
        return None, faults
    try:
        return model.SnapshotFile.model_validate(document.value), faults
    except ValidationError as error:
        return None, faults + faults_of(error, model.SnapshotFile)


def _place_of_configuration(document: Document, file: Path, config: Path | None) -> Path | None:
    if config is not None:
        return config
    named = document.value.get("configuration") if isinstance(document.value, dict) else None
    return file.parent / named if isinstance(named, str) else None


def _configuration(place: Path) -> tuple[tuple[Configuration, Catalogue] | None, tuple[FileFault, ...]]:
    """Return a configuration with the catalogue that it names, or its faults."""
    verdict = check_file(place)
    if verdict.file is None:
        return None, tuple(FileFault(str(place), fault) for fault in verdict.faults)
    return (decode_configuration(compiled_body(verdict.file)), verdict.file.catalogue), ()


@dataclass(frozen=True, slots=True)
class _Parts:
    """A file of which not all may be in form: one fault must not hide another."""

    whole: model.SnapshotFile | None
    raw: Mapping[str, Any]

    @property
    def pool(self) -> str:
        """Return the pool's name, in the configuration or not."""
        pool = self.raw.get("pool")
        return pool if isinstance(pool, str) else ""

    @property
    def now(self) -> datetime:
        """Return the time of the snapshot."""
        return self.whole.now if self.whole is not None else _NO_TIME

    @property
    def instance_ids(self) -> frozenset[str]:
        """Return the instances that the file means to hold, in form or not."""
        ids = (item.get("id") for item in self._items("instances") if isinstance(item, dict))
        return frozenset(name for name in ids if isinstance(name, str))

    def entries(self, section: str, kind: type[Section]) -> Entries[Section]:
        """Return the entries of a section that are in form, each with its place in it."""
        found = []
        for place, item in enumerate(self._items(section)):
            try:
                found.append((place, kind.model_validate(item)))
            except ValidationError:
                continue
        return found

    def _items(self, section: str) -> list[Any]:
        items = self.raw.get(section)
        return items if isinstance(items, list) else []


def _situation(
    parts: _Parts, configuration: Configuration, catalogue: Catalogue
) -> tuple[Situation, list[Fault]]:
    """Return what is planned, and what of it names nothing that there is: then it is of no use."""
    references = References(configuration, catalogue, parts.pool, parts.instance_ids)
    if parts.pool and parts.pool not in configuration.pools:
        message = f"no pool is called '{printable(parts.pool)}'"
        references.fault(("pool",), message, nearest(parts.pool, configuration.pools))
    jobs = parts.entries("jobs", model.Job)
    _refuse_twice(references, "jobs", jobs, key_of)
    waiting, not_served = read_jobs((job for _, job in jobs), parts.pool, configuration)
    snapshot = _with_pool(Snapshot(parts.pool, parts.now.timestamp(), waiting), parts, references)
    queued = {key_of(job): (job.queued_at.timestamp(), job.repository) for _, job in jobs}
    return Situation(snapshot, configuration, not_served, queued, parts.now.tzinfo), references.faults


def _with_pool(jobs: Snapshot, parts: _Parts, references: References) -> Snapshot:
    """Return the snapshot of some jobs with the rest of the pool, in an order that is not the file's."""
    pool, now, whole = jobs.pool, jobs.now, parts.whole
    runners = parts.entries("runners", model.Runner)
    _refuse_twice(references, "runners", runners, lambda runner: runner.task)
    intents = parts.entries("intents", model.Intent)
    _refuse_twice(references, "intents", intents, lambda intent: intent.token)
    read_runners = [read_runner(place, runner, now, references) for place, runner in runners]
    instances = [
        read_instance(place, instance, references, pool)
        for place, instance in parts.entries("instances", model.Instance)
    ]
    unavailable = [
        read_unavailable(place, refused, references)
        for place, refused in parts.entries("unavailable", model.Unavailable)
    ]
    snapshot = replace(
        jobs,
        runners=tuple(sorted(read_runners, key=lambda runner: runner.task_id)),
        instances=tuple(sorted(instances, key=lambda instance: (instance.instance_id, repr(instance)))),
        intents=tuple(read_intent(place, intent, now, references, pool) for place, intent in intents),
        unavailable=tuple(sorted(unavailable, key=repr)),
    )
    if whole is None:
        return snapshot
    return replace(
        snapshot,
        control=Control(whole.control),
        launch_failures=read_failures(whole.launch_failures),
        template_version=whole.template_version,
        tier_failures=read_failures(whole.tier_failures),
        github_pauses=tuple(
            GitHubPause(pause.reach.lower(), (until := pause.until.timestamp()), until, pause.why or "")
            for pause in whole.github_pauses
        ),
    )


def _refuse_twice(
    references: References,
    section: str,
    entries: Entries[Section],
    name_of: Callable[[Section], Hashable],
) -> None:
    """Refuse what no ledger can hold: its keys are unique. Instances are left to the planner."""
    seen: dict[Hashable, int] = {}
    for place, entry in entries:
        name = name_of(entry)
        first = seen.setdefault(name, place)
        if first != place:
            references.fault((section, place), f"{name} is there already, as {section}[{first}]")
