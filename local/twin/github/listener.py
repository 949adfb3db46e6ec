"""A listener on the virtual clock: what a container does once it holds a JIT config, without a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.twin.github.broker import PREFIX
from local.twin.github.jitconfig import assertion_of
from local.twin.github.twin import GitHubTwin
from local.twin.github.wire import Pending, Response

RUNNER_VERSION = "2.336.0"


class VirtualListener:
    """Runs one job of its registration, then calls ``exited`` with the exit code of the real listener.

    ``job_started`` is called when a job is taken, as the job-started hook would be. ``kill`` is a power
    cut; ``shut_down`` a SIGINT or SIGTERM [RUNNER-SIGNALS].
    """

    def __init__(
        self,
        twin: GitHubTwin,
        jit_config: str,
        exited: Callable[[int], None],
        job_started: Callable[[dict[str, str]], None] = lambda _: None,
    ) -> None:
        self._twin = twin
        self._exited = exited
        self._job_started = job_started
        self._alive = True
        self._path = f"{PREFIX}/sessions"
        self._token = ""
        self.busy = False
        self._begin(jit_config)

    def kill(self) -> None:
        """Stop at once and say nothing; GitHub notices by silence [RUNNER-LOST-10M]."""
        self._alive = False

    def shut_down(self) -> None:
        """Leave politely: a running job fails at once [RUNNER-SIGNALS]."""
        if not self._alive:
            return
        if self.busy:
            self._call("POST", "/finish", {"conclusion": "failure"})
        else:
            self._call("DELETE", "")
        self._exit(0)

    def _begin(self, jit_config: str) -> None:
        try:
            self._token = assertion_of(jit_config)
        except (ValueError, KeyError, TypeError):
            self._exit(1)
            return
        opened = self._call("POST", "", {"agent": {"version": RUNNER_VERSION, "os": "Linux"}})
        if opened.status != 201:
            self._exit({409: 5}.get(opened.status, 1))
            return
        session = opened.json()
        self._token = session["accessToken"]
        self._path = f"{PREFIX}/sessions/{session['sessionId']}"
        self._poll("/message", self._message)

    def _message(self, response: Response) -> None:
        if response.status == 404:
            self._exit(0)  # the registration is gone [RUNNER-REGISTRATION-DELETED]
        elif response.status == 202:
            self._poll("/message", self._message)
        else:
            self._take(response.json()["jobId"])

    def _take(self, job_id: int) -> None:
        acquired = self._call("POST", "/acquire", {"jobId": job_id})
        if acquired.status != 200:
            self._poll("/message", self._message)
            return
        self.busy = True
        self._job_started(acquired.json()["environment"])
        self._poll("/job", self._job)

    def _job(self, response: Response) -> None:
        told = response.json() if response.status == 200 else {}
        if told.get("state") == "over":
            self._call("POST", "/finish", {"conclusion": told["conclusion"]})
        elif told:
            self._poll("/job", self._job)
            return
        self._exit(0)

    def _poll(self, call: str, answered: Callable[[Response], None]) -> None:
        def unless_dead(response: Response) -> None:
            # On the clock, not in the caller's stack: GitHub answers in the midst of its own changes.
            self._twin.world.clock.schedule(0, lambda: answered(response) if self._alive else None)

        reply = self._send("GET", call, None)
        if isinstance(reply, Pending):
            if self.busy:  # a job of hours would ask every minute whether it is over
                reply.asks_again = lambda: self._alive
            reply.when_answered(unless_dead)
        else:
            unless_dead(reply)

    def _call(self, method: str, call: str, content: dict[str, Any] | None = None) -> Response:
        reply = self._send(method, call, content)
        if isinstance(reply, Pending):
            raise TypeError(f"{method} {call} is a long poll")
        return reply

    def _send(self, method: str, call: str, content: dict[str, Any] | None) -> Response | Pending:
        return self._twin.listen(method, self._path + call, self._token, content or {})

    def _exit(self, code: int) -> None:
        if self._alive:
            self._alive = False
            self.busy = False
            self._twin.world.clock.schedule(0, lambda: self._exited(code))
