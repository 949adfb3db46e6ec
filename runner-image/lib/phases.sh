# shellcheck shell=bash
# One JSON line on stdout per phase of the container's life.

phase_times= # NAME=MILLISECONDS...

# phase NAME [KEY VALUE]...: values are JSON already, and never a secret.
phase() {
  local microseconds=${EPOCHREALTIME/[!0-9]/} stamp line
  TZ=UTC0 printf -v stamp '%(%Y-%m-%dT%H:%M:%S)T.%03dZ' $((microseconds / 1000000)) $((microseconds / 1000 % 1000))
  line="{\"time\":\"$stamp\",\"phase\":\"$1\""
  shift
  while (($#)); do
    line+=",\"$1\":$2"
    shift 2
  done
  printf '%s}\n' "$line"
}

# remember NAME: when this phase was, for the job's own log.
remember() {
  phase_times+="${phase_times:+ }$1=$((${EPOCHREALTIME/[!0-9]/} / 1000))"
}
