#!/usr/bin/env bash
# Checks on a real host of yours what no test of this repository can: run it as root on an instance of the pool, with the
# pool's runner image. One line per check, `ok` or `FAILED` with the cure; the exit code is the number of failures.
#
#   verify-host.sh IMAGE
#
# The job's own Docker pulls a busybox from public.ecr.aws and BuildKit from Docker Hub; VERIFY_BUSYBOX and VERIFY_BUILDKIT
# name others. It starts containers of its own, and removes them: user, capabilities, security options and volumes are those of
# a job's task definition, sizes and limits are not set. Use a host without jobs.
# shellcheck disable=SC2016,SC2329 # checks call functions by name, and give scripts to other shells
set -uo pipefail

readonly busybox=${VERIFY_BUSYBOX:-public.ecr.aws/docker/library/busybox}
readonly buildkit=${VERIFY_BUILDKIT:-moby/buildkit:buildx-stable-1}
readonly image=${1:?"usage: verify-host.sh IMAGE (one that is on this host: docker images)"}
failures=0
# shellcheck source=/dev/null
source /etc/slipway/host.env
readonly nested=(--user 0 --cap-add SYS_ADMIN --cap-add NET_ADMIN --init -v /run/nested/sys:/run/nested/sys -v /var/lib/docker)
readonly plain=(--user 1001 --cap-drop ALL --security-opt no-new-privileges --init)

# check NAME CURE COMMAND...
check() {
  local name=$1 cure=$2 said
  shift 2
  if said=$("$@" 2>&1); then
    printf 'ok      %s\n' "$name"
  else
    printf 'FAILED  %s: %s\n        said: %s\n' "$name" "$cure" "$(tail -n 1 <<<"$said")"
    failures=$((failures + 1))
  fi
}

refused() { ! "$@"; }
in_plain() { docker run --rm "${plain[@]}" --entrypoint bash "$image" -c "$1"; }
in_job() { docker exec --user "${2:-1001}" "$job" bash -euc "$1"; }
# answers NUMBER_ON_X86_64 NUMBER_ON_ARM64 ERRNO: whether root of the job gets that error of a system call.
answers() {
  docker exec --user 0 "$job" python3 -c '
import ctypes, platform, sys
x86_64, arm64, wanted = map(int, sys.argv[1:])
ctypes.CDLL(None, use_errno=True).syscall(x86_64 if platform.machine() == "x86_64" else arm64, 1, 0, b"")
assert ctypes.get_errno() == wanted, ctypes.get_errno()' "$@"
}
connects() { in_plain "timeout 3 bash -c ': >/dev/tcp/$1/$2'"; }
is_cut_off() { in_plain "! timeout 3 bash -c ': >/dev/tcp/$1/$2'"; } # fails too where no container runs

start_job() {
  job=$(docker run --detach "${nested[@]}" --entrypoint bash "$image" -c '
    time_scale=1; . /opt/slipway/lib/clock.sh; . /opt/slipway/lib/docker.sh
    start_docker && await_docker && touch /run/docker-is-ready; exec sleep infinity')
  trap 'docker rm --force --volumes "$job" >/dev/null' EXIT
  timeout 60 bash -c "until docker exec $job test -e /run/docker-is-ready; do sleep 0.2; done"
}

everywhere() {
  check "every guard stands" "the lines below 'said' name it; docs/hosts.md has each" /opt/slipway/preflight.py
  check "the agent runs" "journalctl -u ecs" systemctl --quiet is-active ecs
  check "cgroup v2 alone" "use an ECS-optimized Amazon Linux 2023 image" test -f /sys/fs/cgroup/cgroup.controllers
  check "metadata is out of reach" "nft list table inet slipway; hop limit 1 in the launch template" is_cut_off 169.254.169.254 80
  check "agent introspection is out of reach" "nft list table inet slipway" is_cut_off 172.17.0.1 51678
  check "the host's ssh is out of reach" "nft list table inet slipway" is_cut_off 172.17.0.1 22
  check "task credentials are in reach" "is ecs-init's nat rule there? iptables -t nat -S PREROUTING" connects 169.254.170.2 80
  check "ECS Exec is not offered" "rm -rf /var/lib/ecs/deps/execute-command/bin" refused test -e /var/lib/ecs/deps/execute-command/bin
  check "tasks have a limit of process ids" "start a task first; then the agent must know ECS_TASK_PIDS_LIMIT" task_pids
}

# Whether the slice of some task has the limit that the agent was told.
task_pids() {
  local limit
  for limit in /sys/fs/cgroup/ecstasks.slice/ecstasks-*.slice/pids.max; do
    [[ $(<"$limit") == "$SLIPWAY_TASK_PIDS_LIMIT" ]] || return 1
  done
}

on_nested_hosts() {
  start_job || { printf 'FAILED  Docker in a job: docker logs %s\n' "$job"; return; }
  check "container root is nobody here" "userns-remap" test "$(awk '{print $2}' "/proc/$(docker inspect -f '{{.State.Pid}}' "$job")/uid_map")" -ge 165536
  check "Docker answers in a job" "/var/log/dockerd.log in the container" in_job 'docker version'
  check "Docker runs a container" "this kernel's overlay in a user namespace" in_job 'docker run --rm '"$busybox"' true'
  check "a service answers on localhost" "iptables of this kernel in a user namespace" in_job '
    docker run -d --rm --name web -p 6379:80 '"$busybox"' httpd -f -h /etc
    curl -sf --retry 20 --retry-delay 0 --retry-all-errors http://localhost:6379/hostname; docker rm -f web'
  check "Docker builds" "BuildKit in a user namespace" in_job '
    printf "FROM '"$busybox"'\nRUN echo built\n" | docker build -q -'
  check "an inner container's limits hold" "cgroup delegation: ls -ld /sys/fs/cgroup in the job" in_job '
    test "$(docker run --rm -m 64m --cpus 0.5 '"$busybox"' cat /sys/fs/cgroup/memory.max)" = 67108864'
  check "inner --privileged works" "/run/nested/sys" in_job 'docker run --rm --privileged '"$busybox"' true'
  check "buildx with its own builder works" "/run/nested/sys" in_job '
    docker buildx create --name b --driver docker-container --driver-opt image='"$buildkit"' --use && docker buildx inspect --bootstrap; docker buildx rm b'
  check "no module can be loaded" "seccomp.json" answers 175 105 1 # init_module: EPERM
  check "keyrings are refused" "seccomp.json" answers 250 219 38 # keyctl: ENOSYS
}

check "a container runs at all" "docker images; journalctl -u docker; all other checks need it" \
  docker run --rm --pull never "${plain[@]}" --entrypoint true "$image"
((failures == 0)) || exit "$failures"
everywhere
[[ $SLIPWAY_DOCKER != nested ]] || on_nested_hosts
exit "$failures"
