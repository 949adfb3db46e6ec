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
# shellcheck source=runner-image/lib/usage.sh
source "$here/lib/usage.sh"
# shellcheck source=runner-image/lib/worker_logs.sh
source "$here/lib/worker_logs.sh"

readonly EXIT_DONE=0 EXIT_MISCONFIGURED=10 EXIT_REFUSED=11 EXIT_ALREADY_CLAIMED=12 EXIT_PATIENCE_OVER=13 EXIT_CLOCK_WRONG=14
readonly EXIT_JIT_UNUSABLE=20 EXIT_SESSION_CONFLICT=21 EXIT_RUNNER_OUTDATED=22 EXIT_LISTENER_FAILED=23 EXIT_NO_DOCKER=24
readonly STOP_PATIENCE_MS=20000 # then the listener still has most of the stopTimeout to end by itself
readonly GIVE_BACK_PATIENCE_MS=20000
readonly SKEW_ALLOWED_SECONDS=240 # AWS allows five minutes

stage=claiming # claiming -> preparing -> idle -> busy, released or ended
stop_requested=0
stop_at_ms=0
look_again_in_ms=25 # not scaled: looking costs real time

main() {
  trap on_stop TERM INT
  configure
  phase container_up
  remember container_up
  # Beside the claim, not before it: dockerd needs a second or more, the claim is mostly waiting.
  if [[ $docker != none ]]; then begin_docker; fi
  claim
  if [[ $docker != none ]]; then need_docker; fi
  stage=idle
  # Before the listener lives: the hook's SIGUSR1 would kill a shell that has no handler for it.
  trap wake_up USR1
  supervise
}

# Reads the environment once, then hides our own variables from every child.
configure() {
  local -a faults=()
  claim_url=${SLIPWAY_CLAIM_URL:-} aws_region=${AWS_REGION:-} runner_home=${RUNNER_HOME:-/home/runner}
  profile=${SLIPWAY_PROFILE:-} pool=${SLIPWAY_POOL:-} worker_logs=${SLIPWAY_WORKER_LOGS:-}
  docker=${SLIPWAY_DOCKER:-none} docker_labels=${SLIPWAY_DOCKER_LABELS:-} registry_mirror=${SLIPWAY_REGISTRY_MIRROR:-}
  time_scale=${SLIPWAY_TIME_SCALE:-1}
  local patience_seconds=${SLIPWAY_CLAIM_PATIENCE_SECONDS:-600}
  unset "${!SLIPWAY_@}"
  claim_url=${claim_url%/} worker_logs=${worker_logs%/}
  job_marker=$runner_home/.slipway-job
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
  [[ ! -e $job_marker-started && ! -e $job_marker-ended ]] ||
    faults+=("RUNNER_HOME was used before: a runner's directory serves one job")
  [[ -z $worker_logs || $worker_logs =~ $WORKER_LOGS_PATTERN ]] ||
    faults+=("SLIPWAY_WORKER_LOGS must be s3://BUCKET/PREFIX, the bucket's name without dots")
  case $docker in
    none) ;;
    nested | privileged)
      ((EUID == 0)) || faults+=("SLIPWAY_DOCKER=$docker needs a container whose user is root")
      type -P dockerd >/dev/null || faults+=("SLIPWAY_DOCKER=$docker needs dockerd: the full variant of the image has it")
      ;;
    *) faults+=("SLIPWAY_DOCKER must be none, nested or privileged") ;;
  esac
  # The hook will rename it, which a full disk still allows. And a disk that is full already must not cost a registration.
  if ! { echo waiting >"$job_marker-waiting"; } 2>/dev/null; then
    faults+=("RUNNER_HOME cannot be written: its disk is full, or it is read-only or another user's")
  fi
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
    phase_times=${phase_times%% claim_asked*} # a standby container asks for hours
    remember claim_asked
    call_claim_api claim
    case $http_status in
      200)
        phase claim_answered status 200 runner_name "\"$runner_name\"" idle_timeout_ms "$idle_timeout_ms"
        remember claim_answered
        stage=preparing
        [[ -n $jit_config && -n $runner_name && $idle_timeout_ms != 0 ]] || give_back_and_leave "$EXIT_JIT_UNUSABLE"
        return 0
        ;;
      204) # standby: being told to wait is not trouble, however long it lasts
        failures=0
        now
        give_up_at_ms=$((now_ms + patience_ms))
        ask_again
        ;;
      403) refused ;;
      409) claim_ended "$EXIT_ALREADY_CLAIMED" ;; # also the answer after a lost 200: never a second runner
      410) claim_ended "$EXIT_DONE" ;;
      *) ask_again ;;
    esac
  done
}

