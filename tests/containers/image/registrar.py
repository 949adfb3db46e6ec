"""The claim API with the real registrar behind it: a signature names a task, as API Gateway's authorizer would."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from tests.integration.functions.stage import Stage, claim_event, role_arn
from tests.integration.runner_image.loopback import (
    Answer,
    ClaimApi,
    Received,
    credentials_answer,
    signature_is_valid,
)


@dataclass(slots=True)
class Registrar(ClaimApi):
    """Gives each task its own credentials, and asks the stage's registrar what their holder is answered."""

    stage: Stage = field(kw_only=True)
    answered: list[tuple[str, str, int]] = field(default_factory=list)  # task, route, status
    _lock: Lock = field(default_factory=Lock)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if method == "GET":
            return credentials_answer(token=f"token-{path.rpartition('/')[2]}")
        valid = signature_is_valid(method, f"http://{headers['host']}{path}", headers, body)
        self.received.append(Received(method, path, headers, body, valid))
        if not valid:
            return Answer(403, {"message": "no signature of a task"})
        task = headers["x-amz-security-token"].removeprefix("token-")
        with self._lock:
            reply = self.stage.invoke("registrar", claim_event(role_arn(task), path))
            self.answered.append((task, path.rpartition("/")[2], reply["statusCode"]))
        return Answer(
            reply["statusCode"],
            reply["body"].encode() if reply.get("body") else b"",
            retry_after=reply["headers"].get("retry-after"),
        )

    def statuses(self, task: str, route: str = "claim") -> list[int]:
        return [status for asked_by, asked, status in self.answered if (asked_by, asked) == (task, route)]
