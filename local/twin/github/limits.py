"""Rate limits: the primary one per hour and credential, the secondary one per minute and endpoint."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from local.twin.github.credentials import Actor
from local.twin.github.wire import Response, json_response

WINDOW_SECONDS = 3600.0
SECONDARY_WINDOW_SECONDS = 60.0
SECONDARY_POINTS = 900  # [GH-LIMIT-SECONDARY]
_LIMITS = {"token": 5_000, "app": 5_000, "installation": 15_000}  # [GH-LIMIT-PRIMARY]
REGISTRATION_LIMIT = 10_000


@dataclass(slots=True)
class LimitSettings:
    """Which limits are on. GitHub does not document which resource JIT calls count for [GH-JIT-BUCKET]."""

    primary: bool = True
    secondary: bool = True
    jit_resource: str = "core"
    limits: dict[str, int] = field(default_factory=lambda: dict(_LIMITS))
    secondary_status: int = 403


@dataclass(slots=True)
class _Window:
    reset_at: float
    used: int = 0


@dataclass(slots=True)
class _Points:
    """What calls cost within the last minute, and when each was made."""

    spent: int = 0
    calls: deque[tuple[float, int]] = field(default_factory=deque)


class RateLimits:
    """Counts calls and refuses those beyond a limit."""

    def __init__(self, settings: LimitSettings) -> None:
        self.settings = settings
        self._windows: dict[tuple[str, str], _Window] = {}
        self._points: dict[tuple[str, str, str], _Points] = {}

    def spend(self, actor: Actor, method: str, template: str, now: float) -> Response | None:
        """Count one call; a response means that it is refused [GH-LIMIT-BACKOFF]."""
        resource = self.resource_of(template)
        window = self._window(actor, resource, now)
        if self.settings.primary and window.used >= self.limit_of(actor, resource):
            return self._refusal("API rate limit exceeded", 403, self.headers(actor, template, now))
        if (
            self.settings.secondary
            and (wait := self._over_secondary(actor, method, template, now)) is not None
        ):
            headers = self.headers(actor, template, now) | {"retry-after": str(wait)}
            status = self.settings.secondary_status
            return self._refusal("You have exceeded a secondary rate limit", status, headers)
        window.used += 1
        return None

    def headers(self, actor: Actor, template: str, now: float) -> dict[str, str]:
        """The ``x-ratelimit-*`` headers; none when the limit is off, as on a GHES by default."""
        if not self.settings.primary:
            return {}
        resource = self.resource_of(template)
        headers = {f"x-ratelimit-{k}": str(v) for k, v in self.status(actor, resource, now).items()}
        headers["x-ratelimit-resource"] = resource
        return headers

    def status(self, actor: Actor, resource: str, now: float) -> dict[str, int]:
        window = self._window(actor, resource, now)
        limit = self.limit_of(actor, resource)
        return {
            "limit": limit,
            "used": window.used,
            "remaining": max(0, limit - window.used),
            "reset": int(window.reset_at),
        }

    def resource_of(self, template: str) -> str:
        return self.settings.jit_resource if template.endswith("/generate-jitconfig") else "core"

    def limit_of(self, actor: Actor, resource: str) -> int:
        if resource == "actions_runner_registration":
            return REGISTRATION_LIMIT
        return self.settings.limits[actor.kind]

    def _window(self, actor: Actor, resource: str, now: float) -> _Window:
        window = self._windows.get((actor.key, resource))
        if window is None or window.reset_at <= now:
            window = self._windows[actor.key, resource] = _Window(now + WINDOW_SECONDS)
        return window

    def _over_secondary(self, actor: Actor, method: str, template: str, now: float) -> int | None:
        """Seconds to wait when this call would pass 900 points in a minute; else its points are counted."""
        points = 1 if method in ("GET", "HEAD", "OPTIONS") else 5
        recent = self._points.setdefault((actor.key, method, template), _Points())
        while recent.calls and recent.calls[0][0] <= now - SECONDARY_WINDOW_SECONDS:
            recent.spent -= recent.calls.popleft()[1]
        if recent.spent + points > SECONDARY_POINTS:
            return int(SECONDARY_WINDOW_SECONDS)
        recent.spent += points
        recent.calls.append((now, points))
        return None

    @staticmethod
    def _refusal(message: str, status: int, headers: dict[str, str]) -> Response:
        url = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
        content = {"message": f"{message}.", "documentation_url": url, "status": str(status)}
        return json_response(status, content, headers)
