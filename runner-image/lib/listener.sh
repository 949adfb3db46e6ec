# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with entrypoint.sh: here, runner_home, job_marker, jit_config, docker and so on
# The life of actions/runner's listener and of what its job leaves behind.

readonly IDLE_STOP_GRACE_MS=30000
readonly TICK_MS=5000 # of real time, whatever the scale

listener_pid=
timer_pid=
log_filter_pid=
job_started=0
job_ended=0
interrupted=0

# Job control gives the listener a process group of its own and its default SIGINT:
# a plain background child would ignore SIGINT for life, and the listener with it.
start_listener() {
  local log_fd
  phase listener_started
  remember listener_started
  # The worker prints its own log through the listener, and that one can quote the job [RUNNER-STDOUT-LOG].
  exec {log_fd}> >(exec {wake_fd}>&- && LC_ALL=C exec grep --text --line-buffered --invert-match '^\[WORKER ')
  log_filter_pid=$!
  set -m
  (
    exec {wake_fd}>&- >&"$log_fd" {log_fd}>&-
    cd "$runner_home" || exit
    export_listener_environment
    # Only where dockerd needed root; everywhere else the container itself is the runner's.
    [[ $docker == none ]] || exec setpriv --reuid=runner --regid=runner --init-groups bin/Runner.Listener run
    exec bin/Runner.Listener run
  ) </dev/null &
  listener_pid=$!
  set +m
  exec {log_fd}>&-
  jit_config=''
}

export_listener_environment() {
  export ACTIONS_RUNNER_INPUT_JITCONFIG=$jit_config
  export ACTIONS_RUNNER_HOOK_JOB_STARTED=$here/hooks/job-started.sh
  export ACTIONS_RUNNER_HOOK_JOB_COMPLETED=$here/hooks/job-completed.sh
  export ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT=1 ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1
  # For the hooks alone.
  export SLIPWAY_JOB_MARKER=$job_marker SLIPWAY_ENTRYPOINT_PID=$$ SLIPWAY_PROFILE=$profile SLIPWAY_POOL=$pool
  export SLIPWAY_PHASE_TIMES="${queued_at:+queued=${queued_at}000 }$phase_times"
  [[ ! -s $here/extra-certificates.pem ]] || export NODE_EXTRA_CA_CERTS=$here/extra-certificates.pem
  if [[ $docker == none ]]; then
    export ACTIONS_RUNNER_CONTAINER_HOOKS=$here/hooks/no-docker.sh SLIPWAY_DOCKER_LABELS=$docker_labels
  else
    export HOME=$runner_home USER=runner LOGNAME=runner
  fi
}

listener_alive() {
  kill -0 "$listener_pid" 2>/dev/null
}

# SIGINT, not SIGTERM: on SIGTERM the listener ends within 30 s whatever its job does [RUNNER-SIGNALS].
interrupt_listener() {
  ((interrupted)) && return 0
  interrupted=1
  phase listener_interrupted
  kill -INT "$listener_pid" 2>/dev/null
}

# Only for a listener that was released: it has no job and can get none.
stop_idle_listener() {
  interrupt_listener
  (
    own_wake_ups
    pause "$IDLE_STOP_GRACE_MS"
    kill -KILL -- "-$listener_pid"
  ) 2>/dev/null &
  timer_pid=$!
}

# Ends the main loop's blocking wait now and then, for the same reason as pause has slices.
start_ticking() {
  (
    own_wake_ups
    while pause $((TICK_MS * time_scale)) && kill -USR1 $$; do :; done
  ) 2>/dev/null &
  timer_pid=$!
}

# In a child: a wake-up meant for the main loop must not shorten the child's pause, nor be eaten by it.
own_wake_ups() {
  exec {wake_fd}<> <(:)
}

end_leftovers() {
  local looks=100
  [[ -z $timer_pid ]] || kill "$timer_pid" 2>/dev/null
  kill -KILL -- "-$listener_pid" 2>/dev/null
  # The listener's last lines still pass the filter, however slow the host; whoever fled with its pipe gets this second alone.
  while ((looks-- > 0)) && kill -0 "$log_filter_pid" 2>/dev/null; do pause $((10 * time_scale)); done
  kill -KILL "$log_filter_pid" 2>/dev/null
  # As process 1 everything else in sight is the job's, also what fled into a session of its own.
  (($$ != 1)) || kill -KILL -- -1 2>/dev/null
}
