#!/usr/bin/python3
"""Fills an instance of the stopped tier: pulls its images and powers it off before the agent ever registers it.

An instance that has registered once keeps that identity, and one that has run a job is never stopped and used
again. So only the first boot of an instance that was launched with the tag ``slipway:tier = stopped`` ends here, while
ecs.service waits for this; every later boot goes on.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import host

FILLED = Path("/var/lib/slipway/filled")
SETTLED = (
    host.RUN / "tier-settled"
)  # preflight.py wants it: without it nobody knows whether this host may register
PATIENCE_SECONDS = 60.0
PULL_SECONDS = 25 * 60.0  # below the unit's limit, which would leave the host on


def main() -> int:
    host.RUN.mkdir(mode=0o755, exist_ok=True)
    if FILLED.exists() or tier() != "stopped":
        SETTLED.touch()
        return 0
    pull = Path(__file__).with_name("pull_images.py")
    try:
        subprocess.run([str(pull)], check=False, timeout=PULL_SECONDS)  # says itself what is missing
    except subprocess.TimeoutExpired:
        print(f"slipway: not all images came within {PULL_SECONDS:.0f} s")
    # Powered off all the same: a host that pulls later is slow, one that never stops is a leak.
    FILLED.parent.mkdir(parents=True, exist_ok=True)
    FILLED.touch()
    print("slipway: filled for the stopped tier, powering off")
    subprocess.run(["systemctl", "--no-block", "poweroff"], check=True)
    while True:  # ecs.service waits for the end of this, which the shutdown brings
        time.sleep(60)


def tier() -> str | None:
    """Return the instance's tag, asking until metadata answers; the last error when it never does.

    That the tag is not there counts only where there are tags: a launch template that does not let metadata have them
    would otherwise make every host of the stopped tier one that takes jobs.
    """
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            has_tags = host.metadata("tags/instance/") is not None
            tag = host.metadata("tags/instance/slipway:tier")
        except OSError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(1)
        else:
            if not has_tags:
                raise OSError("metadata has no tags: the launch template lacks InstanceMetadataTags: enabled")
            return tag


if __name__ == "__main__":
    sys.exit(main())
