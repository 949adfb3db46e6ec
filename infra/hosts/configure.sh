#!/usr/bin/env bash
# Makes this machine a host of its pool. Runs at every boot before Docker starts, and may run any number of times.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=/dev/null
source /etc/slipway/host.env
readonly EXEC_BINARIES=/var/lib/ecs/deps/execute-command/bin DATA_LABEL=slipway-data

main() {
  # First: whatever fails below, the agent that starts all the same meets the preflight, and no task is ever placed here.
  install_units
  trap 'say_if_failed $?' EXIT
  command -v nft >/dev/null || dnf install --quiet --assumeyes nftables # an image of bake.sh has it
  mount_data_volume
  configure_docker
  configure_agent
  start_units
}

say_if_failed() {
  (($1)) || return 0
  local said="slipway: configure.sh failed ($1): the agent will not start on this host"
  echo "$said" >&2
  echo "$said" 2>/dev/null >/dev/console || true
}

# The pool's data volume, if its launch template has one: XFS with project quotas, which the root of AL2023 (XFS too) can
# only have by its kernel's command line [KERNEL-XFS-ROOT-QUOTA].
mount_data_volume() {
  [[ ${SLIPWAY_DISK_QUOTA_GIB:-0} != 0 ]] || return 0
  local device
  device=$(blkid --label "$DATA_LABEL" || true)
  if [[ -z $device ]]; then
    device=$(empty_disk)
    mkfs.xfs -q -L "$DATA_LABEL" "$device"
  fi
  mountpoint -q /var/lib/docker || { mkdir -p /var/lib/docker && mount -o pquota "$device" /var/lib/docker; }
}

# The first disk that has no partition, no file system and no mount.
empty_disk() {
  local name kind
  while read -r name kind; do
    [[ $kind == disk && -z $(lsblk --noheadings --output FSTYPE,MOUNTPOINT "$name" | tr -d '[:space:]') &&
      $(lsblk --noheadings --output NAME "$name" | wc -l) == 1 ]] && echo "$name" && return
  done < <(lsblk --nodeps --noheadings --paths --output NAME,TYPE)
  echo "a disk quota is asked for, but there is no empty disk for /var/lib/docker" >&2
  return 1
}

configure_docker() {
  mkdir -p /etc/docker
  "$here/daemon_settings.py" >/etc/docker/daemon.json.new
  mv /etc/docker/daemon.json.new /etc/docker/daemon.json
  is_remapped || return 0
  id -u dockremap >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin dockremap
  local file
  for file in /etc/subuid /etc/subgid; do
    grep -qs '^dockremap:' "$file" || echo dockremap:165536:65536 >>"$file"
  done
}

is_remapped() { [[ $SLIPWAY_DOCKER != privileged ]]; }

configure_agent() {
  mkdir -p /etc/ecs
  # The memory limit: so that a JVM, or whoever else looks for it, finds the task's and not the host's [ECS-AGENT-CGROUP].
  # AppArmor, which these hosts lack: else the agent may take no task with no-new-privileges [ECS-SECURITY-OPTIONS].
  cat >/etc/ecs/ecs.config <<SETTINGS
ECS_CLUSTER=$SLIPWAY_CLUSTER
ECS_INSTANCE_ATTRIBUTES=$(instance_attributes)
ECS_IMAGE_PULL_BEHAVIOR=prefer-cached
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1m
ECS_CONTAINER_STOP_TIMEOUT=120s
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_RESERVED_MEMORY=$SLIPWAY_RESERVED_MEMORY_MIB
ECS_TASK_PIDS_LIMIT=$SLIPWAY_TASK_PIDS_LIMIT
ECS_PROPAGATE_TASK_MEMORY_LIMIT_CGROUPV2=true
ECS_DISABLE_PRIVILEGED=$(is_remapped && echo true || echo false)
ECS_AWSVPC_BLOCK_IMDS=true
ECS_APPARMOR_CAPABLE=true
SETTINGS
  # Without these the agent offers no ECS Exec: nobody gets a shell in a job [ECS-EXEC-CAPABILITY].
  rm -rf "$EXEC_BINARIES"
}

# Set at the first registration only, so never changed later [ECS-INSTANCE-ATTRIBUTES].
instance_attributes() {
  printf '{"slipway.pool":"%s","slipway.generation":"%s","slipway.docker":"%s"}' \
    "$SLIPWAY_POOL" "$SLIPWAY_GENERATION" "$SLIPWAY_DOCKER"
}

install_units() {
  install -m 644 "$here"/units/slipway-* /etc/systemd/system/
  install -D -m 644 "$here/units/ecs.conf" /etc/systemd/system/ecs.service.d/slipway.conf
  install -D -m 644 "$here/units/docker.conf" /etc/systemd/system/docker.service.d/slipway.conf
  # One task is held by the agent's limit, all of them by this: the host keeps process ids for itself.
  install -D -m 644 "$here/units/ecstasks.conf" /etc/systemd/system/ecstasks.slice.d/slipway.conf
  systemctl daemon-reload
}

start_units() {
  # This boot's plan was made before these units were there: they are added to it, and wait for their turn.
  systemctl start --no-block slipway-guards slipway-containers slipway-tier slipway-images slipway-recheck.timer
}

main
