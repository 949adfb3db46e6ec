"""The runner's side: sessions, long polls for a job, its end [RUNNER-BROKER-FLOW].

The paths are the twin's own; the order of calls, the credentials and the refusals are the real
listener's. A listener opens a session with the credentials of its JIT config, polls for a message,
acquires the job, asks whether its work is over and finishes it.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.twin.clock import Scheduled
from local.twin.github.jitconfig import assertion
from local.twin.github.jobs import Jobs
from local.twin.github.model import Runner, WorkflowJob
from local.twin.github.registry import Registry
from local.twin.github.routing import Router
from local.twin.github.state import World
from local.twin.github.wire import Pending, Request, Response, json_response

PREFIX = "/_twin/broker"
_SESSIONS = f"{PREFIX}/sessions"
_SESSION = re.compile(PREFIX + r"/sessions/(?P<id>[0-9a-f-]+)(?:/(?P<call>message|acquire|job|finish))?")


@dataclass(slots=True, eq=False)
class Session:
    """A connected listener. ``poll`` is its open request, ``work_ends_at`` the end of its job's work."""

    id: str
    runner: Runner
    token: str
    poll: Pending | None = None
    poll_ends: Scheduled | None = None
    work_ends_at: float | None = None
    last_contact: float = 0.0
    silent_at: float = 0.0
    watchdog: Scheduled | None = None


