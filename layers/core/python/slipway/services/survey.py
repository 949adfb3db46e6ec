"""Survey: read all that the reaper compares, in GitHub, ECS, EC2 and the ledger; one failure blinds nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from slipway.domain.configuration import Configuration
from slipway.domain.findings import Ec2Instance, Facts, PoolFacts
from slipway.domain.notices import Look
from slipway.domain.snapshot import Snapshot
from slipway.ports.clock import Clock
from slipway.ports.cluster import Cluster
from slipway.ports.fleet import Fleet, LaunchedInstance
from slipway.ports.github import Listing
from slipway.ports.ledger import Ledger
from slipway.services.inquire import Inquire
from slipway.services.list_registrations import ListRegistrations


class Watch(Protocol):
    """A source of notices besides the facts themselves."""

    def __call__(self, facts: Facts, *, is_dry_run: bool) -> Look:
        """Return what is to be told; a dry run changes and remembers nothing."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What there is to compare, what is to be told besides, and what could not be read."""

    facts: Facts
    looks: tuple[Look, ...]
    errors: tuple[Exception, ...]


class Survey:
    """Reads GitHub first and the ledger last: what appears meanwhile is then known, not taken for stale.

    A source that does not answer leaves its part out, so that its silence never looks like absence. Jobs are asked
    after at the end: GitHub's word is of later than the ledger's. Of the registrations that GitHub lists
    nothing is made unless every pool was read: what was listed in vain is listed again once they are.
    """

    def __init__(  # noqa: PLR0913 - everything is compared with everything
        self,
        configuration: Configuration,
        ledger: Ledger,
        clusters: Mapping[str, Cluster],
        fleets: Mapping[str, Fleet],
        *,
        list_registrations: ListRegistrations,
        inquire: Inquire,
        watches: Sequence[Watch],
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._clusters = clusters
        self._fleets = fleets
        self._list_registrations = list_registrations
        self._inquire = inquire
        self._watches = watches
        self._clock = clock
        self._in_vain: set[str] = set()  # places whose registrations could not be compared

    def __call__(
        self,
        suspected: Mapping[str, float],
        has_time: Callable[[], bool] = lambda: True,
        *,
        is_dry_run: bool = False,
    ) -> Surveyed:
        """Read everything once; ``suspected`` is what looked stale at the last reading."""
        errors: list[Exception] = []
        listing = self._listing(suspected, errors, has_time, is_dry_run=is_dry_run)
        pools = self._pools(errors)
        if len(pools) < len(self._configuration.pools):
            self._in_vain |= listing.places
            # Without a pool's tasks, its runners would look like ghosts.
            listing = replace(listing, registrations=(), places=frozenset())
        elif self._in_vain and not is_dry_run:
            self._list_again(self._in_vain - listing.places, errors)
        if not is_dry_run:
            for pool in pools:
                self._note_template(pool.snapshot, errors)
        answers = self._inquire([pool.snapshot for pool in pools], suspected, is_dry_run=is_dry_run)
        errors += answers.errors
        facts = Facts(
            now=self._clock.now(),
            pools=tuple(pools),
            registrations=listing.registrations,
            strangers=listing.strangers,
            listed=listing.places,
            over=answers.over,
        )
        looks = [answers.look, *self._looks(facts, errors, is_dry_run=is_dry_run)]
        return Surveyed(facts, tuple(looks), tuple(errors))

    def _listing(
        self,
        suspected: Mapping[str, float],
        errors: list[Exception],
        has_time: Callable[[], bool],
        *,
        is_dry_run: bool,
    ) -> Listing:
        try:
            listed = self._list_registrations(suspected, has_time, is_dry_run=is_dry_run)
        except Exception as fault:  # noqa: BLE001 - the service loop: what GitHub does not tell stops no pool
            errors.append(fault)
            return Listing(())
        errors += listed.failures
        return listed

    def _list_again(self, places: set[str], errors: list[Exception]) -> None:
        try:
            self._list_registrations.list_again(sorted(places))
            self._in_vain.clear()
        except Exception as fault:  # noqa: BLE001 - the service loop: the next run tries again
            errors.append(fault)

    def _pools(self, errors: list[Exception]) -> list[PoolFacts]:
        pools = []
        for name in self._configuration.pools:
            try:
                instances = {item.instance_id: _as_ec2_has(item) for item in self._fleets[name].instances()}
                tasks = frozenset(task.task_id for task in self._clusters[name].tasks())
                registered = {item.instance_id: item for item in self._clusters[name].instances()}
                snapshot = self._ledger.snapshots.read(name, self._clock.now())
                pools.append(PoolFacts(snapshot, tasks, instances, registered))
            except Exception as fault:  # noqa: BLE001 - the service loop: one pool's failure blinds no other
                errors.append(fault)
        return pools

    def _note_template(self, snapshot: Snapshot, errors: list[Exception]) -> None:
        """Look for a newer version of the pool's launch template: instances of older ones are drained then."""
        try:
            newest = self._fleets[snapshot.pool].template_version()
            if newest is not None and newest != snapshot.template_version:
                self._ledger.notes.keep_template_version(snapshot.pool, newest)
                self._ledger.rows.want(snapshot.pool)
        except Exception as fault:  # noqa: BLE001 - the service loop: what it cannot learn stops no removal
            errors.append(fault)

    def _looks(self, facts: Facts, errors: list[Exception], *, is_dry_run: bool) -> list[Look]:
        looks = []
        for watch in self._watches:
            try:
                looks.append(watch(facts, is_dry_run=is_dry_run))
            except Exception as fault:  # noqa: BLE001 - the service loop: what it cannot learn stops no removal
                errors.append(fault)
        return looks


def _as_ec2_has(item: LaunchedInstance) -> Ec2Instance:
    return Ec2Instance(item.launched_at, item.intent, item.is_stopped)
