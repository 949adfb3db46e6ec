"""The story of a job, told from the evidence: what happened when, and one sentence that answers the question. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from local.explain.evidence import Evidence, Finder, Try
from local.explain.refusals import Refusal
from local.reports.waits import ROBBED, Wait, robber
from local.words import amount, iso, span, told
from slipway.domain.jobs import JobState
from slipway.domain.reasons import Reason
from slipway.domain.usage import InstanceUsage, RunnerUsage


class Ending(StrEnum):
    """How a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its instance was taken away while it ran
    REFUSED = "refused"  # no profile serves it, or a rule keeps it out
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened at a time (epoch seconds): a code for programs, words for people."""

    at: float
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Story:
    """One try of a job. ``answer`` is the sentence that whoever asks wants; ``was_robbed`` says that another job was
    given a runner made for this one. ``wait`` is what its wait was made of, once it has completed."""

    job: str
    repository: str
    ending: Ending
    answer: str
    moments: tuple[Moment, ...]
    was_robbed: bool = False
    wait: Wait | None = None


def stories(evidence: Evidence) -> tuple[Story, ...]:
    """Return the story of each try, the latest last; of a job that was never let in, that of its refusal."""
    if evidence.tries:
        return tuple(_of_try(found, evidence) for found in evidence.tries)
    if evidence.refusals:
        return (_refused(evidence),)
    return (_unknown(evidence),)


def _of_try(found: Try, evidence: Evidence) -> Story:
    ending = _ending(found)
    moments = sorted(
        {
            *_beginning(found, evidence),
            *_chapters(found),
            *_containers(found),
            *_running(found, evidence.now),
        },
        key=_order,
    )
    return Story(
        job=str(found.key),
        repository=found.record.repository,
        ending=ending,
        answer=_uninvited(found, evidence) + _answer(found, ending, evidence.now),
        moments=tuple(moments),
        was_robbed=any(robber(container, found.key) for container in found.containers),
        wait=found.wait,
    )


# GitHub tells whole seconds: what falls into one is told in the order in which it must have happened.
_ORDER = {
    code: rank
    for rank, code in enumerate(
        (
            "queued",
            "unheard",
            "refused",
            "heard",
            "instance",
            "instance_ready",
            "container",
            "container_running",
            "registered",
            "robbed",
            "container_ended",
            "started",
            "host_lost",
            "completed",
            "again",
        )
    )
}


def _order(moment: Moment) -> tuple[int, int, float, str]:
    return int(moment.at), _ORDER.get(moment.code, len(_ORDER)), moment.at, moment.words


def _ending(found: Try) -> Ending:
    record = found.record
    if record.state is JobState.QUEUED:
        return Ending.WAITING
    if record.state is JobState.IN_PROGRESS:
        return Ending.INTERRUPTED if _lost(found) else Ending.RUNNING
    if record.conclusion == "cancelled":
        return Ending.CANCELLED
    return Ending.INTERRUPTED if record.conclusion == "failure" and _lost(found) else Ending.COMPLETED


def _lost(found: Try) -> RunnerUsage | None:
    """Return the container of the job if it ended with its host, and before the job did."""
    own = found.own
    ended = found.record.completed_at
    if own is None or not own.lost_host:
        return None
    return own if ended is None or own.stopped_at <= ended else None


def _uninvited(found: Try, evidence: Evidence) -> str:
    """Return what to say first of a job that Slipway refused and that GitHub served all the same."""
    if found.record.heard_at is not None or not evidence.refusals or not found.record.runner_name:
        return ""
    made_for = found.own.made_for if found.own else None
    runner = f"a runner made for {made_for}" if made_for else "a runner of ours"
    return f"Slipway does not serve it ({evidence.refusals[-1].detail}), and GitHub gave it {runner}: "


def _beginning(found: Try, evidence: Evidence) -> Iterator[Moment]:
    record = found.record
    yield Moment(record.queued_at, "queued", f"GitHub queued it, in {record.repository}")
    if record.heard_at is not None:
        late = record.heard_at - record.queued_at
        yield Moment(
            record.heard_at,
            "heard",
            f"Slipway heard of it, {span(late)} later; pool {record.pool} serves it",
        )
        return
    yield from (Moment(one.at, "refused", words) for one, words in _refusals(evidence.refusals))
    if not evidence.refusals:
        yield Moment(record.queued_at, "unheard", "no webhook told of it while it waited")


def _chapters(found: Try) -> Iterator[Moment]:
    """Yield what held it up, as plans said when it changed."""
    for chapter in found.record.held:
        yield Moment(chapter.since, chapter.why.value, told(Reason(chapter.why, dict(chapter.parameters))))


def _containers(found: Try) -> Iterator[Moment]:
    for container in found.containers:
        task = container.task_id[:8]
        host = found.host_of(container)
        yield from _start_of(container, host)
        if container.claimed_at is not None and container.made_for == found.key:
            yield Moment(
                container.claimed_at, "registered", f"container {task} claimed it and was registered"
            )
        thief = robber(container, found.key)
        if thief is not None:
            yield Moment(
                container.busy_at or container.stopped_at,
                "robbed",
                f"GitHub gave the runner of container {task} to another job, {thief}: a runner goes to the oldest "
                "job that its group and labels allow",
            )
        elif found.own is not None and container is not found.own and container.made_for == found.key:
            why = container.why or "it ended"
            yield Moment(
                container.stopped_at, "container_ended", f"container {task} ended without a job: {why}"
            )


def _start_of(container: RunnerUsage, host: InstanceUsage | None) -> Iterator[Moment]:
    task = container.task_id[:8]
    size = amount(container.size.as_parameters())
    if host is not None:
        where = f"{host.instance_id} ({host.instance_type}, {host.market or 'stopped'})"
        yield Moment(host.launched_at, "instance", f"instance {where} was launched or started")
        if host.ready_at is not None:
            yield Moment(host.ready_at, "instance_ready", f"instance {host.instance_id} was ready")
    else:
        where = "an instance"
    yield Moment(container.started_at, "container", f"container {task} ({size}) was placed on {where}")
    if container.running_at is not None:
        yield Moment(container.running_at, "container_running", f"container {task} was up")


def _running(found: Try, now: float) -> Iterator[Moment]:
    record = found.record
    if found.reason is not None:
        yield Moment(now, found.reason.code.value, f"now it waits: {told(found.reason)}")
    if record.started_at is not None and record.runner_name and record.state is not JobState.QUEUED:
        yield Moment(record.started_at, "started", f"GitHub gave it to runner {record.runner_name}")
    lost = _lost(found)
    if lost is not None:
        yield Moment(lost.stopped_at, "host_lost", f"its instance was taken away: {lost.why}")
    if record.completed_at is not None:
        yield Moment(record.completed_at, "completed", f"GitHub says it ended: {record.conclusion}")
    if found.again is not None:
        yield Moment(
            found.again.queued_at,
            "again",
            f"it was run again, as {found.again.job}: {found.again.conclusion}",
        )


def _answer(found: Try, ending: Ending, now: float) -> str:
    record = found.record
    match ending:
        case Ending.WAITING:
            waited = span(now - record.queued_at)
            why = told(found.reason) if found.reason else "the next plan decides"
            return f"it has waited {waited}: {why}"
        case Ending.RUNNING:
            since = "" if record.started_at is None else f" since {iso(record.started_at)}"
            return f"it runs{since}, after {_waited(found)}"
        case Ending.CANCELLED:
            if record.started_at is None or not record.runner_name:
                return "it was cancelled before it had a runner"
            return f"it was cancelled while it ran, after {_waited(found)}"
        case Ending.INTERRUPTED:
            again = f"; it was run again as {found.again.job}" if found.again else ""
            return f"its instance was taken away while it ran{again}"
        case _:
            return f"it ended with {record.conclusion}, after {_waited(found)}"


def _waited(found: Try) -> str:
    record = found.record
    if record.started_at is None:
        return "a wait that is not known"
    parts = dict(found.wait.held_by) if found.wait else {}
    robbed = parts.pop(ROBBED, 0.0)
    why, part = max(parts.items(), key=lambda item: item[1], default=("", 0.0))
    mostly = f", {span(part)} of it for {why}{_in_words(found, why)}" if why else ""
    thieves = [str(thief) for container in found.containers if (thief := robber(container, found.key))]
    also = f", {span(robbed)} because GitHub gave its runner to another job ({', '.join(thieves)})"
    return f"a wait of {span(record.started_at - record.queued_at)}{mostly}{also if thieves else ''}"


def _in_words(found: Try, why: str) -> str:
    """Return what a reason said when it last began."""
    chapter = next((one for one in reversed(found.record.held) if one.why.value == why), None)
    return f" ({told(Reason(chapter.why, dict(chapter.parameters)))})" if chapter else ""


def _refused(evidence: Evidence) -> Story:
    last = evidence.refusals[-1]
    return Story(
        job=str(evidence.job_id),
        repository=last.repository,
        ending=Ending.REFUSED,
        answer=f"Slipway does not serve it: {_refusal_words(last)}",
        moments=tuple(Moment(one.at, one.reason, words) for one, words in _refusals(evidence.refusals)),
    )


def _refusals(refusals: Sequence[Refusal]) -> Iterator[tuple[Refusal, str]]:
    """Yield each event that was refused once, however often it was sent, with words; what all say is said once."""
    events, told_before = set[tuple[str, str]](), set[str]()
    for one in sorted(refusals, key=lambda refusal: refusal.at):
        words = _refusal_words(one)
        if (one.action, words) not in events:
            yield one, f"{one.action}: {'the same' if words in told_before else words}"
        events.add((one.action, words))
        told_before.add(words)


def _refusal_words(refusal: Refusal) -> str:
    labels = f"; its labels are {', '.join(refusal.labels)}" if refusal.labels else ""
    nearest = f"; the nearest profile is {refusal.nearest}" if refusal.nearest else ""
    return f"{refusal.detail}{labels}{nearest}"


_LOST = {
    Finder.SWEEP: "the sweep finds one whose webhook is lost",
    Finder.REDELIVERY: "one whose delivery to the App's or an organization's hook failed is sent again within minutes; "
    "one that was lost otherwise stays unknown, for there is no sweep",
    Finder.NOBODY: "one whose webhook is lost stays unknown, for there is no GitHub App",
}


def _unknown(evidence: Evidence) -> Story:
    near = f" Known are {', '.join(evidence.near)}." if evidence.near else ""
    return Story(
        job=str(evidence.job_id),
        repository="",
        ending=Ending.UNKNOWN,
        answer=(
            f"nothing is known of job {evidence.job_id}.{near} A job id is the last number of a job's address at "
            "GitHub, not its run's. A job may be unknown because its webhook has not come yet "
            f"({_LOST[evidence.finds_lost]}: docs/repair.md), because it is older than eight days, or because it is "
            "another deployment's"
        ),
        moments=(),
    )
