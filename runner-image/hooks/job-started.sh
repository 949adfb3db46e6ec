#!/usr/bin/env bash
# Tells the entrypoint that a job began, and the job's log where it runs and what it waited for. Run with -e, and a failing
# hook fails the job [RUNNER-HOOK-SHELL]: hence the trues. A rename, because a full disk still allows it.
mv "$SLIPWAY_JOB_MARKER-waiting" "$SLIPWAY_JOB_MARKER-started" 2>/dev/null || true
kill -USR1 "$SLIPWAY_ENTRYPOINT_PID" 2>/dev/null || true # another user's it may not: that one looks for the marker itself
bash "${0%/*}/describe-runner.sh" || true
