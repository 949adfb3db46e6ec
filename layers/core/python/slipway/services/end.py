"""End: instances that are drained, ended, replaced or retired. Nothing that holds a task is ever ended."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.domain.instances import Instance, InstanceState
from slipway.domain.launches import BACK_OFF_SECONDS, FailedLaunch
from slipway.domain.snapshot import ANY, UnavailableOffering
from slipway.ports.clock import Clock
from slipway.ports.cluster import Cluster
from slipway.ports.fleet import Fleet
from slipway.ports.ledger import Ledger
from slipway.services.applied import Applied

LISTED_TWICE_SECONDS = 5  # between the two empty listings that end an instance
NEVER_REGISTERED, NEVER_STOPPED = "never registered with ECS", "never powered itself off"


class End:
    """Takes one instance at a time out of service."""

    def __init__(
        self, ledger: Ledger, clusters: Mapping[str, Cluster], fleets: Mapping[str, Fleet], clock: Clock
    ) -> None:
        self._ledger = ledger
        self._clusters = clusters
        self._fleets = fleets
        self._clock = clock

    def drain(self, instance: Instance) -> None:
        """Let an instance take no new task."""
        if instance.arn:
            self._clusters[instance.pool].drain(instance.arn)
        now = self._clock.now()
        self._ledger.instances.mark_draining(instance.pool, instance.instance_id, at=now)

    def end(self, instance: Instance) -> Applied | None:
        """Terminate a draining instance once ECS listed it empty twice, some seconds apart.

        ECS itself must say that it drains: otherwise a task could land there after the second look.
        """
        pool, now = instance.pool, self._clock.now()
        if instance.arn is None and self._has_registered(instance):
            return Applied(should_retry=True)
        # A busy pool has many rounds in so much time: nothing is asked before the second listing is due.
        if instance.empty_at is not None and now - instance.empty_at < LISTED_TWICE_SECONDS:
            return Applied(should_retry=True)
        if instance.arn and self._clusters[pool].task_ids_on(instance.arn):
            self._ledger.instances.mark_empty(pool, instance.instance_id, at=None)
            return None
        if instance.empty_at is None:
            self._ledger.instances.mark_empty(pool, instance.instance_id, at=now)
            return Applied(should_retry=True)
        if not self._drains(instance):
            self._ledger.instances.mark_empty(pool, instance.instance_id, at=None)
            return Applied(should_retry=True)
        self.retire(instance)
        return None

    def retire(self, instance: Instance) -> None:
        """Terminate an instance and forget it."""
        self._fleets[instance.pool].terminate([instance.instance_id])
        self._ledger.instances.remove(instance.pool, instance.instance_id, at=self._clock.now())

    def replace(self, instance: Instance) -> Applied | None:
        """Terminate an instance that never came up, unless ECS knows it: then its event was lost.

        One that ECS has been registering for all that time, and that holds no task, never will. Its type is asked
        for again in its subnet only after a while; the next plan launches elsewhere.
        """
        pool, known = instance.pool, self._registered(instance)
        if known is not None:
            if self._ledger.instances.observe(known):
                self._ledger.rows.want(pool)
                return None
            is_registering = known.state is InstanceState.LAUNCHING
            if not is_registering or known.arn is None or self._clusters[pool].task_ids_on(known.arn):
                return None
        self.retire(instance)  # first: what follows is only true once it is gone
        now, of_tier = self._clock.now(), instance.state is InstanceState.WARMING
        if instance.market is not None:
            kind, subnet = instance.instance_type or ANY, instance.subnet or ANY
            offering = UnavailableOffering(kind, subnet, instance.market, now + BACK_OFF_SECONDS)
            self._ledger.notes.refuse(pool, [offering])
        self._ledger.rows.want(pool)
        why = NEVER_STOPPED if of_tier else NEVER_REGISTERED
        failed = FailedLaunch(instance.launched_at, now, why, of_tier)
        return Applied(failed_launches=(failed,))

    def _has_registered(self, instance: Instance) -> bool:
        """Take in an instance that drains and of which no event came yet: tasks may have been placed on it."""
        known = self._registered(instance)
        if known is None or known.arn is None:
            return False
        self._clusters[instance.pool].drain(known.arn)
        self._ledger.instances.observe(known)
        return True

    def _registered(self, instance: Instance) -> Instance | None:
        """Return an instance as ECS has it, if it does."""
        listed = self._clusters[instance.pool].instances(instance_id=instance.instance_id)
        return next(iter(listed), None)

    def _drains(self, instance: Instance) -> bool:
        """Say whether ECS places nothing on an instance, asking it again to drain if it still would."""
        known = self._registered(instance)
        if known is None or known.state is InstanceState.DRAINING or known.arn is None:
            return True
        self._clusters[instance.pool].drain(known.arn)
        return False
