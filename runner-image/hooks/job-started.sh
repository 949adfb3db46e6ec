#!/usr/bin/env bash
# Tells the entrypoint that a job began. Never fails: a failing hook would fail the job.
: >"$SLIPWAY_BUSY_MARKER"
kill -USR1 "$SLIPWAY_ENTRYPOINT_PID"
exit 0
