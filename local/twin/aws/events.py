"""EventBridge as the project meets it: native AWS events, late, doubled and in any order."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Final

from local.twin.aws.service import Context
from local.twin.clock import iso
from local.twin.latency import Phase

#: Encodes as ``json.dumps`` does, but looks for no circles: there are none in an event.
_TREE: Final = json.JSONEncoder(check_circular=False)

Event = dict[str, Any]
Rule = Callable[[Event], bool]

TASK_CHANGE: Final = "ECS Task State Change"
CONTAINER_INSTANCE_CHANGE: Final = "ECS Container Instance State Change"
INSTANCE_CHANGE: Final = "EC2 Instance State-change Notification"
SPOT_WARNING: Final = "EC2 Spot Instance Interruption Warning"
REBALANCE: Final = "EC2 Instance Rebalance Recommendation"


def every_event(_event: Event) -> bool:
    """The rule that lets everything through."""
    return True


class Published:
    """An event as it was when it was published; its text is made once, however many hear of it."""

    def __init__(self, event: Event) -> None:
        self.event = event

    @cached_property
    def text(self) -> str:
        """The event as JSON."""
        return _TREE.encode(self.event)


@dataclass(frozen=True, slots=True)
class _Subscription:
    callback: Callable[[Any], None]
    rule: Rule
    copied: Callable[[Published], Any]


class EventBus:
    """Delivers events to subscribers after a drawn delay [ECS-EVENTS-AT-LEAST-ONCE]."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._subscriptions: list[_Subscription] = []
        #: Shown every event at once, whoever is told of it later: for checks.
        self.look: Callable[[Published], None] = lambda _published: None

    def subscribe(self, callback: Callable[[Event], None], rule: Rule = every_event) -> None:
        """Call `callback` with every event the rule lets through; it gets its own copy."""
        self._subscriptions.append(_Subscription(callback, rule, lambda it: copy.deepcopy(it.event)))

    def subscribe_text(self, callback: Callable[[str], None], rule: Rule = every_event) -> None:
        """Call `callback` with every event the rule lets through, as JSON text."""
        self._subscriptions.append(_Subscription(callback, rule, attrgetter("text")))

    def publish(self, kind: str, resources: list[str], detail: dict[str, Any]) -> None:
        """Emit a native event, as it is now; each subscriber's delivery is delayed on its own."""
        context = self._context
        event: Event = {
            "version": "0",
            "id": context.ids.uuid(),
            "detail-type": kind,
            "source": "aws.ecs" if kind.startswith("ECS") else "aws.ec2",
            "account": context.account_id,
            "time": iso(context.now()),
            "region": context.region,
            "resources": resources,
            "detail": detail,
        }
        published = Published(event)
        self.look(published)
        for subscription in self._subscriptions:
            if subscription.rule(event):
                self._deliver(subscription, published)

    def _deliver(self, subscription: _Subscription, published: Published) -> None:
        context = self._context
        if context.happens("lost_event_rate"):
            return
        copies = 2 if context.happens("doubled_event_rate") else 1
        for _ in range(copies):
            delay = context.delay(Phase.EVENT_DELAY)
            if context.happens("late_event_rate"):
                delay += context.delay(Phase.EVENT_LATE)
            own = subscription.copied(published)
            context.clock.schedule(delay, lambda own=own: subscription.callback(own))  # type: ignore[misc]
