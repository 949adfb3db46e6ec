#!/usr/bin/env bash
# Tells the entrypoint that the job's steps are over.
mv "$SLIPWAY_JOB_MARKER-started" "$SLIPWAY_JOB_MARKER-ended" 2>/dev/null || true
kill -USR1 "$SLIPWAY_ENTRYPOINT_PID" 2>/dev/null || true
