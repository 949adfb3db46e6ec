#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # shared with the library
# Which files count as worker logs, and which places are S3's.

setup() {
  # shellcheck source=runner-image/lib/worker_logs.sh
  source "$BATS_TEST_DIRNAME/../../../../runner-image/lib/worker_logs.sh"
  runner_home=$BATS_TEST_TMPDIR
  mkdir -p "$runner_home/_diag"
}

@test "a bucket with or without a prefix is a place" {
  for place in s3://acme-logs s3://acme-logs/runners s3://acme-logs/a/b=c/d_e.f; do
    [[ $place =~ $WORKER_LOGS_PATTERN ]]
  done
}

@test "anything that could lead elsewhere is none" {
  for place in s3:// s3://a s3://acme.logs/x s3://acme-logs/../x/$'\n' s3://acme-logs//x 's3://acme-logs/x?y' https://acme-logs/x s3://ACME; do
    run bash -c '[[ $1 =~ $2 ]]' _ "$place" "$WORKER_LOGS_PATTERN"
    [ "$status" -ne 0 ]
  done
}

@test "only plain files of a worker's name are sent" {
  cd "$runner_home/_diag"
  echo x >Worker_20261125-120000-utc.log
  is_sendable "$PWD/Worker_20261125-120000-utc.log"
  ln -s /etc/passwd Worker_1.log
  mkfifo Worker_2.log
  echo x >'Worker_a?b.log'
  for name in Worker_1.log Worker_2.log 'Worker_a?b.log' Worker_absent.log; do
    run is_sendable "$PWD/$name"
    [ "$status" -ne 0 ]
  done
}

@test "a log of 16 MiB is small enough, one byte more is not" {
  truncate -s "$LOG_MAX_BYTES" "$runner_home/log"
  is_small "$runner_home/log"
  truncate -s +1 "$runner_home/log"
  run is_small "$runner_home/log"
  [ "$status" -ne 0 ]
}
