#!/usr/bin/env bash
# Tells the entrypoint that a job began. Run with -e, and a failing hook fails the job [RUNNER-HOOK-SHELL]: hence the trues.
true >"$SLIPWAY_BUSY_MARKER" || true
kill -USR1 "$SLIPWAY_ENTRYPOINT_PID" || true
