"""What the tests of capacity in the loop share: pools, and what is in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from local.twin.aws.ecs.records import ContainerInstance
from slipway.domain.configuration import Configuration
from slipway.domain.instances import Instance, InstanceState
from slipway.domain.reasons import Why
from tests.support.loop import Acme, a_configuration

BIG = ["slipway/medium/cpu=8/memory=28GiB"]  # two an instance


def with_pool(**changes: Any) -> Configuration:
    """Return the usual configuration with another general pool."""
    configuration = a_configuration()
    pool = replace(configuration.pools["general"], **changes)
    return replace(configuration, pools={**configuration.pools, "general": pool})


def instances(deployment: Acme) -> list[Instance]:
    """The instances in the ledger."""
    return list(deployment.loop.ledger.snapshots.read("general", deployment.clock.now()).instances)


def states(deployment: Acme) -> list[str]:
    """Their states."""
    return sorted(instance.state.value for instance in instances(deployment))


def stopped(deployment: Acme) -> list[Instance]:
    """Those of the stopped tier that are there to be started."""
    return [instance for instance in instances(deployment) if instance.state is InstanceState.STOPPED]


def reasons(deployment: Acme) -> set[Why]:
    """Why jobs wait, by a convergence of now."""
    done = deployment.loop.scale.converge("general", "test", has_time=lambda: True)
    return {reason.code for reason in done.plans[-1].reasons.values()}


def the_host(deployment: Acme) -> ContainerInstance:
    """The only host, as ECS truly has it."""
    (only,) = deployment.loop.aws.ec2.live_instances()
    host = deployment.loop.aws.ecs.registry.by_ec2_id(only.instance_id)
    assert host is not None
    return host