class Broker:
    """Serves listeners, and notices those which went silent."""

    def __init__(self, world: World, jobs: Jobs, registry: Registry, router: Router) -> None:
        self._world = world
        self._jobs = jobs
        self._registry = registry
        self._router = router
        self._sessions: dict[str, Session] = {}
        self._of_runner: dict[int, Session] = {}
        self._calls: dict[tuple[str, str | None], Callable[[Session, dict[str, Any]], Response | Pending]] = {
            ("GET", "message"): lambda session, _: self._message(session),
            ("POST", "acquire"): self._acquire,
            ("GET", "job"): lambda session, _: self._job(session),
            ("POST", "finish"): self._finish,
            ("DELETE", None): lambda session, _: self._leave(session),
        }
        router.assigned = self._wake
        registry.removed = self._registration_removed
        jobs.listeners.cancelled_while_running = self._cancel

    def handle(self, request: Request) -> Response | Pending:
        """Answer one request below ``PREFIX``; long polls come back pending."""
        return self.answer(request.method, request.path, request.bearer or "", _content(request))

    def answer(self, method: str, path: str, token: str, content: dict[str, Any]) -> Response | Pending:
        """Answer one request with the token that its caller shows."""
        if path == _SESSIONS:
            return self._open(token, content) if method == "POST" else _refusal(404, "no such session")
        match = _SESSION.fullmatch(path)
        session = self._sessions.get(match["id"]) if match else None
        call = self._calls.get((method, match["call"])) if match else None
        if session is None or call is None:
            return _refusal(404, "no such session")
        if not hmac.compare_digest(session.token, token):
            return _refusal(401, "invalid_token")
        self._contact(session)
        return call(session, content)

    def _open(self, token: str, content: dict[str, Any]) -> Response:
        runner = self._registry.by_client(token.partition(".")[0])
        if runner is None or not hmac.compare_digest(assertion(runner.client_id, runner.secret), token):
            return _refusal(401, "invalid_client")
        if runner.online:
            return _refusal(409, "a session for this runner exists")  # [RUNNER-SESSION-CONFLICT]
        if runner.job_id is not None and self._jobs.by_id[runner.job_id].status != "queued":
            return _refusal(401, "invalid_client")  # its one job is running: these credentials are used up
        agent = content.get("agent", {})
        runner.version, runner.os = agent.get("version"), agent.get("os", "Linux")
        if runner.id in self._of_runner:
            self._close(self._of_runner[runner.id])  # of a listener that died
        session = Session(self._world.new_guid(), runner, self._world.new_guid())
        self._sessions[session.id] = self._of_runner[runner.id] = session
        self._contact(session)
        return json_response(201, {"sessionId": session.id, "accessToken": session.token})

    def _message(self, session: Session) -> Response | Pending:
        pending = self._hold(session, Response(202))
        self._router.runner_listens(session.runner)
        self._wake(session.runner)
        return pending.response or pending

    def _wake(self, runner: Runner) -> None:
        session = self._of_runner.get(runner.id)
        if session and session.poll and runner.job_id is not None and session.work_ends_at is None:
            message = {"messageType": "RunnerJobRequest", "jobId": runner.job_id}
            session.poll.answer(json_response(200, message))

    def _acquire(self, session: Session, content: dict[str, Any]) -> Response:
        runner = session.runner
        job = self._jobs.by_id.get(runner.job_id or 0)
        if job is None or job.status != "queued" or content.get("jobId") != job.id:
            return _refusal(404, "job not found")
        self._jobs.start(job, runner.identity)
        session.work_ends_at = self._world.clock.now() + job.request.duration_seconds
        self._world.clock.schedule(job.request.duration_seconds, lambda: self._report(session, job))
        return json_response(200, {"jobId": job.id, "environment": _environment(self._world, job, runner)})

    def _job(self, session: Session) -> Response | Pending:
        job = self._jobs.by_id.get(session.runner.job_id or 0)
        if job is None or session.work_ends_at is None:
            return _refusal(404, "this session runs no job")
        pending = self._hold(session, json_response(200, {"state": "running"}))
        self._report(session, job)
        return pending.response or pending

    def _report(self, session: Session, job: WorkflowJob) -> None:
        """Answer the listener's open question when its job's work is over or cancelled."""
        over = session.work_ends_at is not None and session.work_ends_at <= self._world.clock.now()
        if session.poll is None or not (over or job.cancel_requested):
            return
        conclusion = "cancelled" if job.cancel_requested else job.request.conclusion
        session.poll.answer(json_response(200, {"state": "over", "conclusion": conclusion}))

    def _finish(self, session: Session, content: dict[str, Any]) -> Response:
        job = self._jobs.by_id.get(session.runner.job_id or 0)
        conclusion = content.get("conclusion")
        if (
            job is None
            or session.work_ends_at is None
            or conclusion not in ("success", "failure", "cancelled")
        ):
            return _refusal(404, "this session runs no such job")
        self._end(session.runner, job, conclusion)
        return json_response(200, {})

    def _leave(self, session: Session) -> Response:
        self._close(session)
        return Response(204)

    def _cancel(self, job: WorkflowJob) -> None:
        runner = self._registry.by_id.get(job.assigned_to or 0)
        session = self._of_runner.get(runner.id) if runner else None
        if session is not None:
            self._report(session, job)
        if runner is not None:
            owner = runner
            self._world.clock.schedule(
                self._world.timers.cancel_grace, lambda: self._end(owner, job, "cancelled")
            )

    def _end(self, runner: Runner, job: WorkflowJob, conclusion: str) -> None:
        """The job is over, and with it its ephemeral runner's registration [GH-RUNNER-EPHEMERAL-REMOVED]."""
        if job.status != "in_progress":
            return
        self._jobs.complete(job, conclusion)
        runner.job_id = None
        runner.busy_changes.append((self._world.clock.now(), False))
        self._registry.remove(runner)

    def _registration_removed(self, runner: Runner) -> None:
        self._router.runner_left(runner)
        session = self._of_runner.get(runner.id)
        if session is not None:
            self._close(session)

    def _close(self, session: Session) -> None:
        """End a session; a poll that is still open hears that the registration is gone."""
        runner = session.runner
        self._sessions.pop(session.id, None)
        self._of_runner.pop(runner.id, None)
        if session.watchdog is not None:
            session.watchdog.cancel()
        if session.poll is not None:
            session.poll.answer(_refusal(404, "no such session"))
        self._fall_silent(session)

    def _fall_silent(self, session: Session) -> None:
        """Nothing was heard for a while: the runner is offline, and its job lost if that lasts."""
        runner, heard = session.runner, session.last_contact
        runner.online = False
        self._router.runner_left(runner)
        self._registry.expire_unless_connected(runner)
        job = self._jobs.by_id.get(runner.job_id or 0)
        if job is None or job.status != "in_progress":
            return

        def fail_unless_heard() -> None:
            if session.last_contact == heard:
                self._end(runner, job, "failure")  # [RUNNER-LOST-10M]

        delay = max(0.0, heard + self._world.timers.lost_communication - self._world.clock.now())
        self._world.clock.schedule(delay, fail_unless_heard)

    def _hold(self, session: Session, otherwise: Response) -> Pending:
        """Open a long poll that answers ``otherwise`` when nothing happens [RUNNER-LONG-POLL].

        Who would only ask the same again is spared the answer and the question: it is in contact all the same.
        """
        if session.poll is not None:
            session.poll.answer(_refusal(409, "a newer poll took over"))
        pending = session.poll = Pending()
        self._contact(session)
        clock, seconds = self._world.clock, self._world.timers.long_poll

        def time_out() -> None:
            if pending.asks_again():
                self._contact(session)
                session.poll_ends = clock.schedule(seconds, time_out)
            else:
                pending.answer(otherwise)

        session.poll_ends = clock.schedule(seconds, time_out)

        def answered(_: Response) -> None:
            if session.poll_ends is not None:
                session.poll_ends.cancel()
            if session.poll is pending:
                session.poll = None
                self._contact(session)

        pending.when_answered(answered)
        return pending

    def _contact(self, session: Session) -> None:
        """The listener is alive: put off the moment at which it counts as offline."""
        if session.id not in self._sessions:
            return
        timers, now = self._world.timers, self._world.clock.now()
        session.last_contact = now
        session.runner.online = True
        session.silent_at = now + timers.offline_after + (timers.long_poll if session.poll else 0.0)
        if session.watchdog is None or session.watchdog.due > session.silent_at:
            self._watch(session)

    def _watch(self, session: Session) -> None:
        """Look at the moment at which it falls silent, unless it is heard of meanwhile: then look later."""

        def look() -> None:
            session.watchdog = None
            if self._world.clock.now() < session.silent_at:
                self._watch(session)
            else:
                self._fall_silent(session)

        if session.watchdog is not None:
            session.watchdog.cancel()
        session.watchdog = self._world.clock.schedule(session.silent_at - self._world.clock.now(), look)


def _environment(world: World, job: WorkflowJob, runner: Runner) -> dict[str, str]:
    """What job hooks find in their environment [RUNNER-HOOKS]."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": world.api_url,
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_JOB": job.request.name,
        "GITHUB_REPOSITORY": job.repository.full_name,
        "GITHUB_REPOSITORY_OWNER": job.repository.organization.login,
        "GITHUB_RUN_ATTEMPT": str(job.run_attempt),
        "GITHUB_RUN_ID": str(job.run_id),
        "GITHUB_SERVER_URL": world.url,
        "GITHUB_SHA": job.head_sha,
        "GITHUB_WORKFLOW": job.request.workflow_name,
        "RUNNER_ENVIRONMENT": "self-hosted",
        "RUNNER_NAME": runner.name,
    }


def _content(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        content = json.loads(request.body.decode())
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _refusal(status: int, error: str) -> Response:
    return json_response(status, {"error": error})
