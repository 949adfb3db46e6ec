# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with entrypoint.sh: here, runner_home, busy_marker, jit_config
# The life of actions/runner's listener and of what its job leaves behind.

readonly IDLE_STOP_GRACE_MS=30000
readonly TICK_MS=5000 # of real time, whatever the scale

listener_pid=
timer_pid=
job_started=0
interrupted=0

# Job control gives the listener a process group of its own and its default SIGINT:
# a plain background child would ignore SIGINT for life, and the listener with it.
start_listener() {
  phase listener_started
  set -m
  (
    exec {wake_fd}>&-
    cd "$runner_home" || exit
    export ACTIONS_RUNNER_INPUT_JITCONFIG=$jit_config
    export ACTIONS_RUNNER_HOOK_JOB_STARTED=$here/hooks/job-started.sh
    export ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT=1 ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1
    export SLIPWAY_BUSY_MARKER=$busy_marker SLIPWAY_ENTRYPOINT_PID=$$
    exec bin/Runner.Listener run
  ) </dev/null &
  listener_pid=$!
  set +m
  jit_config=''
}

listener_alive() {
  kill -0 "$listener_pid" 2>/dev/null
}

# SIGINT, not SIGTERM: on SIGTERM the listener ends within 30 s whatever its job does [RUNNER-SIGNALS].
interrupt_listener() {
  ((interrupted)) && return
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
  [[ -z $timer_pid ]] || kill "$timer_pid" 2>/dev/null
  kill -KILL -- "-$listener_pid" 2>/dev/null
  # As process 1 everything else in sight is the job's, also what fled into a session of its own.
  (($$ != 1)) || kill -KILL -- -1 2>/dev/null
}
