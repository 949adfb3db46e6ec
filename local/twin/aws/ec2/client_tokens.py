"""EC2's idempotency: one client token, one effect, one answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.twin.aws.errors import AwsFault

Answer = dict[str, Any]


class ClientTokens:
    """The tokens of one operation and what they were answered [EC2-FLEET-TOKEN] [EC2-TEMPLATE-VERSIONS]."""

    def __init__(self) -> None:
        self._answered: dict[str, tuple[str, Answer]] = {}

    def once(self, request: dict[str, Any], perform: Callable[[dict[str, Any]], Answer]) -> Answer:
        """Perform the request, unless its token was answered before: then answer the same again."""
        token = request.get("ClientToken")
        if token is None:
            return perform(request)
        fingerprint = json.dumps(request, sort_keys=True, default=str)
        if token not in self._answered:
            # A request that is refused does not use its token up.
            self._answered[token] = (fingerprint, perform(request))
        parameters, answer = self._answered[token]
        if parameters != fingerprint:
            raise AwsFault("IdempotentParameterMismatch", "The client token was used with other parameters.")
        return answer
