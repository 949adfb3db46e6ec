"""The intents of a snapshot file: calls to AWS whose answer is not known."""

from __future__ import annotations

from collections.abc import Mapping

from local.configuration.faults import Path
from local.planning import model
from local.planning.references import References, as_resources
from slipway.domain.configuration import Market
from slipway.domain.intents import Intent, LaunchInstances, Offering, Request, RunTasks, StartInstances
from slipway.domain.matching import Shape
from slipway.domain.resources import smallest

_ALWAYS = frozenset({"kind", "token", "created_at"})
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "start_tasks": ("shape", "count"),
    "launch": ("offerings", "count"),
    "start_stopped": ("offering", "starts"),
}
_OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "start_tasks": ("exclusive", "avoid"),
    "launch": ("market", "each", "loads", "for_stopped_tier"),
    "start_stopped": ("count",),
}


def read_intent(place: int, intent: model.Intent, now: float, references: References, pool: str) -> Intent:
    """Return an intent; what its kind lacks, or has too much, is a fault of ``references``."""
    path = ("intents", place)
    given, kind = intent.model_fields_set, intent.kind
    for name in _NEEDED[kind]:
        if not getattr(intent, name):
            references.fault((*path, name), f"is required with kind: {kind}")
    for name in sorted(given - _ALWAYS - {*_NEEDED[kind], *_OPTIONAL[kind]}):
        references.fault((*path, name), f"has no meaning with kind: {kind}")
    created_at = now if intent.created_at is None else intent.created_at.timestamp()
    return Intent(intent.token, pool, _READERS[kind](path, intent, references), created_at)


def _run(path: Path, intent: model.Intent, references: References) -> Request:
    shape = intent.shape or model.ShapeOf(profile="")
    inner = (*path, "shape")
    size = (
        references.size_of_profile(inner, shape.profile, shape.cpu_units, shape.memory_mib, shape.gpus)
        if intent.shape
        else as_resources(model.Size(cpu_units=0, memory_mib=0))
    )
    return RunTasks(Shape(shape.profile, size), intent.count or 0, intent.exclusive, tuple(intent.avoid))


def _launch(path: Path, intent: model.Intent, references: References) -> Request:
    sizes = [
        references.size_of_type((*path, "offerings", number, 0), kind, intent.each)
        for number, (kind, _) in enumerate(intent.offerings)
    ]
    return LaunchInstances(
        offerings=tuple(Offering(*pair) for pair in intent.offerings),
        market=Market(intent.market) if intent.market else references.market,
        count=intent.count or 0,
        each=smallest(sizes) if sizes else as_resources(model.Size(cpu_units=0, memory_mib=0)),
        loads=tuple(
            (references.load((*path, "loads", number, "for"), share.for_), share.instances)
            for number, share in enumerate(intent.loads)
        ),
        for_stopped_tier=intent.for_stopped_tier,
    )


def _start(path: Path, intent: model.Intent, references: References) -> Request:
    return StartInstances(
        Offering(*(intent.offering or ("", ""))),
        tuple(
            (
                references.instance((*path, "starts", number, "instance"), start.instance),
                references.load((*path, "starts", number, "for"), start.for_),
            )
            for number, start in enumerate(intent.starts)
        ),
    )


_READERS = {"start_tasks": _run, "launch": _launch, "start_stopped": _start}
