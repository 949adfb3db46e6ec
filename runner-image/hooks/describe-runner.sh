#!/usr/bin/env bash
# Prints where this job runs and what it waited for, as far as the container knows. Nothing here may take long or fail.
set -uo pipefail

# member NAME PATTERN: the first group of PATTERN where NAME's value begins in $task, into value.
member() {
  local pattern="\"$1\"[[:space:]]*:[[:space:]]*$2"
  value=''
  [[ $task =~ $pattern ]] && value=${BASH_REMATCH[1]}
}

place() {
  local task='' value line="profile ${SLIPWAY_PROFILE:-unknown}, pool ${SLIPWAY_POOL:-unknown}"
  if [[ -n ${ECS_CONTAINER_METADATA_URI_V4:-} ]]; then
    task=$(curl -q --silent --fail --noproxy '*' --max-time 1 "$ECS_CONTAINER_METADATA_URI_V4/task")
  fi
  member AvailabilityZone '"([a-z0-9-]+)"' && line+=", zone $value"
  member TaskARN '"[^"]*/([0-9a-f]+)"' && line+=", task $value"
  member CPU '([0-9.]+)' && line+=", $value vCPU"
  member Memory '([0-9]+)' && line+=", $value MiB"
  printf 'Slipway: %s\n' "$line"
}

waits() {
  local entry line='' before='' ms word
  for entry in ${SLIPWAY_PHASE_TIMES:-} "job_started=$((${EPOCHREALTIME/[!0-9]/} / 1000))"; do
    ms=${entry#*=} word=${entry%%=*}
    [[ $ms =~ ^[0-9]{13}$ ]] || continue
    if [[ -z $before ]]; then
      TZ=UTC0 printf -v line '%s %(%H:%M:%S)T UTC' "${word//_/ }" $((ms / 1000))
    else
      printf -v line '%s, %s +%d.%d s' "$line" "${word//_/ }" $(((ms - before) / 1000)) $(((ms - before) % 1000 / 100))
    fi
    before=$ms
  done
  printf 'Slipway: %s\n' "$line"
  [[ ${SLIPWAY_PHASE_TIMES:-} != queued=* ]] ||
    echo 'Slipway: "queued" is the job this runner was started for; GitHub may have given it an older one that fits.'
}

place
waits