# A signature of a clock that is off is refused like a stranger's [IAM-SIGV4-SKEW]. Not corrected: GitHub would refuse the
# listener for the same clock, and a registration would be spent on it.
refused() {
  find_clock_skew
  ((skew_seconds < SKEW_ALLOWED_SECONDS && -skew_seconds < SKEW_ALLOWED_SECONDS)) || {
    reason="\"this host's clock is off by $skew_seconds s\""
    claim_ended "$EXIT_CLOCK_WRONG"
  }
  claim_ended "$EXIT_REFUSED"
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

begin_docker() {
  # shellcheck source=runner-image/lib/docker.sh
  source "$here/lib/docker.sh"
  phase docker_asked
  start_docker "$registry_mirror"
}

need_docker() {
  if await_docker; then
    phase docker_ready
    return 0
  fi
  phase docker_failed
  give_back_and_leave "$EXIT_NO_DOCKER"
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
      *)
        sample_usage
        wait "$listener_pid" 2>/dev/null # a signal ends the wait early, after its handler
        ;;
    esac
  done
  signalled=0
  wait "$listener_pid" 2>/dev/null || code=$?
  [[ $stage != idle ]] || stage=ended
  notice_job
  # bash loses a child's code when a signal comes in the very moment of its end: this wait then ends with the next signal.
  if ((signalled && job_ended)); then code=0; fi
  phase listener_ended code "$code"
  end_leftovers
  # A listener that failed before any job leaves its registration behind.
  if [[ $stage == ended && $code != 0 && $job_started == 0 ]]; then give_back; fi
  send_worker_logs
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
      release_unanswered
      now
      release_at_ms=$((now_ms + delay_ms))
      ;;
  esac
}

release_unanswered() {
  choose_delay
  phase release_unanswered status "$http_status" curl_exit "$curl_exit" reason "$reason" retry_in_ms "$delay_ms"
}

# Releases a registration that no listener will use, or gives up after a while: then it is the reaper's to remove.
give_back() {
  local until_ms
  stage=ended failures=0
  now
  until_ms=$((now_ms + GIVE_BACK_PATIENCE_MS))
  while true; do
    phase release_asked
    call_claim_api release
    case $http_status in
      200 | 410) phase released status "$http_status" reason "$reason" && return 0 ;;
      403 | 409) phase release_refused status "$http_status" reason "$reason" && return 0 ;;
    esac
    release_unanswered
    now
    ((now_ms + delay_ms <= until_ms)) || return 0
    pause "$delay_ms"
  done
}

give_back_and_leave() {
  give_back
  leave "$1"
}

# Reads what the job's hooks told by renaming the marker.
notice_job() {
  if [[ $job_started == 0 && (-e $job_marker-started || -e $job_marker-ended) ]]; then
    job_started=1
    begin_usage
    phase job_started
    [[ $stage != idle ]] || become_busy
  fi
  if [[ $job_ended == 0 && -e $job_marker-ended ]]; then
    job_ended=1
    end_usage
    phase job_ended "${usage[@]}"
  fi
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
  signalled=1
  if [[ $stage == claiming ]]; then
    phase stop_asked stage '"claiming"'
    leave "$EXIT_DONE"
  fi
  ((stop_requested)) || [[ $stage == released || $stage == ended ]] && return 0
  phase stop_asked stage "\"$stage\""
  [[ $stage != preparing ]] || give_back_and_leave "$EXIT_DONE"
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
