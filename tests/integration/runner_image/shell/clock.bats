#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # shared with the library
# Waits and their lengths.

setup() {
  time_scale=1 retry_after_ms=''
  # shellcheck source=runner-image/lib/clock.sh
  source "$BATS_TEST_DIRNAME/../../../../runner-image/lib/clock.sh"
}

@test "a delay without Retry-After stays under a ceiling that doubles to thirty seconds" {
  for ceiling in 1000 2000 4000 8000 16000 30000 30000; do
    choose_delay
    ((delay_ms >= 0 && delay_ms <= ceiling))
  done
}

@test "a Retry-After is never undercut, and half a second or a tenth is added at most" {
  retry_after_ms=1000
  for _ in {1..50}; do
    choose_delay
    ((delay_ms >= 1000 && delay_ms <= 1500))
  done
}

@test "a pause lasts its time by the script's own clock" {
  now
  local before=$now_ms
  pause 120
  now
  ((now_ms - before >= 120))
}

@test "a wake-up ends a pause early" {
  wake_up
  now
  local before=$now_ms
  pause 60000
  now
  ((now_ms - before < 30000))
}
