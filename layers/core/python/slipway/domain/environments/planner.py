"""The decision: from what GitHub, AWS and the notes say to what is made, kept and removed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from slipway.domain.environments.found import Found, FoundService, Note
from slipway.domain.environments.gates import Reading, asks, is_over, key_of_repository, noted, refusal
from slipway.domain.environments.names import LAST_PRIORITY, EnvironmentKey, free_priority, resource_name
from slipway.domain.environments.plan import Make, Plan, Snapshot
from slipway.domain.environments.pulls import PullRequest
from slipway.domain.environments.reasons import REFUSED, Why
from slipway.domain.environments.settings import Environments
from slipway.domain.environments.spec import spec_of

RULES_OF_A_LOAD_BALANCER: Final = 100  # by default, besides the default rule [ELB-QUOTAS]
GONE_SECONDS: Final = 3_600.0
"""How long GitHub must know a repository no more before its environments go: an App is taken away by mistake too."""


def plan(snapshot: Snapshot, settings: Environments) -> Plan:
    """Decide. Equal snapshots give equal plans, and after what a plan did the next one has nothing to do."""
    return _Planner(snapshot, settings).plan()


def wanted_images(snapshot: Snapshot, settings: Environments) -> frozenset[str]:
    """Return the images to ask for: of pull requests that may have an environment and do not run theirs."""
    wanted = set()
    for reading in _known(snapshot, settings):
        for pull in reading.pulls or ():
            note = noted(pull, snapshot.notes.get(pull.key), settings, snapshot.now)
            if refusal(pull, settings) is not None or is_over(note):
                continue
            spec = spec_of(pull, settings)
            found = snapshot.survey.found.get(spec.name)
            if found is None or found.service is None or found.service.family != spec.family:
                wanted.add(spec.image)
    return frozenset(wanted)


def _known(snapshot: Snapshot, settings: Environments) -> Iterator[Reading]:
    for name in sorted(snapshot.readings.keys() & settings.repositories.keys()):
        yield snapshot.readings[name]


class _Planner:
    def __init__(self, snapshot: Snapshot, settings: Environments) -> None:
        self._at = snapshot
        self._settings = settings
        self._found = snapshot.survey.found
        self._notes: dict[EnvironmentKey, Note] = {}
        self._refused: dict[EnvironmentKey, Why] = {}
        self._kept: set[str] = set()
        self._makes: list[Make] = []
        self._used = snapshot.survey.priorities
        self._is_limited = False

    def plan(self) -> Plan:
        wanted = self._asked()
        self._leave_unread()
        for pull in wanted:
            if self._of(pull.key).is_served:
                self._hold(pull)
        others = [pull for pull in wanted if not self._of(pull.key).is_served]
        self._admit([pull for pull in others if self._may_begin(pull)])
        self._say_why_not()
        return self._result()

    def _name(self, key: EnvironmentKey) -> str:
        return resource_name(self._settings.deployment, key)

    def _of(self, key: EnvironmentKey) -> Found:
        name = self._name(key)
        return self._found.get(name) or Found(name, key)

    def _set(self, key: EnvironmentKey, why: Why, failing_since: float | None = None) -> None:
        self._notes[key] = replace(self._notes[key], why=why, failing_since=failing_since)

    def _asked(self) -> list[PullRequest]:
        """Go through the open pull requests; return those that may have an environment."""
        wanted = []
        for reading in _known(self._at, self._settings):
            for pull in sorted(reading.pulls or (), key=lambda one: one.key):
                note, why = self._at.notes.get(pull.key), refusal(pull, self._settings)
                if why is None:
                    self._notes[pull.key] = noted(pull, note, self._settings, self._at.now)
                    wanted += [] if is_over(self._notes[pull.key]) else [pull]
                elif asks(pull, self._settings):
                    self._notes[pull.key] = note or Note(pull.key, pull.commit, self._at.now, why)
                    self._set(pull.key, why)
                else:
                    self._refused[pull.key] = why
        return wanted

    def _leave_unread(self) -> None:
        """Leave alone what is of a repository that was not read, until GitHub has known it no more for long."""
        for name in self._settings.repositories:
            reading, own = self._at.readings.get(name), key_of_repository(name)
            note = self._at.notes.get(own)
            if reading is not None and reading.is_gone:
                note = note or Note(own, "", self._at.now, Why.REPOSITORY_GONE)
                if self._at.now - note.since >= GONE_SECONDS:
                    self._notes[own] = note
                    continue
            elif reading is not None and reading.pulls is not None:
                continue
            if note is not None:
                self._notes[own] = note
            self._leave(name)

    def _leave(self, repository: str) -> None:
        own = {
            key: note for key, note in self._at.notes.items() if key.repository == repository and key.number
        }
        self._notes |= own
        self._kept |= {self._name(key) for key in own}
        self._kept |= {
            name for name, one in self._found.items() if one.key and one.key.repository == repository
        }

    def _hold(self, pull: PullRequest) -> None:
        """Keep an environment that is there, renew it where the head's image exists, or give it up."""
        spec, found, note = spec_of(pull, self._settings), self._of(pull.key), self._notes[pull.key]
        service = found.service
        if service is None:
            return
        is_current = service.family == spec.family
        deploys = not is_current and spec.image in self._at.images
        since = note.failing_since
        since = None if service.running else self._at.now if deploys or since is None else since
        if since is not None and self._at.now - since >= self._settings.unhealthy_after_seconds:
            # What never ran may be an older commit's: the head's own image has its chance when it comes.
            self._set(pull.key, Why.UNHEALTHY if is_current else Why.IMAGE_AWAITED)
            return
        self._set(pull.key, _state(service, is_current=is_current, deploys=deploys), since)
        self._make(pull, deploys=deploys)

    def _make(self, pull: PullRequest, *, deploys: bool) -> None:
        spec, found = spec_of(pull, self._settings), self._of(pull.key)
        priority = None
        if not any(rule.host == spec.host for rule in found.rules):
            priority = free_priority(spec.key, self._used)
            self._used |= {priority} if priority is not None else set()
        self._kept.add(spec.name)
        self._makes.append(Make(spec, found, deploys, priority))

    def _may_begin(self, pull: PullRequest) -> bool:
        """Say whether a pull request without environment could have one now, were there room."""
        spec, found = spec_of(pull, self._settings), self._of(pull.key)
        why = None
        if spec.image not in self._at.images:
            why = Why.IMAGE_AWAITED
        elif found.service is not None:
            why = Why.CLOSING
        elif self._is_taken(spec.host):
            why = Why.HOST_TAKEN
        if why is not None:
            self._set(pull.key, why)
        return why is None

    def _is_taken(self, host: str) -> bool:
        """Say whether a rule that is none of ours answers for a host name, or may do so before ours would."""
        return any(
            rule.priority <= LAST_PRIORITY
            and any(fnmatchcase(host, pattern.lower()) for pattern in rule.hosts)
            for rule in self._at.survey.foreign
        )

    def _admit(self, candidates: list[PullRequest]) -> None:
        """Give free places, one by one, to the repository that holds the fewest, there to the oldest pull request.

        What this plan removes has its place until it is gone; what the last one began has it before all others.
        """
        served = [one for one in self._found.values() if one.is_served]
        begun = self._begun_unread()
        held = Counter(
            [*(one.key.repository for one in served if one.key), *(key.repository for key in begun)]
        )
        total, rules = len(served) + len(begun), len(self._at.survey.foreign) + len(begun)
        rules += sum(max(1, len(one.rules)) for one in served)
        waiting = sorted(candidates, key=lambda pull: pull.key)
        while waiting:
            pull = min(waiting, key=lambda one: (self._is_new(one.key), held[one.key.repository], one.key))
            waiting.remove(pull)
            why = self._no_room(total, held[pull.key.repository], rules)
            if why is not None:
                self._is_limited = self._is_limited or why is Why.LIMIT
                self._set(pull.key, why)
                continue
            total, rules = total + 1, rules + 1
            held[pull.key.repository] += 1
            self._set(pull.key, Why.DEPLOYING, self._at.now)
            self._make(pull, deploys=True)

    def _is_new(self, key: EnvironmentKey) -> bool:
        note = self._at.notes.get(key)
        return note is None or note.why is not Why.DEPLOYING

    def _begun_unread(self) -> list[EnvironmentKey]:
        """Return what was begun in repositories that cannot be read now, and AWS's listings may not show yet."""
        return [
            key
            for key, note in self._notes.items()
            if note.why is Why.DEPLOYING and self._name(key) in self._kept and not self._of(key).is_served
        ]

    def _no_room(self, total: int, of_repository: int, rules: int) -> Why | None:
        if of_repository >= self._settings.most_per_repository:
            return Why.REPOSITORY_LIMIT
        if total >= self._settings.most:
            return Why.LIMIT
        return Why.RULE_LIMIT if rules >= RULES_OF_A_LOAD_BALANCER else None

    def _say_why_not(self) -> None:
        """Say of what is remembered and should not exist why not."""
        for key, note in self._at.notes.items():
            if key.number and key not in self._notes:
                self._notes[key] = note
                self._set(key, self._refused.get(key) or self._end(key.repository))

    def _end(self, repository: str) -> Why:
        if repository not in self._settings.repositories:
            return Why.NOT_CONFIGURED
        reading = self._at.readings.get(repository)
        return Why.REPOSITORY_GONE if reading and reading.is_gone else Why.CLOSED

    def _result(self) -> Plan:
        gone = [self._found[name] for name in sorted(self._found) if self._must_go(name)]
        return Plan(
            makes=tuple(sorted(self._makes, key=lambda make: make.spec.key)),
            removes=tuple(gone),
            notes=dict(sorted(self._notes.items())),
            done=tuple(key for key in sorted(self._at.notes) if self._is_done(key)),
            is_limited=self._is_limited,
        )

    def _must_go(self, name: str) -> bool:
        """Say whether what is found by a name must go; what has no owner, once all repositories were read."""
        found = self._found[name]
        if name in self._kept or found.is_on_its_way_out:
            return False
        is_known = found.key is not None or name in {self._name(key) for key in self._notes}
        return is_known or all(
            (reading := self._at.readings.get(each)) is not None and reading.pulls is not None
            for each in self._settings.repositories
        )

    def _is_done(self, key: EnvironmentKey) -> bool:
        """Say whether a note may go: its pull request asks for nothing, and nothing is left of its environment."""
        if not key.number:
            return key not in self._notes
        if self._notes[key].why not in REFUSED or not self._of(key).is_empty:
            return False
        if key.repository not in self._settings.repositories:
            return True
        reading = self._at.readings.get(key.repository)
        if reading is None or reading.pulls is None:
            return reading is not None and reading.is_gone
        return not any(pull.key == key and asks(pull, self._settings) for pull in reading.pulls)


def _state(service: FoundService, *, is_current: bool, deploys: bool) -> Why:
    if deploys:
        return Why.DEPLOYING
    if service.running == 0:
        return Why.FAILING if service.has_failures else Why.DEPLOYING
    if not is_current or (service.has_failures and not service.is_steady):
        return Why.OUTDATED
    return Why.READY if service.is_steady else Why.DEPLOYING
