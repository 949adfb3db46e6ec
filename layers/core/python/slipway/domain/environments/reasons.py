"""Why a pull request has its environment or has none: the closed list that plan, comments and ``explain`` share."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    """The codes. Every pull request that asks for an environment has exactly one."""

    READY = "ready"  # it runs what its head commit was built into
    OUTDATED = "outdated"  # it runs an older commit: the head's image is awaited, or does not start
    DEPLOYING = "deploying"  # its service starts
    FAILING = "failing"  # none of its tasks runs
    IMAGE_AWAITED = "image_awaited"  # there is no image of its head commit yet
    LIMIT = "limit"  # as many environments as there may be exist
    REPOSITORY_LIMIT = "repository_limit"  # as many of its repository
    RULE_LIMIT = "rule_limit"  # the load balancer takes no more rules
    HOST_TAKEN = "host_taken"  # a rule that is none of ours answers for its host name
    CLOSING = "closing"  # the service that it had before is not gone yet
    FORK = "fork"  # of a fork, which gets none
    DRAFT = "draft"
    NO_LABEL = "no_label"
    CLOSED = "closed"
    EXPIRED = "expired"  # its time to live is over
    UNHEALTHY = "unhealthy"  # none of its tasks ran for too long: removed until there is another commit
    REPOSITORY_GONE = "repository_gone"
    NOT_CONFIGURED = "not_configured"  # its repository is configured no longer


HELD = frozenset({Why.LIMIT, Why.REPOSITORY_LIMIT, Why.RULE_LIMIT, Why.HOST_TAKEN, Why.CLOSING})
"""It should exist and cannot yet: its time does not begin."""
REFUSED = frozenset({Why.FORK, Why.DRAFT, Why.NO_LABEL, Why.CLOSED, Why.REPOSITORY_GONE, Why.NOT_CONFIGURED})
"""It should not exist."""
OVER = frozenset({Why.EXPIRED, Why.UNHEALTHY})
"""It should not exist until there is another commit."""
UNDER_WAY = frozenset({Why.DEPLOYING, Why.FAILING, Why.CLOSING})
"""Something moves that no event tells of."""
