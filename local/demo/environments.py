"""``slipway demo --environments``: thirty pull requests through a day, in one process, on a clock that is not real."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.simulator.environments.checks import SETTLED_SECONDS, EnvironmentWatch
from local.simulator.environments.lives import DAY_SECONDS, HOUR, MINUTE, Life, lives, lose_webhooks
from local.simulator.environments.world import EnvironmentWorld, key_of

STARTS_AT = 1_795_000_000.0


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it."""

    facts: dict[str, Any]

    @property
    def is_good(self) -> bool:
        """Say whether everything was as it must be."""
        return not self.facts["violations"]


def play(seed: int, tell: Callable[[str], None] = lambda _line: None) -> Played:
    """Play the day, close everything, and say what is left."""
    began = time.monotonic()
    world = EnvironmentWorld(STARTS_AT, seed=seed)
    watch, ever = EnvironmentWatch(world), set[str]()
    lose_webhooks(world)
    planned = lives(world, seed)
    while world.clock.now() < STARTS_AT + DAY_SECONDS:
        world.clock.advance(MINUTE)
        watch.look()
        ever |= watch.served()
        if (world.clock.now() - STARTS_AT) % HOUR == 0:
            tell(_hour(world, watch))
    violations = [*watch.violations, *watch.leaks(), *_compared(watch, planned)]
    reasons = world.runs[-1].reasons if world.runs else {}
    addresses = sorted(watch.addresses())
    for life in planned:
        world.github.pulls.close(life.it)
    world.clock.advance(SETTLED_SECONDS)
    left = _left(world, watch)
    violations += [f"{count} {what} are left over" for what, count in left.items() if count]
    counts = world.github.deliveries.counts
    return Played(
        {
            "good": not violations,
            "pull_requests": len(planned),
            "kinds": dict(Counter(life.kind.about for life in planned)),
            "environments_made": len(ever),
            "most_at_once": watch.most_at_once,
            "at_the_end_of_the_day": addresses,
            "reasons": {str(key): why.value for key, why in sorted(reasons.items())},
            "webhooks": {name: counts[name] for name in ("sent", "lost", "doubled", "reordered", "late")},
            "calls": world.calls.counts.total(),
            "left": left,
            "violations": violations,
            "model_hours": round((world.clock.now() - STARTS_AT) / HOUR, 1),
            "seconds": round(time.monotonic() - began, 1),
        }
    )


def run(seed: int, *, as_json: bool) -> int:
    """Play and print; 0 when all was as it must be."""
    played = play(seed, (lambda _line: None) if as_json else print)
    if as_json:
        print(json.dumps(played.facts))
        return 0 if played.is_good else 1
    facts = played.facts
    print(
        f"\n{facts['pull_requests']} pull requests, {facts['environments_made']} environments, "
        f"{facts['most_at_once']} at once; {facts['webhooks']['lost']} webhooks lost, of "
        f"{facts['webhooks']['sent'] + facts['webhooks']['lost']}; {facts['model_hours']} hours in {facts['seconds']} s"
    )
    for address in facts["at_the_end_of_the_day"]:
        print(f"  https://{address}")
    print("nothing is left over" if played.is_good else "\n".join(facts["violations"]))
    return 0 if played.is_good else 1


def _hour(world: EnvironmentWorld, watch: EnvironmentWatch) -> str:
    opened = sum(pull.state == "open" for pull in world.pulls())
    reasons = Counter(why.value for why in world.runs[-1].reasons.values()) if world.runs else Counter[str]()
    told = ", ".join(f"{count} {why}" for why, count in sorted(reasons.items()))
    hour = round((world.clock.now() - STARTS_AT) / HOUR)
    return f"hour {hour:>2}: {opened:>2} open, {len(watch.served()):>2} environments ({told})"


def _compared(watch: EnvironmentWatch, planned: list[Life]) -> list[str]:
    """Compare what exists at the end of the day with what the lives say."""
    served = watch.served()
    should = {watch.world.name_of(life.it): life for life in planned if life.kind.stays}
    names = {watch.world.name_of(life.it): life for life in planned}
    missing = [
        f"{key_of(life.it)} ({life.kind.about}) has none"
        for name, life in should.items()
        if name not in served
    ]
    surplus = [
        f"{key_of(names[name].it)} ({names[name].kind.about}) has one" for name in served - should.keys()
    ]
    return [*missing, *surplus]


def _left(world: EnvironmentWorld, watch: EnvironmentWatch) -> dict[str, int]:
    """Count what is there of ours when every pull request is closed."""
    kinds = Counter(kind for kind, _ in watch.parts())
    return {
        "services": len(world.aws.ecs.services.live()),
        "rules": kinds["rule"],
        "target_groups": kinds["target group"],
        "log_groups": kinds["log group"],
        "task_definitions": kinds["task definition"],
        "notes": len(watch.notes()),
    }
