"""CloudWatch Logs: log groups, without what is in them [LOGS-GROUPS]."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from local.twin.aws.errors import AwsFault
from local.twin.aws.paging import page
from local.twin.aws.service import Context, Response, Service, operation

_NAME: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")


@dataclass(slots=True)
class LogGroup:
    """One log group; without retention it keeps everything for ever."""

    name: str
    created_at: float
    tags: dict[str, str] = field(default_factory=dict)
    retention_days: int | None = None


class Logs(Service):
    """Log groups by name."""

    name: ClassVar[str] = "logs"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.groups: dict[str, LogGroup] = {}

    @operation
    def create_log_group(self, **request: Any) -> Response:
        name = request["logGroupName"]
        if not _NAME.fullmatch(name):
            raise AwsFault("InvalidParameterException", f"'{name}' is not a name of a log group")
        if name in self.groups:
            raise AwsFault("ResourceAlreadyExistsException", "The specified log group already exists")
        self.groups[name] = LogGroup(name, self.context.now(), dict(request.get("tags", {})))
        return {}

    @operation
    def put_retention_policy(self, **request: Any) -> Response:
        self._group(request["logGroupName"]).retention_days = request["retentionInDays"]
        return {}

    @operation
    def delete_log_group(self, **request: Any) -> Response:
        del self.groups[self._group(request["logGroupName"]).name]
        return {}

    @operation
    def describe_log_groups(self, **request: Any) -> Response:
        prefix = request.get("logGroupNamePrefix", "")
        shown = [self._view(group) for name, group in sorted(self.groups.items()) if name.startswith(prefix)]
        return page("logGroups", shown, request, "limit", "nextToken", largest=50)

    def _group(self, name: str) -> LogGroup:
        if name not in self.groups:
            raise AwsFault("ResourceNotFoundException", "The specified log group does not exist.")
        return self.groups[name]

    def _view(self, group: LogGroup) -> dict[str, Any]:
        context = self.context
        view: dict[str, Any] = {
            "logGroupName": group.name,
            "creationTime": int(group.created_at * 1000),
            "arn": f"arn:aws:logs:{context.region}:{context.account_id}:log-group:{group.name}:*",
            "storedBytes": 0,
        }
        return view if group.retention_days is None else view | {"retentionInDays": group.retention_days}
