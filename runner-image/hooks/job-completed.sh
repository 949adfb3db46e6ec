#!/usr/bin/env bash
# Tells the entrypoint that the job's steps are over. Without a signal: the listener is about to end, and bash can lose the
# exit code of a child which ends just as a signal comes.
mv "$SLIPWAY_JOB_MARKER-started" "$SLIPWAY_JOB_MARKER-ended" 2>/dev/null || true
