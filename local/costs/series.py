"""How many series the everyday metrics are, by a configuration: CloudWatch bills each. Pure."""

from __future__ import annotations

from slipway import telemetry
from slipway.domain.configuration import Configuration, Pool, Profile
from slipway.domain.series import MOST_NAMED
from slipway.telemetry import Metric

# What a pool without the tier does not write, since zeros are not written.
_OF_STOPPED = (telemetry.STOPPED_INSTANCES, telemetry.INSTANCES_STARTED)


def everyday_series(configuration: Configuration, organizations: int) -> int:
    """Return how many series there are where everything happens that happens every day; alarms' metrics do not."""
    return sum(
        _series_of(metric, by, configuration, organizations)
        for metric in telemetry.EVERYDAY
        for by in metric.by or ("",)
    )


def _series_of(metric: Metric, by: str, configuration: Configuration, organizations: int) -> int:
    if by == telemetry.ORGANIZATION:
        return min(organizations, MOST_NAMED + 1)  # those named, and all others together
    if by == telemetry.PROFILE:
        return sum(_tells_profile(metric, one, configuration) for one in configuration.profiles.values())
    if by == telemetry.POOL:
        return sum(_tells_pool(metric, one) for one in configuration.pools.values())
    return 1


def _tells_profile(metric: Metric, profile: Profile, configuration: Configuration) -> bool:
    if metric is telemetry.JOBS_ON_STANDBY:
        return profile.standby > 0
    if metric is telemetry.JOBS_ON_HEADROOM:
        pool = configuration.pools[profile.pool]
        # An instance for one job alone is there at once only where it was kept ready.
        return not pool.exclusive or pool.headroom is not None
    return True


def _tells_pool(metric: Metric, pool: Pool) -> bool:
    return metric not in _OF_STOPPED or pool.stopped_instances > 0
