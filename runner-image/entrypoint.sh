#!/usr/bin/env bash
# One GitHub Actions runner for one ECS task: claim, listen, release. The contract is README.md beside this file.
set -uo pipefail # not -e: every failure has its own answer below

here=${BASH_SOURCE[0]%/*}
[[ $here == /* ]] || here=$PWD/$here
# shellcheck source=runner-image/lib/phases.sh
source "$here/lib/phases.sh"
# shellcheck source=runner-image/lib/clock.sh
source "$here/lib/clock.sh"
# shellcheck source=runner-image/lib/claim_api.sh
source "$here/lib/claim_api.sh"
# shellcheck source=runner-image/lib/listener.sh
source "$here/lib/listener.sh"

readonly EXIT_DONE=0 EXIT_MISCONFIGURED=10 EXIT_REFUSED=11 EXIT_ALREADY_CLAIMED=12 EXIT_PATIENCE_OVER=13
readonly EXIT_JIT_UNUSABLE=20 EXIT_SESSION_CONFLICT=21 EXIT_RUNNER_OUTDATED=22 EXIT_LISTENER_FAILED=23
readonly STOP_PATIENCE_MS=20000 # then the listener still has most of the stopTimeout to end by itself

stage=claiming # claiming -> idle -> busy, released or ended
stop_requested=0
stop_at_ms=0
look_again_in_ms=25 # not scaled: looking costs real time

main() {
  trap on_stop TERM INT
  configure
  phase container_up
  claim
  # Before the listener lives: the hook's SIGUSR1 would kill a shell that has no handler for it.
  trap wake_up USR1
  supervise
}

# Reads the environment once, then hides our own variables from every child.
configure() {
  local -a faults=()
  claim_url=${SLIPWAY_CLAIM_URL:-} aws_region=${AWS_REGION:-} runner_home=${RUNNER_HOME:-/home/runner}
  time_scale=${SLIPWAY_TIME_SCALE:-1}
  local patience_seconds=${SLIPWAY_CLAIM_PATIENCE_SECONDS:-600}
  unset "${!SLIPWAY_@}"
  claim_url=${claim_url%/}
  busy_marker=$runner_home/.slipway-job-started
  credentials_url=${AWS_CONTAINER_CREDENTIALS_FULL_URI:-}
  if [[ -z $credentials_url && -n ${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:-} ]]; then
    credentials_url=http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
  fi

  [[ $claim_url =~ ^(https://|http://(127\.0\.0\.1|localhost)[:/])[^[:space:]?#]+$ ]] ||
    faults+=("SLIPWAY_CLAIM_URL must be an https URL without a query")
  [[ $aws_region =~ ^[a-z0-9-]+$ ]] || faults+=("AWS_REGION must name a region")
  [[ -n $credentials_url ]] || faults+=("no AWS_CONTAINER_CREDENTIALS_*_URI: the task definition needs a task role")
  [[ $time_scale =~ ^[1-9][0-9]{0,3}$ ]] || faults+=("SLIPWAY_TIME_SCALE must be a whole number from 1 to 9999")
  [[ $patience_seconds =~ ^[1-9][0-9]{0,5}$ ]] || faults+=("SLIPWAY_CLAIM_PATIENCE_SECONDS must be a whole number")
  # Looked for before claiming: a claim that no listener can use costs a registration.
  [[ $runner_home == /* && -x $runner_home/bin/Runner.Listener ]] || faults+=("RUNNER_HOME has no executable bin/Runner.Listener")
  [[ ! -e $busy_marker ]] || faults+=("RUNNER_HOME was used before: a runner's directory serves one job")
  if ((${#faults[@]})); then
    misconfigured "${faults[@]}"
  fi
  patience_ms=$((patience_seconds * 1000))
}

misconfigured() {
  local -a pairs=()
  local fault
  for fault in "$@"; do pairs+=("\"$fault\","); done
  local list=${pairs[*]}
  phase misconfigured faults "[${list%,}]"
  leave "$EXIT_MISCONFIGURED"
}

# Returns with jit_config, runner_name and idle_timeout_ms set, or ends the container.
claim() {
  now
  give_up_at_ms=$((now_ms + patience_ms))
  while true; do
    phase claim_asked
    call_claim_api claim
    case $http_status in
      200)
        phase claim_answered status 200 runner_name "\"$runner_name\"" idle_timeout_ms "$idle_timeout_ms"
        [[ -n $jit_config && -n $runner_name && $idle_timeout_ms != 0 ]] || leave "$EXIT_JIT_UNUSABLE"
        stage=idle
        return
        ;;
      204) # standby: being told to wait is not trouble, however long it lasts
        failures=0
        now
        give_up_at_ms=$((now_ms + patience_ms))
        ask_again
        ;;
      403) claim_ended "$EXIT_REFUSED" ;;
      409) claim_ended "$EXIT_ALREADY_CLAIMED" ;; # also the answer after a lost 200: never a second runner
      410) claim_ended "$EXIT_DONE" ;;
      *) ask_again ;;
    esac
  done
}

claim_ended() {
  phase claim_answered status "$http_status" reason "$reason"
  leave "$1"
}

ask_again() {
  choose_delay
  phase claim_answered status "$http_status" curl_exit "$curl_exit" reason "$reason" retry_in_ms "$delay_ms"
  now
  ((now_ms + delay_ms <= give_up_at_ms)) || leave "$EXIT_PATIENCE_OVER"
  pause "$delay_ms"
}

# Runs the listener to its end. What is left of the job dies with it.
supervise() {
  local code=0
  failures=0
  start_listener
  now
  release_at_ms=$((stop_requested ? now_ms : now_ms + idle_timeout_ms))
  while listener_alive; do
    notice_job
    case $stage in
      idle) idle_step ;;
      *) wait "$listener_pid" 2>/dev/null ;; # a signal ends the wait early, after its handler
    esac
  done
  wait "$listener_pid" 2>/dev/null || code=$?
  [[ $stage != idle ]] || stage=ended
  notice_job
  phase listener_ended code "$code"
  end_leftovers
  listener_outcome "$code"
}

idle_step() {
  now
  local wait_ms=$((release_at_ms - now_ms))
  if ((stop_requested && now_ms >= stop_at_ms)); then
    stage=busy # nobody told us whether it has a job: end it as if it had one
    interrupt_listener
  elif ((wait_ms <= 0)); then
    release
  else
    ((stop_requested && stop_at_ms - now_ms < wait_ms)) && wait_ms=$((stop_at_ms - now_ms))
    # Only the end of an idle listener has no handler to wake us: look for it, soon at first, then every second.
    local look_again_ms=$((look_again_in_ms * time_scale))
    look_again_in_ms=$((look_again_in_ms < 500 ? look_again_in_ms * 2 : 1000))
    pause "$((wait_ms < look_again_ms ? wait_ms : look_again_ms))"
  fi
}

# Asks whether the idle runner may go. Only a yes stops it: GitHub may have given it a job meanwhile.
release() {
  phase release_asked
  call_claim_api release
  notice_job
  [[ $stage == idle ]] || return 0
  case $http_status in
    200 | 410)
      phase released status "$http_status" reason "$reason"
      stage=released
      stop_idle_listener
      ;;
    409)
      phase release_refused status 409 reason "$reason"
      become_busy
      ;;
    *)
      choose_delay
      phase release_unanswered status "$http_status" curl_exit "$curl_exit" reason "$reason" retry_in_ms "$delay_ms"
      now
      release_at_ms=$((now_ms + delay_ms))
      ;;
  esac
}

notice_job() {
  [[ $job_started == 0 && -e $busy_marker ]] || return 0
  job_started=1
  phase job_started
  [[ $stage != idle ]] || become_busy
}

become_busy() {
  stage=busy
  start_ticking
  ((stop_requested)) && interrupt_listener
  return 0
}

# shellcheck disable=SC2329 # called by a trap
# Handler of SIGTERM and SIGINT. Acts by itself where the main loop may already be in a blocking wait.
on_stop() {
  if [[ $stage == claiming ]]; then
    phase stop_asked stage '"claiming"'
    leave "$EXIT_DONE"
  fi
  ((stop_requested)) || [[ $stage == released ]] && return
  phase stop_asked stage "\"$stage\""
  stop_requested=1
  now
  stop_at_ms=$((now_ms + STOP_PATIENCE_MS)) release_at_ms=$now_ms
  if [[ $stage == busy ]]; then interrupt_listener; fi
  wake_up
}

# Exit codes of actions/runner's listener [RUNNER-EXIT-CODES] in the words of this image.
listener_outcome() {
  [[ $stage != released ]] || leave "$EXIT_DONE"
  case $1 in
    0) leave "$EXIT_DONE" ;;
    1) leave "$((job_started ? EXIT_LISTENER_FAILED : EXIT_JIT_UNUSABLE))" ;;
    5) leave "$EXIT_SESSION_CONFLICT" ;;
    3 | 4 | 7) leave "$EXIT_RUNNER_OUTDATED" ;; # it wants to update itself, or GitHub wants it replaced: rebuild the image
    *) leave "$EXIT_LISTENER_FAILED" ;;
  esac
}

leave() {
  abandon_request
  phase container_down exit_code "$1"
  exit "$1"
}

main
