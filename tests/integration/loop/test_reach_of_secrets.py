"""Which function reads which credential: the personal token is for registrar and reaper alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from slipway.domain.configuration import Registration
from tests.integration.loop.scenes import when
from tests.support.loop import APP_ARN, TOKEN_ARN, Acme, a_configuration, acme

WEBHOOK_ARN = "arn:webhook"


class Watched(dict[str, str]):
    """Secrets that remember which function read them."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.running = "nobody"
        self.reads: set[tuple[str, str]] = set()

    def __getitem__(self, arn: str) -> str:
        self.reads.add((arn, self.running))
        return super().__getitem__(arn)

    def function(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def invoke(*arguments: Any) -> Any:
            before, self.running = self.running, name
            try:
                return work(*arguments)
            finally:
                self.running = before

        return invoke

    def readers(self, arn: str) -> set[str]:
        return {reader for read, reader in self.reads if read == arn}


def watched(registration: Registration, monkeypatch: pytest.MonkeyPatch) -> tuple[Acme, Watched]:
    deployment = acme(a_configuration(registration, rerun_interrupted=1))
    loop = deployment.loop
    secrets = Watched(loop.held.values)
    object.__setattr__(loop.held, "values", secrets)
    for name, function in loop.functions.items():
        monkeypatch.setattr(function, "invoke", secrets.function(name, function.invoke))
    return deployment, secrets


def eventful_life(deployment: Acme) -> None:
    """Jobs done, a delivery that failed, an idle runner, a lost host, an orphan: every function has work."""
    faults = deployment.github.deliveries.faults
    jobs = [deployment.queue(f"{login}/web", seconds=60.0) for login in ("alpha", "beta")]
    faults.failed = 1.0
    late = deployment.queue("gamma/web", seconds=5.0)
    deployment.clock.advance(5.0)
    faults.failed = 0.0
    when(deployment, lambda: all(job.status == "in_progress" for job in jobs))
    cancelled = deployment.queue("alpha/api", seconds=5.0)
    deployment.clock.advance(2.0)
    deployment.github.jobs.cancel(cancelled.id, announced=False)
    deployment.clock.advance(5.0)
    for instance in deployment.loop.aws.ec2.live_instances():
        deployment.loop.aws.ec2.interrupt_spot(instance.instance_id)
    assert deployment.until_completed(*jobs, late, limit_seconds=1_800.0)
    deployment.clock.advance(1_800.0)


@pytest.mark.parametrize("registration", list(Registration))
def test_only_registrar_and_reaper_read_pat(
    registration: Registration, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, secrets = watched(registration, monkeypatch)
    eventful_life(deployment)
    is_enterprise = registration is Registration.ENTERPRISE
    assert secrets.readers(TOKEN_ARN) == ({"registrar", "reaper"} if is_enterprise else set())
    # Here they share the memory in which the App's token is kept: whoever needs it first reads the key.
    assert set() < secrets.readers(APP_ARN) <= {"registrar", "reaper", "redelivery"}
    assert secrets.readers(WEBHOOK_ARN) == {"webhook"}


def test_the_scaler_reads_no_secret_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    deployment, secrets = watched(Registration.ENTERPRISE, monkeypatch)
    eventful_life(deployment)
    assert secrets.reads
    assert not any(reader in ("scaler", "nobody") for _, reader in secrets.reads)
