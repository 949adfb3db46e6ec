# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with entrypoint.sh: worker_logs, runner_home, runner_name, organization
# The worker's diagnostic logs, which can quote a job, go to a bucket of the one organization that its profile serves.

readonly WORKER_LOGS_PATTERN='^s3://([a-z0-9][a-z0-9-]{1,61}[a-z0-9])((/[A-Za-z0-9._=-]+)*)$'
readonly LOG_NAME_PATTERN='^Worker_[A-Za-z0-9-]+\.log$' # the job could have made files of any name there
readonly LOG_MAX_BYTES=16777216 LOGS_MAX=20 LOGS_PATIENCE_SECONDS=30

# Sends what is there, as PREFIX/ORGANIZATION/RUNNER_NAME/FILE. A failure costs the logs, never the exit code.
send_worker_logs() {
  local file bucket prefix sent=0 lost=0 give_up_at=$((EPOCHSECONDS + LOGS_PATIENCE_SECONDS))
  [[ -n $worker_logs && $job_started == 1 ]] || return 0
  [[ -n $organization ]] || { phase worker_logs sent 0 lost 0 reason '"the grant named no organization"' && return 0; }
  [[ $worker_logs =~ $WORKER_LOGS_PATTERN ]] && bucket=${BASH_REMATCH[1]} prefix=${BASH_REMATCH[2]}
  for file in "$runner_home"/_diag/Worker_*.log; do
    is_sendable "$file" || continue
    if ((sent + lost < LOGS_MAX && EPOCHSECONDS < give_up_at)) && is_small "$file" && renew_credentials &&
      send_log "$file" "https://$bucket.s3.$aws_region.amazonaws.com$prefix/$organization/$runner_name/${file##*/}" \
        $((give_up_at - EPOCHSECONDS)); then
      sent=$((sent + 1))
    else
      lost=$((lost + 1))
    fi
  done
  phase worker_logs sent "$sent" lost "$lost" curl_exit "$curl_exit"
}

# A link would send what process 1 may read for what the job may.
is_sendable() {
  [[ ${1##*/} =~ $LOG_NAME_PATTERN && -f $1 && ! -L $1 && ! -L $runner_home/_diag ]]
}

is_small() {
  (($(stat --format=%s "$1") <= LOG_MAX_BYTES))
}

# send_log FILE URL SECONDS. S3 wants the header, which older curls leave out; TLS protects what it leaves unsigned.
send_log() {
  capture "$signing_config" curl -q --silent --show-error --fail --connect-timeout 5 --max-time "$3" \
    --expect100-timeout 0.01 --header 'X-Amz-Content-Sha256: UNSIGNED-PAYLOAD' \
    --aws-sigv4 "aws:amz:$aws_region:s3" --upload-file "$1" --config - "$2"
  curl_exit=$?
  return "$curl_exit"
}
