"""Claims: ten that arrive together, and ten thousand at GitHub's documented limits.

The ten are real: ten sandboxes of the registrar in processes of their own, GitHub and AWS over HTTP, 100 ms for every
answer of GitHub's. The ten thousand are registrations on the virtual clock, where the twin keeps GitHub's limits: their
times are the model's. Run with ``make bench`` or ``python -m tests.bench.claims``.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median

import httpx

from local.twin.aws.account import AwsTwin
from local.twin.github.transport import TwinTransport
from local.twin.latency import LatencyModel
from slipway.adapters.github.enterprise_tokens import EnterpriseTokens
from slipway.adapters.github.http import GitHubApi
from slipway.adapters.github.runner_groups import RunnerGroups
from slipway.adapters.github.runners import GitHubRunners
from slipway.adapters.ledger import dynamo_ledger
from slipway.domain.errors import NotYetError, ThrottledError
from slipway.domain.jobs import JobKey
from slipway.ports.ledger import Turns
from tests.builders import a_github, a_job, a_task_id
from tests.contract.aws_faces import create_table
from tests.contract.ledger_cases import TABLE
from tests.fakes.secret_store import MemorySecrets
from tests.integration.functions.stage import Stage, claim_event, role_arn
from tests.support.github_enterprise import Acme

TOGETHER, LATENCY_SECONDS = 10, 0.1
CLAIMS, OWNERS = 10_000, 3
WINDOW_SECONDS, WINDOW_LIMIT = 300.0, 1_500  # [GH-REGISTRATION-1500]


def ten_together() -> list[float]:
    """Return how long each of ten claims took that arrived together, in seconds."""
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder), LATENCY_SECONDS) as stage:
        nobody = claim_event(None)
        for number in range(TOGETHER):
            stage.invoke("registrar", nobody, variant=str(number))
        tasks = stage.start_tasks(TOGETHER)

        def claim(number: int) -> float:
            started = time.perf_counter()
            answer = stage.invoke("registrar", claim_event(role_arn(tasks[number])), variant=str(number))
            took = time.perf_counter() - started
            if answer["statusCode"] != 200:
                raise SystemExit(f"a claim was answered {answer}")
            return took

        with ThreadPoolExecutor(TOGETHER) as pool:
            return list(pool.map(claim, range(TOGETHER)))


@dataclass
class Crowd:
    """Claimants on the virtual clock, each of whom comes back when it is told to."""

    claims: int
    owners: int
    turns: Turns | None = None  # none: the ledger's
    logins: tuple[str, ...] = ("alpha", "beta")  # a runner group holds 10,000 [GH-GROUP-10000]
    acme: Acme = field(default_factory=Acme)
    registered: dict[int, float] = field(default_factory=dict)
    tries: int = 0
    refused_by_limit: int = 0

    def __post_init__(self) -> None:
        clock, twin = self.acme.clock, self.acme.twin
        aws = AwsTwin(clock, latency=LatencyModel.none(), seed=1)
        create_table(aws.client("dynamodb"), TABLE)
        ledger = dynamo_ledger(aws.client("dynamodb"), TABLE)
        secrets = MemorySecrets(
            {f"arn:{number}": twin.add_personal_token(f"bot-{number}") for number in range(self.owners)}
        )
        api = GitHubApi(httpx.Client(transport=TwinTransport(twin), base_url="https://twin"), clock)
        target = a_github(enterprise="acme", runner_token_secrets=tuple(secrets.values))
        tokens = EnterpriseTokens(secrets, target, api, clock, ledger.tokens)
        groups = RunnerGroups(api, target, clock, ledger.groups)
        turns = self.turns or ledger.turns
        self.runners = GitHubRunners(api, target, tokens, groups, turns, clock=clock)

    def start(self) -> None:
        """Let everybody come at once."""
        self.started_at = self.acme.clock.now()
        for number in range(self.claims):
            login = self.logins[number % len(self.logins)]
            self.acme.clock.schedule(0.0, lambda n=number, who=login: self.come(n, who))  # type: ignore[misc]

    def run(self) -> None:
        """Let everybody come at once, and advance until all are registered."""
        self.start()
        while len(self.registered) < self.claims:
            self.step()

    def step(self) -> None:
        """Advance to whatever is next."""
        due = self.acme.clock.next_due()
        if due is None:
            raise SystemExit("a claimant was lost")
        self.acme.clock.advance_to(due)

    def come(self, number: int, login: str) -> None:
        """Claim once, and again when one is told to."""
        organization = self.acme.twin.world.organizations[login]
        key = JobKey(login, number, 1)
        job = a_job(number, key=key, organization=login, organization_id=organization.id)
        self.tries += 1
        try:
            self.runners.mint(job, f"slipway-medium-{a_task_id(number)}")
        except ThrottledError as fault:
            self.refused_by_limit += not isinstance(fault, NotYetError)
            self.acme.clock.schedule(float(fault.retry_after_seconds), lambda: self.come(number, login))
        else:
            self.registered[number] = self.acme.clock.now()

    @property
    def seconds(self) -> float:
        """How long it took, in model time."""
        return max(self.registered.values()) - self.started_at

    def by_owner(self) -> Counter[str]:
        counts = self.acme.twin.calls_by_credential.items()
        return Counter({actor: n for (actor, call), n in counts if call.endswith("/generate-jitconfig")})


def main() -> None:
    rounds = [ten_together() for _ in range(3)]
    last = [max(times) for times in rounds]
    print(
        f"ten claims together, GitHub at {LATENCY_SECONDS * 1000:.0f} ms an answer, 3 rounds on this machine:"
    )
    print(f"  the last of ten is answered after {', '.join(f'{seconds:.2f} s' for seconds in last)}")
    print(f"  a claim takes {median(chain.from_iterable(rounds)):.2f} s (median)")
    crowd = Crowd(CLAIMS, OWNERS)
    crowd.run()
    own = CLAIMS / WINDOW_LIMIT * WINDOW_SECONDS
    print(
        f"\n{CLAIMS:,} claims at once, {OWNERS} tokens of {OWNERS} owners, the twin keeping GitHub's limits:"
    )
    print(f"  {crowd.seconds:,.0f} s of model time; at 1,500 in 5 minutes they take {own:,.0f} s")
    print(
        f"  {crowd.seconds / own - 1:+.1%}, {crowd.tries:,} claims in all, {crowd.refused_by_limit} refused by GitHub"
    )
    print(f"  registrations by owner: {', '.join(f'{count:,}' for count in crowd.by_owner().values())}")


if __name__ == "__main__":
    main()
