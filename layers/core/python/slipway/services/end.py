"""End: instances that are drained, ended, replaced or retired. Nothing that holds a task is ever ended."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.domain.instances import Instance, InstanceState
from slipway.domain.launches import BACK_OFF_SECONDS
from slipway.domain.snapshot import ANY, UnavailableOffering
from slipway.ports.clock import Clock
from slipway.ports.cluster import Cluster
from slipway.ports.fleet import Fleet
from slipway.ports.ledger import Ledger
from slipway.services.applied import Applied
from slipway.services.failures import NEVER_REGISTERED, note_launch_failure

LISTED_TWICE_SECONDS = 5  # between the two empty listings that end an instance


class End:
    """Takes one instance at a time out of service."""

    def __init__(
        self, ledger: Ledger, clusters: Mapping[str, Cluster], fleets: Mapping[str, Fleet], clock: Clock
    ) -> None:
        self._ledger = ledger
        self._clusters = clusters
        self._fleets = fleets
        self._clock = clock

    def drain(self, instance: Instance) -> Applied:
        """Let an instance take no new task."""
        if instance.arn:
            self._clusters[instance.pool].drain(instance.arn)
        now = self._clock.now()
        return Applied(
            changed=self._ledger.instances.mark_draining(instance.pool, instance.instance_id, at=now)
        )

    def end(self, instance: Instance) -> Applied | None:
        """Terminate a draining instance once ECS listed it empty twice, some seconds apart.

        ECS itself must say that it drains: otherwise a task could land there after the second look.
        """
        pool, now = instance.pool, self._clock.now()
        if instance.arn and self._clusters[pool].task_ids_on(instance.arn):
            self._ledger.instances.mark_empty(pool, instance.instance_id, at=None)
            return None
        if instance.empty_at is None:
            self._ledger.instances.mark_empty(pool, instance.instance_id, at=now)
            return Applied(should_retry=True)
        if now - instance.empty_at < LISTED_TWICE_SECONDS:
            return Applied(should_retry=True)
        if not self._drains(instance):
            self._ledger.instances.mark_empty(pool, instance.instance_id, at=None)
            return Applied(should_retry=True)
        return self.retire(instance)

    def retire(self, instance: Instance) -> Applied:
        """Terminate an instance and forget it."""
        self._fleets[instance.pool].terminate([instance.instance_id])
        self._ledger.instances.remove(instance.pool, instance.instance_id)
        return Applied(changed=True)

    def replace(self, instance: Instance) -> Applied:
        """Terminate an instance that never came up, unless ECS knows it: then its event was lost.

        Its type is asked for again in its subnet only after a while; the next plan launches elsewhere.
        """
        pool = instance.pool
        registered = self._clusters[pool].instances()
        known = next((item for item in registered if item.instance_id == instance.instance_id), None)
        self._ledger.rows.want(pool)
        if known is not None:
            self._ledger.instances.observe(known)
            return Applied(changed=True)
        now = self._clock.now()
        if instance.market is not None:
            kind, subnet = instance.instance_type or ANY, instance.subnet or ANY
            offering = UnavailableOffering(kind, subnet, instance.market, now + BACK_OFF_SECONDS)
            self._ledger.notes.refuse(pool, [offering])
        note_launch_failure(self._ledger, pool, now, NEVER_REGISTERED)
        return self.retire(instance)

    def _drains(self, instance: Instance) -> bool:
        """Say whether ECS places nothing on an instance, asking it again to drain if it still would."""
        cluster = self._clusters[instance.pool]
        known = next((item for item in cluster.instances() if item.arn == instance.arn), None)
        if known is None or known.state is InstanceState.DRAINING or instance.arn is None:
            return True
        cluster.drain(instance.arn)
        return False
