"""Container instances: registered by their agent, connected a moment later, drained, lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.twin.aws.ecs.records import ContainerInstance
from local.twin.aws.ecs.state import EcsState
from local.twin.aws.ecs.tasks import TaskLifecycle
from local.twin.latency import Phase


@dataclass(frozen=True, slots=True)
class Registration:
    """What an agent tells ECS when it first registers. CPU in units, memory in MiB as ECS will count it.

    `gpus` is how many the instance has; their ids are drawn here.
    """

    cluster: str
    ec2_instance_id: str
    attributes: Mapping[str, str]
    cpu: int
    memory: int
    gpus: int = 0
    stop_timeout_seconds: float = 30.0


class InstanceRegistry:
    """Agents and what ECS believes of them, by EC2 instance id."""

    def __init__(self, state: EcsState, lifecycle: TaskLifecycle) -> None:
        self._state = state
        self._context = state.context
        self._lifecycle = lifecycle
        self._by_ec2_id: dict[str, ContainerInstance] = {}
        #: Asked at each registration: by how many seconds more the agent connects late [ECS-AGENT-REGISTERS-FIRST].
        self.connects_late: Callable[[], float] = lambda: 0.0

    def by_ec2_id(self, ec2_instance_id: str) -> ContainerInstance | None:
        return self._by_ec2_id.get(ec2_instance_id)

    def register(self, registration: Registration) -> ContainerInstance | None:
        """Add the instance ACTIVE but not yet connected [ECS-AGENT-REGISTERS-FIRST].

        An agent whose cluster does not exist cannot register and stays away: answers None. An agent
        that was registered before keeps its ARN [ECS-STOPPED-HOST-ACTIVE].
        """
        known = self._by_ec2_id.get(registration.ec2_instance_id)
        if known is None or known.status == "INACTIVE":
            cluster = self._state.clusters.get(registration.cluster)
            if cluster is None:
                return None
            known = ContainerInstance(
                arn=self._state.arn(f"container-instance/{cluster.name}/{self._context.ids.hex(32)}"),
                cluster=cluster,
                ec2_instance_id=registration.ec2_instance_id,
                attributes=dict(registration.attributes),
                cpu=registration.cpu,
                memory=registration.memory,
                gpus=tuple(f"GPU-{self._context.ids.uuid()}" for _ in range(registration.gpus)),
                registered_at=self._context.now(),
                history=self._state.history(),
                stop_timeout_seconds=registration.stop_timeout_seconds,
            )
            cluster.instances[known.arn] = known
            self._by_ec2_id[registration.ec2_instance_id] = known
            self._state.instance_changed(known)
        known.host_alive = True
        self._connect_later(known, Phase.REGISTERED_TO_CONNECTED, self.connects_late())
        return known

    def set_connected(self, instance: ContainerInstance, connected: bool) -> None:
        """The agent's control channel opens or closes; what waited for the agent then happens."""
        if instance.agent_connected == connected or instance.status == "INACTIVE":
            return
        instance.agent_connected = connected
        self._state.instance_changed(instance)
        waiting, instance.awaiting_agent = (
            (instance.awaiting_agent, []) if connected else ([], instance.awaiting_agent)
        )
        for action in waiting:
            action()

    def blip(self, instance: ContainerInstance) -> None:
        """The agent goes away for a while and comes back, as healthy agents do [ECS-AGENT-RECONNECTS]."""
        self.set_connected(instance, False)
        self._connect_later(instance, Phase.AGENT_AWAY)

    def set_status(self, instance: ContainerInstance, status: str) -> None:
        """ACTIVE or DRAINING; tasks are left alone [ECS-DRAINING]."""
        if instance.status != status:
            instance.status = status
            self._state.instance_changed(instance)

    def lose_host(self, ec2_instance_id: str, verb: str) -> None:
        """ECS notices that the host was `terminated` or `stopped`: its tasks are over."""
        instance = self._by_ec2_id.get(ec2_instance_id)
        if instance is None:
            return
        instance.awaiting_agent.clear()
        reason = f"Host EC2 (instance {ec2_instance_id}) {verb}."
        for task in list(instance.tasks.values()):
            self._lifecycle.host_lost(task, reason)
        self.set_connected(instance, False)
        if verb == "terminated":
            del self._by_ec2_id[ec2_instance_id]
            if instance.status != "INACTIVE":
                self.deregister(instance)

    def deregister(self, instance: ContainerInstance) -> None:
        """Remove the instance; tasks still on it go on until their host is gone."""
        instance.status = "INACTIVE"
        instance.agent_connected = False
        instance.cluster.instances.pop(instance.arn, None)
        self._state.instance_changed(instance)

    def kill_containers(self, ec2_instance_id: str) -> None:
        """The machine is off: containers stop now, although ECS learns of it later."""
        instance = self._by_ec2_id.get(ec2_instance_id)
        if instance is None:
            return
        instance.host_alive = False
        for task in list(instance.tasks.values()):
            self._lifecycle.runtime.stop(task.task_id, 0.0)

    def _connect_later(self, instance: ContainerInstance, phase: Phase, late_seconds: float = 0.0) -> None:
        delay = self._context.delay(phase) + late_seconds
        self._context.clock.schedule(delay, lambda: self._connect(instance))

    def _connect(self, instance: ContainerInstance) -> None:
        if not instance.host_alive:
            return
        self.set_connected(instance, True)
        rate = self._context.behaviour.agent_disconnects_per_hour
        if rate > 0 and instance.status != "INACTIVE":
            until = self._context.rng.expovariate(rate / 3600.0)
            self._context.clock.schedule(until, lambda: self._blip_if_alive(instance))

    def _blip_if_alive(self, instance: ContainerInstance) -> None:
        if instance.agent_connected:
            self.blip(instance)
