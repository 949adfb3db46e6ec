# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with entrypoint.sh: claim_url, aws_region, credentials_url in; the answer out
# Signed calls of the claim API with the ECS task's credentials. Secrets travel through pipes only: never argv, never disk.

readonly RENEW_CREDENTIALS_BEFORE_SECONDS=300

signing_config=    # lines of curl's config: the key pair and the session token
credentials_expire= # ISO 8601, UTC
child_pid=
http_status=0
answered_date= # of the last answer, by the API's clock

# capture INPUT COMMAND...: COMMAND's output into captured, its exit code returned.
# Unlike $(...), signal handlers run while it waits; unlike a here-string, INPUT never becomes a temporary file.
capture() {
  local input=$1 output_fd code=0
  shift
  exec {output_fd}< <(exec "$@" < <(printf '%s' "$input"))
  child_pid=$!
  IFS= read -r -d '' -u "$output_fd" captured
  exec {output_fd}<&-
  wait "$child_pid" || code=$?
  child_pid=
  return "$code"
}

abandon_request() {
  [[ -z $child_pid ]] || kill "$child_pid" 2>/dev/null
}

# call_claim_api ROUTE: sets http_status (0: no answer), retry_after_ms (or empty), reason (JSON), and of a claim
# jit_config, runner_name, idle_timeout_ms; organization and queued_at (seconds, or empty) where it names them.
call_claim_api() {
  http_status=0 retry_after_ms='' reason=null curl_exit=0 answered_date=''
  if [[ $1 == claim ]]; then jit_config='' runner_name='' idle_timeout_ms=0 organization='' queued_at=''; fi
  if ! renew_credentials; then
    reason='"no task credentials"'
    return 0
  fi
  capture "$signing_config" curl -q --silent --show-error --connect-timeout 5 --max-time 40 \
    --aws-sigv4 "aws:amz:$aws_region:execute-api" --header 'Content-Type: application/json' --data '{}' \
    --write-out '\n%{http_code} %header{retry-after}|%header{date}' --config - "$claim_url/v1/$1"
  curl_exit=$?
  ((curl_exit == 0)) || return 0 # a reply cut short is no reply
  read_answer
}

read_answer() {
  local last=${captured##*$'\n'} body=${captured%$'\n'*} LC_ALL=C
  captured=''
  [[ $last =~ ^([0-9]{3})\ (([0-9]{1,5})\|)? ]] || return 0 # a Retry-After that is a date counts as none
  http_status=$((10#${BASH_REMATCH[1]})) answered_date=${last#*|}
  [[ -z ${BASH_REMATCH[3]} ]] || retry_after_ms=$((10#${BASH_REMATCH[3]} * 1000))
  json_member jit_config '"([A-Za-z0-9+/]+=*)"' "$body" && jit_config=$value
  json_member runner_name '"([A-Za-z0-9._-]{1,64})"' "$body" && runner_name=$value
  json_member idle_timeout_seconds '([1-9][0-9]{0,4})[[:space:]]*[,}]' "$body" && idle_timeout_ms=$((value * 1000))
  json_member organization '"([A-Za-z0-9_-]{1,39})"' "$body" && organization=$value
  json_member queued_at '([1-9][0-9]{9})[[:space:]]*[,}]' "$body" && queued_at=$value
  json_member reason '"([^"\]{1,200})' "$body" && reason="\"${value//[! -~]/?}\""
  return 0
}

# Sets skew_seconds: how far this clock is ahead of the last answer's; 0 where it named no time.
find_clock_skew() {
  local pattern='^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$' server_seconds
  skew_seconds=0
  [[ $answered_date =~ $pattern ]] && server_seconds=$(date --date="$answered_date" +%s) || return 0
  skew_seconds=$((EPOCHSECONDS - server_seconds))
}

# json_member NAME PATTERN TEXT: the first group of PATTERN, where NAME's value begins, into value.
# Not jq: its start (50 ms in version 1.6) would be most of a container's way from claim to listener. Both writers send
# flat objects whose values need no escapes; inside a string NAME's closing quote would be escaped, so it never matches.
json_member() {
  local pattern="\"$1\"[[:space:]]*:[[:space:]]*$2"
  [[ $3 =~ $pattern ]] && value=${BASH_REMATCH[1]}
}

# Each return names its status, here and wherever a signal handler comes: a bare one in a handler gives that of what the
# signal interrupted. Fails when the task has no credentials to give; makes no call while those in hand are good for a while.
renew_credentials() {
  local soon reply key_id LC_ALL=C
  TZ=UTC0 printf -v soon '%(%Y-%m-%dT%H:%M:%SZ)T' $((EPOCHSECONDS + RENEW_CREDENTIALS_BEFORE_SECONDS))
  [[ $credentials_expire > $soon ]] && return 0
  capture '' curl -q --silent --show-error --fail --noproxy '*' --connect-timeout 2 --max-time 5 "$credentials_url"
  curl_exit=$?
  ((curl_exit == 0)) || return 1
  reply=$captured captured='' credentials_expire=''
  json_member AccessKeyId '"([A-Z0-9]+)"' "$reply" || return 1
  key_id=$value
  json_member SecretAccessKey '"([A-Za-z0-9+/=]+)"' "$reply" || return 1
  signing_config="user = \"$key_id:$value\""
  json_member Token '"([A-Za-z0-9+/=_-]+)"' "$reply" || return 1
  signing_config+=$'\n'"header = \"X-Amz-Security-Token: $value\""
  # An expiry that cannot be read stays empty: asked for again before every call.
  json_member Expiration '"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z)"' "$reply" && credentials_expire=$value
  return 0
}
