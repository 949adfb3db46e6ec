"""Everything that can go wrong on the way to an environment, at random, from one seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Final

import httpx

from local.simulator.environments.world import EnvironmentWorld
from local.twin.aws.elbv2 import Rule
from local.twin.aws.errors import LOST_REPLY, AwsFault, client_error
from local.twin.github.pulls import PullRequest, Source

_SOURCES: Final[tuple[Source, ...]] = (
    "branch", "branch", "branch", "branch", "branch", "branch", "branch", "branch", "fork", "deleted fork",
)  # fmt: skip
LABEL, KEEP_LABEL = "preview", "preview-keep"
_THROTTLES: Final = {"dynamodb": "ProvisionedThroughputExceededException", "elbv2": "Throttling"}
#: Rates of a call's fates, each before or after it took effect.
KILLED, THROTTLED, LOST = 0.004, 0.01, 0.01
#: How often an hour each thing happens.
HAPPENS: Final = {
    "opened": 14.0, "pushed": 20.0, "labelled": 8.0, "unlabelled": 6.0, "draft": 6.0, "closed": 8.0, "reopened": 4.0,
    "image expired": 3.0, "repository vanished": 0.7, "app suspended": 0.7, "github down": 1.0, "host taken": 2.0,
    "rules full": 1.0, "comment deleted": 3.0, "somebody tidied up": 3.0,
}  # fmt: skip


class EnvironmentStorm:
    """Makes things happen to a world until it is over; ``counts`` says how often each did."""

    def __init__(self, world: EnvironmentWorld, seed: int) -> None:
        self.world = world
        self.counts: Counter[str] = Counter()
        self.is_over = False
        self._rng = random.Random(f"{seed}/storm")
        self._calls = random.Random(f"{seed}/storm of calls")
        self._undo: list[Callable[[], None]] = []
        self._acts: dict[str, Callable[[], bool]] = {
            "opened": self._open, "pushed": self._push, "labelled": self._label, "unlabelled": self._unlabel,
            "draft": self._draft, "closed": self._close, "reopened": self._reopen,
            "image expired": self._expire, "repository vanished": self._vanish, "app suspended": self._suspend,
            "github down": self._fail, "host taken": self._take, "rules full": self._fill,
            "comment deleted": self._delete_comment, "somebody tidied up": self._tidy,
        }  # fmt: skip

    def begin(self) -> None:
        """Let things go wrong from now on."""
        faults = self.world.github.deliveries.faults
        faults.lost, faults.failed, faults.doubled, faults.reordered, faults.late = 0.3, 0.1, 0.1, 0.2, 0.1
        self.world.calls.meddle = self._meddle
        for name in self._acts:
            self._later(name)

    def end(self) -> None:
        """Calm down, and put right what is not the pull requests' own."""
        self.is_over = True
        faults = self.world.github.deliveries.faults
        faults.lost = faults.failed = faults.doubled = faults.reordered = faults.late = 0.0
        self.world.calls.meddle = None
        for undo in self._undo:
            undo()

    def _later(self, name: str) -> None:
        def due() -> None:
            if not self.is_over:
                self.counts[name] += self._acts[name]()
                self._later(name)

        self.world.clock.schedule(self._rng.expovariate(HAPPENS[name] / 3_600.0), due)

    def _for_a_while(self, most_seconds: float, undo: Callable[[], None]) -> bool:
        self._undo.append(undo)
        self.world.clock.schedule(self._rng.uniform(30.0, most_seconds), undo)
        return True

    def _meddle(self, name: str, after: bool) -> None:
        """Kill who calls, refuse the call, or lose its answer."""
        fate, service = self._calls.random(), name.partition(".")[0]
        operation = name.partition(".")[2]
        running = self.world.calls.fibers.running
        if fate < KILLED / 2 and running is not None:
            self.counts["killed"] += 1
            running.root.kill()
        elif not after and fate < THROTTLED and service != "github":
            self.counts["throttled"] += 1
            code = _THROTTLES.get(service, "ThrottlingException")
            raise client_error(service, operation, AwsFault(code, "Rate exceeded"))
        elif after and fate < LOST:
            self.counts["reply lost"] += 1
            if service == "github":
                raise httpx.ReadError("connection lost before the response")
            raise client_error(service, operation, AwsFault(LOST_REPLY, "lost"))

    def _any(self, of: Callable[[PullRequest], bool]) -> PullRequest | None:
        found = [pull for pull in self.world.pulls() if of(pull)]
        return self._rng.choice(found) if found else None

    def _open(self) -> bool:
        known = sorted(self.world.settings.repositories.keys() & self.world.github.world.repositories.keys())
        if not known:
            return False
        labels = self._rng.choice(((LABEL,), (LABEL,), (LABEL,), (), (LABEL, KEEP_LABEL)))
        pull = self.world.github.pulls.open(
            self._rng.choice(known),
            labels=labels,
            draft=self._rng.random() < 0.15,
            source=self._rng.choice(_SOURCES),
            branch="feature/{{ACTOR}}",
        )
        self._build(pull)
        return True

    def _push(self) -> bool:
        pull = self._any(lambda one: one.state == "open")
        if pull is None:
            return False
        self.world.github.pulls.push(pull)
        self._build(pull)
        return True

    def _build(self, pull: PullRequest) -> None:
        """Let a workflow build the image of the head: late, never, or one that cannot be pulled."""
        commit, fate = pull.head_sha, self._rng.random()
        if fate < 0.1:
            self.counts["image never came"] += 1
            return

        def built() -> None:
            if pull.head_sha == commit and pull in self.world.pulls():
                self.world.push(pull, is_broken=fate < 0.2)
                self.counts["image cannot be pulled"] += fate < 0.2

        self.world.clock.schedule(self._rng.uniform(0.0, 600.0), built)

    def _label(self) -> bool:
        pull = self._any(lambda one: LABEL not in one.labels)
        if pull is not None:
            self.world.github.pulls.label(pull, LABEL)
        return pull is not None

    def _unlabel(self) -> bool:
        pull = self._any(lambda one: LABEL in one.labels)
        if pull is not None:
            self.world.github.pulls.unlabel(pull, LABEL)
        return pull is not None

    def _draft(self) -> bool:
        pull = self._any(lambda one: one.state == "open")
        if pull is not None:
            self.world.github.pulls.set_draft(pull, draft=not pull.draft)
        return pull is not None

    def _close(self) -> bool:
        pull = self._any(lambda one: one.state == "open")
        if pull is not None:
            self.world.github.pulls.close(pull)
        return pull is not None

    def _reopen(self) -> bool:
        pull = self._any(lambda one: one.state == "closed")
        if pull is not None:
            self.world.github.pulls.reopen(pull)
        return pull is not None

    def _expire(self) -> bool:
        """A lifecycle policy takes a running image away, or one that is about to be pulled."""
        pull = self._any(self.world.has_image)
        if pull is None:
            return False
        image = self.world.image_of(pull)
        self.world.aws.ecr.delete(image.repository, image.tag)
        return True

    def _vanish(self) -> bool:
        """A repository is gone, or renamed, or the App may see it no more; it comes back, perhaps after long."""
        repositories = self.world.github.world.repositories
        name = self._rng.choice(sorted(self.world.settings.repositories))
        found = repositories.pop(name, None)
        return found is not None and self._for_a_while(7_200.0, lambda: repositories.update({name: found}))

    def _suspend(self) -> bool:
        github = self.world.github
        one = self._rng.choice([*github.credentials.installations.values()])
        github.suspend(one)
        return self._for_a_while(5_400.0, lambda: setattr(one, "suspended_at", None))

    def _fail(self) -> bool:
        faults = self.world.github.faults
        faults.failing = 0.5
        return self._for_a_while(900.0, lambda: setattr(faults, "failing", 0.0))

    def _take(self) -> bool:
        """Somebody else puts a rule for a pull request's host name before ours."""
        pull = self._any(lambda one: one.state == "open")
        if pull is None:
            return False
        template = self.world.settings.repositories[pull.repository.full_name.lower()]
        host = f"{template.host_prefix}{pull.number}.{self.world.settings.domain}"
        return self._add_rules([host])

    def _fill(self) -> bool:
        """The load balancer's other users fill it up."""
        (listener,) = self.world.aws.elbv2.listeners.values()
        free = self.world.aws.elbv2.most_rules - len(listener.rules)
        return self._add_rules(
            [f"other{number}.example.com" for number in range(free - self._rng.randint(0, 2))]
        )

    def _add_rules(self, hosts: list[str]) -> bool:
        (listener,) = self.world.aws.elbv2.listeners.values()
        used = {rule.priority for rule in listener.rules.values()}
        free = iter(number for number in range(1, 2_000) if number not in used)
        added = []
        for host in hosts:
            priority = next(free)
            arn = f"{listener.arn}/foreign/{self.world.aws.context.ids.hex(8)}"
            condition = {"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}
            listener.rules[arn] = Rule(arn, priority, [condition], [{"Type": "fixed-response"}])
            added.append(arn)

        def remove() -> None:
            for arn in added:
                listener.rules.pop(arn, None)

        return self._for_a_while(1_800.0, remove)

    def _delete_comment(self) -> bool:
        comments = self.world.github.pulls.comments
        if comments:
            comments.remove(self._rng.choice(comments))
        return bool(comments)

    def _tidy(self) -> bool:
        """Somebody deletes by hand what is ours: a rule, a log group."""
        (listener,) = self.world.aws.elbv2.listeners.values()
        ours = [arn for arn, rule in sorted(listener.rules.items()) if rule.target_groups]
        groups = self.world.aws.logs.groups
        if ours and self._rng.random() < 0.5:
            del listener.rules[self._rng.choice(ours)]
            return True
        if groups:
            del groups[self._rng.choice(sorted(groups))]
        return bool(groups)
