"""The agent settings that an instance finds in its user data [ECS-AGENT-CONFIG]."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_SETTING: Final = re.compile(r"\b(ECS_[A-Z_]+)=('[^']*'|\"[^\"]*\"|\{[^\n]*\}|[^\s>]*)")
_DURATION: Final = re.compile(r"(\d+)(s|m)")


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What of /etc/ecs/ecs.config the twin honours."""

    cluster: str = "default"
    attributes: Mapping[str, str] = field(default_factory=dict)
    reserved_memory_mib: int = 0
    drains_on_spot_notice: bool = False
    stop_timeout_seconds: float = 30.0


def agent_settings(user_data_base64: str | None) -> AgentSettings:
    """Read `ECS_...=value` lines wherever they stand; what is absent has the agent's default."""
    found = {name: value.strip("'\"") for name, value in _SETTING.findall(_decoded(user_data_base64))}
    timeout = _DURATION.fullmatch(found.get("ECS_CONTAINER_STOP_TIMEOUT", "30s"))
    return AgentSettings(
        cluster=found.get("ECS_CLUSTER") or "default",
        attributes=_attributes(found.get("ECS_INSTANCE_ATTRIBUTES", "")),
        reserved_memory_mib=int(found.get("ECS_RESERVED_MEMORY") or 0),
        drains_on_spot_notice=found.get("ECS_ENABLE_SPOT_INSTANCE_DRAINING") == "true",
        stop_timeout_seconds=float(timeout[1]) * (60 if timeout[2] == "m" else 1) if timeout else 30.0,
    )


def ecs_user_data(
    cluster: str, attributes: Mapping[str, str] | None = None, settings: Mapping[str, str] | None = None
) -> str:
    """Base64 user data that makes an instance join `cluster`, as a launch template carries it."""
    values = {
        "ECS_CLUSTER": cluster,
        "ECS_INSTANCE_ATTRIBUTES": json.dumps(dict(attributes or {}), separators=(",", ":")),
        **(settings or {}),
    }
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    script = f"#!/bin/bash\ncat >> /etc/ecs/ecs.config <<'EOF'\n{lines}EOF\n"
    return base64.b64encode(script.encode()).decode()


def _decoded(user_data_base64: str | None) -> str:
    try:
        return base64.b64decode(user_data_base64 or "", validate=True).decode(errors="replace")
    except binascii.Error:
        return ""


def _attributes(text: str) -> dict[str, str]:
    try:
        parsed: Any = json.loads(text) if text else {}
    except json.JSONDecodeError:
        # The agent refuses to start with a broken setting; here it joins without attributes.
        return {}
    return {str(name): str(value) for name, value in parsed.items()} if isinstance(parsed, dict) else {}
