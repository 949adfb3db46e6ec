"""The life of an instance: pending, running, its agent registers; stopped and started; interrupted; gone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum

from local.twin.aws.ec2.records import Instance
from local.twin.aws.ecs.instances import InstanceRegistry, Registration
from local.twin.aws.events import INSTANCE_CHANGE, REBALANCE, SPOT_WARNING, EventBus
from local.twin.aws.service import Context
from local.twin.latency import Phase

#: Terminated instances stay visible for about an hour [EC2-TERMINATED-VISIBLE].
TERMINATED_VISIBLE_SECONDS = 3600.0
SPOT_TERMINATION = (
    "Server.SpotInstanceTermination",
    "Server.SpotInstanceTermination: Spot instance termination",
)
USER_SHUTDOWN = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
INSTANCE_SHUTDOWN = (
    "Client.InstanceInitiatedShutdown",
    "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
)


class BootPlan(StrEnum):
    """What an instance does after its first boot.

    One that powers itself off stops, as is the default, and registers when it is started [EC2-POWER-OFF].
    """

    REGISTER = "register"
    NEVER_REGISTER = "never-register"
    POWER_OFF = "power-off"


class InstanceLifecycle:
    """Moves instances along; tells ECS's registry and EventBridge."""

    def __init__(self, context: Context, bus: EventBus, registry: InstanceRegistry) -> None:
        self._context = context
        self._bus = bus
        self._registry = registry
        self.instances: dict[str, Instance] = {}
        self.planned_boots: deque[BootPlan] = deque()
        #: What an instance does after its first boot, unless a boot was planned for it.
        self.boot_plan: Callable[[Instance], BootPlan] = self._drawn_plan

    def launch(self, instance: Instance) -> None:
        """Take the instance into the account and boot it."""
        self.instances[instance.instance_id] = instance
        self._to(instance, "pending")
        plan = self.planned_boots.popleft() if self.planned_boots else self.boot_plan(instance)
        delay = self._context.delay(Phase.CREATE_FLEET_CALL) + self._context.delay(Phase.PENDING_TO_RUNNING)
        self._later(instance, delay, lambda: self._running(instance, plan, Phase.RUNNING_TO_REGISTERED))
        if instance.market == "spot":
            self._plan_interruption(instance)

    def start(self, instance: Instance) -> None:
        """stopped → pending → running; the agent comes back by itself, or registers for the first time.

        ECS notices the stop at the latest now [ECS-STOPPED-HOST-ACTIVE]: a notice that is still to come
        would end the tasks of the new boot.
        """
        instance.cancel_timers()
        self._registry.lose_host(instance.instance_id, "stopped")
        self._to(instance, "pending")
        self._later(
            instance,
            self._context.delay(Phase.PENDING_TO_RUNNING),
            lambda: self._running(instance, BootPlan.REGISTER, Phase.START_TO_REGISTERED),
        )

    def stop(self, instance: Instance, reason: tuple[str, str] = USER_SHUTDOWN) -> None:
        """running → stopping → stopped; ECS notices minutes later [ECS-STOPPED-HOST-ACTIVE]."""
        self._power_off(instance, "stopping", reason)
        self._later(instance, self._context.delay(Phase.SHUTDOWN), lambda: self._to(instance, "stopped"))
        notice = self._context.delay(Phase.STOPPED_HOST_DISCONNECT)
        self._later(instance, notice, lambda: self._registry.lose_host(instance.instance_id, "stopped"))

    def terminate(self, instance: Instance, reason: tuple[str, str] = USER_SHUTDOWN) -> None:
        """Any state → shutting-down → terminated; repeating it changes nothing."""
        if instance.state in {"shutting-down", "terminated"}:
            return
        self._power_off(instance, "shutting-down", reason)
        self._later(instance, self._context.delay(Phase.SHUTDOWN), lambda: self._terminated(instance))

    def interrupt(self, instance: Instance) -> None:
        """Reclaim a Spot instance: the warning now, the end two minutes later [EC2-SPOT-NOTICE]."""
        if instance.market != "spot" or instance.state not in {"pending", "running"}:
            return
        arn = self._arn(instance)
        self._bus.publish(
            SPOT_WARNING, [arn], {"instance-id": instance.instance_id, "instance-action": "terminate"}
        )
        if instance.agent.drains_on_spot_notice:
            self._drain(instance)
        notice = self._context.delay(Phase.SPOT_NOTICE)
        self._later(instance, notice, lambda: self.terminate(instance, SPOT_TERMINATION))

    def recommend_rebalance(self, instance: Instance) -> None:
        """Emit the recommendation for a Spot instance; the instance goes on as before [EC2-REBALANCE]."""
        if instance.market == "spot" and instance.state in {"pending", "running"}:
            self._bus.publish(REBALANCE, [self._arn(instance)], {"instance-id": instance.instance_id})

    def _drawn_plan(self, _instance: Instance) -> BootPlan:
        is_lost = self._context.happens("never_register_rate")
        return BootPlan.NEVER_REGISTER if is_lost else BootPlan.REGISTER

    def _running(self, instance: Instance, plan: BootPlan, phase: Phase) -> None:
        self._to(instance, "running")
        delay = self._context.delay(phase)
        if plan is BootPlan.REGISTER:
            self._later(instance, delay, lambda: self._register(instance))
        elif plan is BootPlan.POWER_OFF:
            self._later(instance, delay, lambda: self.stop(instance, INSTANCE_SHUTDOWN))

    def _register(self, instance: Instance) -> None:
        shape, agent = instance.shape, instance.agent
        self._registry.register(
            Registration(
                cluster=agent.cluster,
                ec2_instance_id=instance.instance_id,
                attributes={
                    "ecs.ami-id": instance.image_id,
                    "ecs.availability-zone": instance.zone,
                    "ecs.cpu-architecture": shape.architecture,
                    "ecs.instance-type": shape.instance_type,
                    "ecs.os-type": "linux",
                    "ecs.subnet-id": instance.subnet_id,
                    "com.amazonaws.ecs.capability.task-iam-role": "",
                    **agent.attributes,
                },
                cpu=shape.vcpu * 1024,
                memory=shape.registered_memory(agent.reserved_memory_mib),
                gpus=shape.gpus,
                stop_timeout_seconds=agent.stop_timeout_seconds,
            )
        )

    def _drain(self, instance: Instance) -> None:
        member = self._registry.by_ec2_id(instance.instance_id)
        if member is not None:
            self._registry.set_status(member, "DRAINING")

    def _power_off(self, instance: Instance, state: str, reason: tuple[str, str]) -> None:
        instance.cancel_timers()
        self._registry.kill_containers(instance.instance_id)
        instance.state_reason = reason
        instance.transition_reason = f"{reason[1].split(': ')[-1]}"
        self._to(instance, state)

    def _terminated(self, instance: Instance) -> None:
        self._to(instance, "terminated")
        notice = self._context.delay(Phase.DEREGISTER_AFTER_TERMINATE)
        self._later(instance, notice, lambda: self._registry.lose_host(instance.instance_id, "terminated"))
        self._context.clock.schedule(TERMINATED_VISIBLE_SECONDS, lambda: self._forget(instance))

    def _forget(self, instance: Instance) -> None:
        self.instances.pop(instance.instance_id, None)

    def _plan_interruption(self, instance: Instance) -> None:
        rate = self._context.behaviour.spot_interruptions_per_hour
        if rate > 0:
            delay = self._context.rng.expovariate(rate / 3600.0)
            self._later(instance, delay, lambda: self.interrupt(instance))

    def _to(self, instance: Instance, state: str) -> None:
        """Every change of state is readable and an event [EC2-STATE-EVENTS]."""
        instance.state = state
        instance.history.publish(instance.view())
        self._bus.publish(
            INSTANCE_CHANGE, [self._arn(instance)], {"instance-id": instance.instance_id, "state": state}
        )

    def _arn(self, instance: Instance) -> str:
        context = self._context
        return f"arn:aws:ec2:{context.region}:{context.account_id}:instance/{instance.instance_id}"

    def _later(self, instance: Instance, delay: float, action: Callable[[], None]) -> None:
        instance.timers.append(self._context.clock.schedule(delay, action))
