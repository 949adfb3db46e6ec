"""A task's way from PENDING over RUNNING to STOPPED, as the agent reports it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.twin.aws.ecs.records import ContainerInstance, Task
from local.twin.aws.ecs.runtime import ContainerRuntime, TaskView
from local.twin.aws.ecs.state import EcsState
from local.twin.latency import Phase

#: Stopped tasks stay visible for at least an hour [ECS-STOPPED-VISIBLE].
STOPPED_VISIBLE_SECONDS = 3600.0


class TaskLifecycle:
    """Moves tasks along; what the agent must do or report waits while the agent is disconnected."""

    def __init__(self, state: EcsState, runtime: ContainerRuntime) -> None:
        self._state = state
        self._context = state.context
        self.runtime = runtime

    def launch(self, task: Task) -> None:
        """Reserve the task's room and set it on its way."""
        instance = task.instance
        instance.cpu_used += task.cpu
        instance.memory_used += task.memory
        instance.tasks[task.arn] = task
        task.cluster.add(task)
        self._state.tasks_by_id[task.task_id] = task
        self._state.task_changed(task)
        self._state.instance_changed(instance)
        self._after(Phase.PLACE, lambda: self._through_agent(instance, lambda: self._pull(task)))

    def stop(self, task: Task, reason: str, stop_code: str) -> None:
        """What StopTask does; a second stop changes nothing."""
        if task.desired_status == "STOPPED":
            return
        task.desired_status = "STOPPED"
        task.stop_code, task.stopped_reason = stop_code, reason
        task.moments["stoppingAt"] = self._context.now()
        self._state.task_changed(task)
        self._after(
            Phase.PLACE, lambda: self._through_agent(task.instance, lambda: self._stop_container(task))
        )

    def container_exited(self, task_arn: str, exit_code: int) -> None:
        """The essential container ended; unknown tasks and second reports are ignored."""
        task = self._state.tasks_by_id.get(task_arn.rsplit("/", 1)[-1])
        if task is None or _has_ended(task) or not task.instance.host_alive:
            return
        task.exit_code = exit_code
        task.moments["executionStoppedAt"] = self._context.now()
        task.desired_status = "STOPPED"
        if task.stop_code is None:
            task.stop_code = "EssentialContainerExited"
            task.stopped_reason = "Essential container in task exited"
            task.moments.setdefault("stoppingAt", self._context.now())
        self._report_stopped(task)

    def host_lost(self, task: Task, reason: str) -> None:
        """The host is gone: the container died with it, and ECS has just noticed."""
        self.runtime.stop(task.task_id, 0.0)
        task.desired_status = "STOPPED"
        task.stopped_reason = reason
        self._stopped(task)

    def _after(self, phase: Phase, action: Callable[[], None]) -> None:
        self._context.clock.schedule(self._context.delay(phase), action)

    def _through_agent(self, instance: ContainerInstance, action: Callable[[], None]) -> None:
        if not instance.host_alive:
            return
        if instance.agent_connected:
            action()
        else:
            instance.awaiting_agent.append(action)

    def _pull(self, task: Task) -> None:
        if task.desired_status == "STOPPED":
            return
        image, instance, clock = task.definition.essential["image"], task.instance, self._context.clock
        if image in instance.images:
            self._after(Phase.IMAGE_CACHED, lambda: self._create(task))
        elif self._context.behaviour.images_in_ami:
            instance.images.add(image)
            self._after(Phase.IMAGE_FIRST_TOUCH, lambda: self._create(task))
        else:
            # Pull times are recorded only where a pull was needed [ECS-PULL-TIMES].
            seconds = self._context.delay(Phase.IMAGE_PULL)
            task.moments["pullStartedAt"] = clock.now()
            task.moments["pullStoppedAt"] = clock.now() + seconds
            instance.images.add(image)
            clock.schedule(seconds, lambda: self._create(task))

    def _create(self, task: Task) -> None:
        self._after(Phase.CONTAINER_START, lambda: self._start(task))

    def _start(self, task: Task) -> None:
        if task.desired_status == "STOPPED" or not task.instance.host_alive:
            return
        planned = self._state.planned_start_failures
        reason = planned.popleft() if planned else self._state.start_failure()
        if reason is not None:
            self._fail_to_start(task, reason)
            return
        task.moments["startedAt"] = self._context.now()
        self._through_agent(task.instance, lambda: self._report_running(task))
        self.runtime.start(view_for_runtime(task))

    def _fail_to_start(self, task: Task, reason: str) -> None:
        """End a task whose container never ran, for its image as a rule [ECS-PULL-FAILS]."""
        task.stop_code, task.stopped_reason = "TaskFailedToStart", reason
        task.container_reason = reason
        task.desired_status = "STOPPED"
        self._report_stopped(task)

    def _report_running(self, task: Task) -> None:
        if task.last_status == "PENDING":
            task.last_status = "RUNNING"
            self._state.task_changed(task)
            self._state.instance_changed(task.instance)

    def _stop_container(self, task: Task) -> None:
        if _has_ended(task):
            return
        if "startedAt" not in task.moments:
            self._report_stopped(task)
            return
        # A container that says nothing of stopTimeout gets the agent's default [ECS-STOP-TIMEOUT].
        grace = float(task.definition.essential.get("stopTimeout", task.instance.stop_timeout_seconds))
        self._context.clock.schedule(grace, lambda: self._kill(task))
        self.runtime.stop(task.task_id, grace)

    def _kill(self, task: Task) -> None:
        if not _has_ended(task):
            self.runtime.stop(task.task_id, 0.0)
            self.container_exited(task.arn, 137)

    def _report_stopped(self, task: Task) -> None:
        self._after(
            Phase.STOP_REPORT, lambda: self._through_agent(task.instance, lambda: self._stopped(task))
        )

    def _stopped(self, task: Task) -> None:
        if task.last_status == "STOPPED":
            return
        instance = task.instance
        task.last_status = "STOPPED"
        task.moments["stoppedAt"] = self._context.now()
        instance.cpu_used -= task.cpu
        instance.memory_used -= task.memory
        del instance.tasks[task.arn]
        self._state.task_changed(task)
        self._state.instance_changed(instance)
        self._context.clock.schedule(STOPPED_VISIBLE_SECONDS, lambda: self._forget(task))

    def _forget(self, task: Task) -> None:
        task.cluster.tasks.pop(task.arn, None)
        task.cluster.seen_stopped(task)
        self._state.tasks_by_id.pop(task.task_id, None)


def _has_ended(task: Task) -> bool:
    return task.last_status == "STOPPED" or "executionStoppedAt" in task.moments


def view_for_runtime(task: Task) -> TaskView:
    """The essential container of a task with its overrides applied."""
    container = task.definition.essential
    overrides = task.overrides.get("containerOverrides", [])
    override: dict[str, Any] = next((o for o in overrides if o.get("name") == container["name"]), {})
    pairs = [*container.get("environment", []), *override.get("environment", [])]
    return TaskView(
        task_arn=task.arn,
        task_id=task.task_id,
        cluster=task.cluster.name,
        family=task.definition.family,
        container_name=container["name"],
        image=container["image"],
        command=tuple(override.get("command", container.get("command", ()))),
        environment={pair["name"]: pair["value"] for pair in pairs},
        task_role_arn=task_role(task),
        ec2_instance_id=task.instance.ec2_instance_id,
        cpu_units=task.cpu,
        memory_mib=task.memory,
        started_by=task.started_by,
    )


def task_role(task: Task) -> str | None:
    """The role ARN whose credentials the task gets; an override wins."""
    role = task.overrides.get("taskRoleArn") or task.definition.request.get("taskRoleArn")
    return None if role is None else str(role)
