# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with entrypoint.sh: time_scale in; now_ms, delay_ms out
# The script's own time: milliseconds, run time_scale times faster than the wall's (only the demo scales it).

started_us=${EPOCHREALTIME/[!0-9]/}
failures=0
signalled=0 # since whoever set it so looked away

# A pipe that only signal handlers write to: reading it is a sleep that costs no process.
exec {wake_fd}<> <(:)

now() {
  local us=${EPOCHREALTIME/[!0-9]/}
  now_ms=$(((us - started_us) * time_scale / 1000))
}

# pause MILLISECONDS: a handler's wake_up ends it early. In slices of a second, because a signal that comes while bash sets
# a blocking read up has its handler run only when that read ends.
pause() {
  local left_us=$(($1 * 1000 / time_scale)) slice_us seconds LC_ALL=C # read -t wants the locale's decimal point
  while ((left_us > 0)); do
    slice_us=$((left_us < 1000000 ? left_us : 1000000))
    printf -v seconds '%d.%06d' $((slice_us / 1000000)) $((slice_us % 1000000))
    read -r -t "$seconds" -n 1 -u "$wake_fd" _ && return 0
    left_us=$((left_us - slice_us))
  done
  return 0
}

wake_up() {
  signalled=1
  printf . >&"$wake_fd"
}

# Sets delay_ms: the server's Retry-After and a little more, or full jitter under a doubling ceiling.
# SRANDOM, not RANDOM: that one is seeded by time and process id, and every container's is 1.
choose_delay() {
  local ceiling_ms=$((failures < 5 ? 1000 << failures : 30000)) spread_ms
  failures=$((failures + 1))
  if [[ -n $retry_after_ms ]]; then
    spread_ms=$((retry_after_ms / 10 > 500 ? retry_after_ms / 10 : 500))
    delay_ms=$((retry_after_ms + SRANDOM % (spread_ms + 1)))
  else
    delay_ms=$((SRANDOM % (ceiling_ms + 1)))
  fi
}
