#!/usr/bin/env bash
# What the worker runs instead of Docker on a profile without it [RUNNER-CONTAINER-HOOKS]: fails a job that has
# `container:`, `services:` or a container action at once, and says what to use. Its order comes as JSON on stdin.
IFS= read -r -d '' -t 5 order || true
shopt -s nocasematch
# What follows a failed start is not a second failure.
[[ ! $order =~ \"command\"[[:space:]]*:[[:space:]]*\"cleanup_job\" ]] || exit 0
advice='No profile here has Docker: ask whoever runs these runners for one with docker: nested.'
[[ -z ${SLIPWAY_DOCKER_LABELS:-} ]] || advice="Use runs-on: $SLIPWAY_DOCKER_LABELS"
printf '::error title=This runner has no Docker::%s %s\n' \
  "container:, services: and container actions need Docker, and the profile '${SLIPWAY_PROFILE:-unknown}' has none." "$advice"
exit 1
