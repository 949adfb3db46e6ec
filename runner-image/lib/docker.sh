# shellcheck shell=bash
# shellcheck disable=SC2154 # shared with entrypoint.sh: now_ms, now and pause of clock.sh
# The job's own dockerd, in a container that is root in a user namespace only (nested) or on its whole host (privileged).

readonly DOCKER_SOCKET=/run/docker.sock DOCKER_LOG=/var/log/dockerd.log
readonly DOCKER_PATIENCE_MS=60000 DOCKER_LOOK_AGAIN_MS=50

docker_pid=

# start_docker [MIRROR]: returns within milliseconds; dockerd comes up beside the claim. MIRROR: a registry's https URL.
# Call it as root and before anything runs in the background: what lies in the container's root cgroup would be left there,
# and no controller could be handed on [KERNEL-CGROUP-NO-INTERNAL].
start_docker() {
  # overlay2 by name: newer engines prefer containerd's store, whose place is not the volume [KERNEL-DOCKER-STORE].
  local -a options=(--storage-driver overlay2)
  [[ -z ${1:-} ]] || options+=(--registry-mirror "$1")
  unmask_proc
  delegate_cgroups
  dockerd "${options[@]}" </dev/null >"$DOCKER_LOG" 2>&1 &
  docker_pid=$!
}

# Fails when dockerd ended, or said nothing for a minute; the end of its log is on stdout then.
await_docker() {
  local until_ms
  now
  until_ms=$((now_ms + DOCKER_PATIENCE_MS))
  while ((now_ms < until_ms)) && kill -0 "$docker_pid" 2>/dev/null; do
    if [[ -S $DOCKER_SOCKET ]] && docker_answers; then
      return 0
    fi
    pause "$DOCKER_LOOK_AGAIN_MS"
    now
  done
  tail -n 20 "$DOCKER_LOG"
  return 1
}

# The socket is there before the daemon answers on it: the request waits in its queue. In the background, because a signal's
# handler runs while bash waits for a job, but not while a command is in front.
docker_answers() {
  curl -q --silent --fail --max-time 2 --unix-socket "$DOCKER_SOCKET" http://docker/_ping </dev/null >/dev/null 2>&1 &
  wait "$!"
}

# The kernel lets a user namespace mount a proc only where it sees a whole one, and inner containers need theirs. The
# outer runtime made these masks in this container's own mount namespace, so they may go [KERNEL-RUNC-MASKS]; what they hid
# belongs to the host's root, which nobody here is.
unmask_proc() {
  local target
  local -a masks=()
  while read -r _ target _; do
    case $target in
      /proc/* | /sys/firmware) masks+=("$target") ;;
    esac
  done </proc/mounts
  ((${#masks[@]} == 0)) || umount "${masks[@]}"
}

# A cgroup hands controllers on only while no process is in it itself [KERNEL-CGROUP-NO-INTERNAL].
delegate_cgroups() {
  local root=/sys/fs/cgroup process controllers
  [[ -f $root/cgroup.controllers ]] || return 0
  mkdir -p "$root/init"
  while read -r process; do
    # shellcheck disable=SC2320 # a process that just ended cannot be moved, and need not be
    echo "$process" >"$root/init/cgroup.procs" || true
  done <"$root/cgroup.procs" 2>/dev/null
  read -r controllers <"$root/cgroup.controllers" || return 0
  echo "+${controllers// / +}" >"$root/cgroup.subtree_control"
}
