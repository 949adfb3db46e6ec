"""Who a personal access token belongs to."""

from __future__ import annotations

import zlib
from typing import Any

from local.twin.github.credentials import RefusedError
from local.twin.github.rest.operations import Call, Handler
from local.twin.github.wire import Response, json_response

_URLS = (
    "url html_url followers_url following_url gists_url starred_url subscriptions_url organizations_url "
    "repos_url events_url received_events_url"
)


class UserCalls:
    """The authenticated user."""

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {("GET", "/user"): self.get}

    def get(self, call: Call) -> Response:
        """The token's owner; installations are nobody."""
        if call.actor.kind != "token":
            raise RefusedError(403, "Resource not accessible by integration")
        login = call.actor.key.removeprefix("user:")
        content: dict[str, Any] = {
            "login": login,
            "id": zlib.crc32(login.encode()),
            "node_id": f"U_{login}",
            "avatar_url": "",
            "gravatar_id": "",
            **dict.fromkeys(_URLS.split(), f"{call.api_url}/users/{login}"),
            "type": "User",
            "site_admin": False,
            "name": None,
            "company": None,
            "blog": None,
            "location": None,
            "email": None,
            "hireable": None,
            "bio": None,
            "public_repos": 0,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }
        return json_response(200, content)
