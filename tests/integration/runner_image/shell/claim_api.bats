#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # shared with the library
# What the entrypoint reads out of an answer, function by function.

setup() {
  # shellcheck source=runner-image/lib/claim_api.sh
  source "$BATS_TEST_DIRNAME/../../../../runner-image/lib/claim_api.sh"
}

@test "a member's value is found whatever stands before it and around it" {
  json_member b '"([a-z]+)"' '{"a": "x", "b" : "yes", "c": 1}'
  [ "$value" = yes ]
}

@test "a name inside another member's text is not a member" {
  run json_member b '"([a-z]+)"' '{"a": "\"b\": \"no\""}'
  [ "$status" -ne 0 ]
}

@test "a name that only ends like the wanted one is not it" {
  run json_member name '"([a-z]+)"' '{"runner_name": "no"}'
  [ "$status" -ne 0 ]
}

@test "the last line of curl is the status, whatever the body ends in" {
  captured=$'{"reason": "409 "}\n403 7|Wed, 25 Nov 2026 22:50:36 GMT'
  read_answer
  [ "$http_status" = 403 ]
  [ "$retry_after_ms" = 7000 ]
  [ "$answered_date" = 'Wed, 25 Nov 2026 22:50:36 GMT' ]
}

@test "a Retry-After that is a date or too long counts as none" {
  for given in 'Wed, 25 Nov 2026 22:50:36 GMT' 123456 -1 1.5; do
    retry_after_ms='' captured=$'\n503 '"$given|"
    read_answer
    [ "$http_status" = 503 ]
    [ -z "$retry_after_ms" ]
  done
}

@test "a clock's skew is what it is ahead of the answer's, and 0 without a readable one" {
  TZ=UTC0 LC_ALL=C printf -v answered_date '%(%a, %d %b %Y %H:%M:%S)T GMT' $((EPOCHSECONDS - 3600))
  find_clock_skew
  ((skew_seconds >= 3599 && skew_seconds <= 3602))
  for answered_date in '' now 'Wed, 99 Nov 2026 22:50:36 GMT' '-1 hour'; do
    find_clock_skew
    ((skew_seconds == 0))
  done
}
